"""The networks that read hard marks: a small one for every reading, a committee for reviews."""

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "weights"

WEIGHTS: Final = _FOLDER / "omr-bubbles.onnx"
"""The model that comes with the code; its measurements lie beside it as JSON."""
COMMITTEE: Final = _FOLDER / "omr-committee.safetensors"
"""The committee that comes with the code, described in the same way."""
