"""What a document may be: known to the API and to the child, without a library of either."""

from __future__ import annotations

from typing import Final

MAX_PAGES: Final = 300
MAX_PIXELS: Final = 60_000_000
"""Of one picture; a telephone of 50 megapixels passes."""
MAX_BYTES: Final = 512 << 20
DPI: Final = 200
"""Of every page of a PDF, and of every bbox on one."""
LONG_SIDE: Final = 3_400
"""Pixels: larger pages and pictures are brought down to this."""
SHORT_SIDE: Final = 32
"""Pixels: a picture below it shows no line of text."""
