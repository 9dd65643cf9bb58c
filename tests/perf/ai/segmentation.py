"""How well tests are divided into questions, on other seeds than the tests, and in other fonts.

    python -m tests.perf.ai.segmentation [size]

``size`` tests of 24 questions for each way of capture. Figures of made-up tests: they show that
nothing got worse, not what a hall full of paper would give.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

import pypdfium2

from academy.ai.segmentation import file
from academy.ai.segmentation.numbers.fonts import HELD_OUT, Face, faces
from academy.sandbox.child import Refused
from tests.support.printed_tests import Capture, Printer, Score, captured, saved, text_pdf

FIRST_SEED = 50_000
QUESTIONS = 24
TEXT_GATE, SCAN_GATE = 0.98, 0.9
TEXT = "text"


def measure(size: int) -> dict[str, Any]:
    """Precision and recall at an intersection over union of .8, and pages a second on a core.

    By ``text``, ``clean``, ``scan`` and ``rough``, and, where fonts that the network never saw are
    installed, those with ``/other fonts``. ``passed`` says whether the gates hold.
    """
    found = {TEXT: _text(size)} | {how.value: _pictures(how, size, None) for how in Capture}
    others = faces(HELD_OUT)
    if any(face.hangul for face in others):
        found |= {f"{how.value}/other fonts": _pictures(how, size, others) for how in Capture}
    passed = _least(found[TEXT]) >= TEXT_GATE and _least(found[Capture.SCAN.value]) >= SCAN_GATE
    return {"size": size, "sets": found, "passed": passed}


def _least(figures: dict[str, Any]) -> float:
    return float(min(figures["precision"], figures["recall"]))


def _text(size: int) -> dict[str, Any]:
    score, spent, pages = Score(), 0.0, 0
    for seed in range(FIRST_SEED, FIRST_SEED + size):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "test.pdf"
            truth = text_pdf(path, seed, QUESTIONS)
            with pypdfium2.PdfDocument(path) as document:
                pages += len(document)
            began = process_time()
            questions = _read(path, Path(folder))
            spent += process_time() - began
            score.add(truth, questions)
    return {**score.to_json(), "pages_per_second": round(pages / spent, 1)}


def _pictures(how: Capture, size: int, fonts: Sequence[Face] | None) -> dict[str, Any]:
    score, spent, pages = Score(), 0.0, 0
    for seed in range(FIRST_SEED, FIRST_SEED + size):
        drawn = captured(Printer(seed, fonts).draw(QUESTIONS), how, seed)
        pages += len(drawn.pages)
        with tempfile.TemporaryDirectory() as folder:
            path = saved(Path(folder) / "test.tif", drawn.pages)
            began = process_time()
            questions = _read(path, Path(folder))
            spent += process_time() - began
        score.add(drawn.questions, questions)
    return {**score.to_json(), "pages_per_second": round(pages / spent, 1)}


def _read(path: Path, folder: Path) -> list[dict[str, Any]]:
    """The questions; none where the whole file is refused."""
    request = {"path": str(path), "first": 1, "last": None, "most": 20}
    try:
        questions: list[dict[str, Any]] = file.read(request, folder, _quiet)["found"]["questions"]
    except Refused:
        return []
    return questions


def _quiet(_share: float) -> None:
    return


def main() -> int:
    """Print the figures; 1 where a gate does not hold."""
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
