"""What a homework video may be, and how it is looked at."""

from __future__ import annotations

from typing import Final

MAX_BYTES: Final = 2 << 30
MAX_MINUTES: Final = 10
MAX_PAGES: Final = 100
RATE: Final = 6
"""Pictures a second that are looked at."""
SMALL_SIDE: Final = 192
"""Pixels of the longer side, for finding when the view is steady."""
LONG_SIDE: Final = 1_920
"""Pixels: pages are taken from pictures brought down to this."""
CANDIDATES: Final = 3
"""Pictures of a steady view, of which the best is kept."""
MAX_VIEWS: Final = 240
