"""The small network that reads the printed numbers of questions in pictures."""

from pathlib import Path
from typing import Final

WEIGHTS: Final = Path(__file__).parent / "weights" / "question-numbers.onnx"
"""The model that comes with the code; its measurements lie beside it as JSON."""
