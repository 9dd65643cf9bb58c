"""How much material an academy may have."""

from __future__ import annotations

from typing import Final

MAX_COLLECTIONS: Final = 500
"""Of one academy."""
MAX_IN_COLLECTION: Final = 20_000
"""Problems."""
MAX_PROBLEMS: Final = 200_000
"""Of one academy: an exact search of so many takes seconds; see `docs/decisions/0013`."""
MAX_AT_ONCE: Final = 200
"""Problems of one request."""
TITLE_CHARS: Final = 80
NUMBER_CHARS: Final = 20
TEXT_CHARS: Final = 4_000
MAX_TAGS: Final = 10
TAG_CHARS: Final = 30
MAX_PAGE: Final = 5_000
