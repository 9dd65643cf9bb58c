"""Pictures in the child: what Pillow's own conversions get wrong for scans."""

from __future__ import annotations

import numpy as np
from PIL import Image


def eight_bits(image: Image.Image) -> Image.Image:
    """A gray picture of 16 bits as one of 8; others as they are. Pillow would cut at 255: white."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image, np.uint16) >> 8).astype(np.uint8))
