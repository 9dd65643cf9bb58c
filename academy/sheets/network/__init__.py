"""The small network that reads hard marks."""

from pathlib import Path
from typing import Final

WEIGHTS: Final = Path(__file__).parent / "weights" / "omr-bubbles.onnx"
"""The model that comes with the code; its measurements lie beside it as JSON."""
