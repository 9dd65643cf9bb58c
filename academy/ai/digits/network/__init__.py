"""The network that says what a piece of ink is, and the weights that come with the code."""

from pathlib import Path
from typing import Final

WEIGHTS: Final = Path(__file__).parent / "weights" / "short-digits.safetensors"
"""Its description and measurements lie beside it as JSON."""

SYMBOLS: Final = "0123456789-/"
"""The classes in their order; one more, the last, is everything else."""
OTHER: Final = len(SYMBOLS)
