"""How well Korean school text is recognised, on made-up pages, clean and photographed.

    python -m tests.perf.ai.ocr [size]

``size`` pages of each way of capture. Needs the language data (`make ocr-data`, or TESSDATA_DIR);
without it there is nothing to measure, and the answer says so.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from academy.ai.ocr.engine import LANGUAGE, Recogniser
from academy.ai.segmentation.numbers.fonts import HELD_OUT, LEARNT, Face, faces
from academy.documents.opening import Gray
from deploy.local.ocr_data import installed_folder

FIRST_SEED = 70_000
CLEAN_GATE, PHOTO_GATE = 0.04, 0.06
SPACE_GATE = 0.06
"""With spaces, on clean pages."""
SENTENCES = (
    "다음 글을 읽고 물음에 답하시오.", "함수의 그래프에 대한 설명으로 옳은 것은?",
    "실험 결과를 나타낸 자료는 모두 3개이다.", "이차방정식의 두 근의 합은 12이고 곱은 35이다.",
    "밑줄 친 부분의 뜻으로 가장 적절한 것을 고르시오.", "빈칸에 들어갈 알맞은 말을 쓰시오.",
    "물체가 운동하는 동안 속력은 일정하게 증가하였다.",
    "조선 후기 사회의 변화를 바르게 말한 학생은?",
    "용액의 온도가 높을수록 반응이 빨리 일어난다.", "지도에 표시된 지역의 특징을 두 가지 쓰시오.",
    "등차수열의 첫째항은 4이고 공차는 7이다.", "이 시의 화자가 바라는 것은 무엇인가?",
    "사각형의 넓이를 구하는 과정을 서술하시오.", "전류의 세기는 전압에 비례하고 저항에 반비례한다.",
)  # fmt: skip
_SYSTEM = (
    Path("/usr/share/tesseract-ocr/5/tessdata"), Path("/usr/share/tesseract-ocr/5/tessdata/script"),
    Path("/usr/share/tessdata/script"),
)  # fmt: skip


def data_folder() -> Path | None:
    """Where the language data is, or None."""
    named = os.environ.get("TESSDATA_DIR")
    places = [Path(named)] if named else [*filter(None, [installed_folder()]), *_SYSTEM]
    return next((one for one in places if (one / f"{LANGUAGE}.traineddata").is_file()), None)


def measure(size: int) -> dict[str, Any]:
    """Character error rates without and with spaces, and pages a second on a core.

    ``passed`` is None, and ``why`` says so, where the language data is missing.
    """
    data = data_folder()
    if data is None:
        return {"passed": None, "why": f"{LANGUAGE}.traineddata is not here: make ocr-data"}
    with Recogniser(data) as recogniser:
        sets = {
            name: _measured(recogniser, size, photographed=photographed)
            for name, photographed in (("clean", False), ("photo", True))
        }
    passed = (
        sets["clean"]["cer"] <= CLEAN_GATE
        and sets["photo"]["cer"] <= PHOTO_GATE
        and sets["clean"]["cer_with_spaces"] <= SPACE_GATE
    )
    return {"size": size, "sets": sets, "passed": passed}


def _measured(recogniser: Recogniser, size: int, *, photographed: bool) -> dict[str, Any]:
    fonts = [face for face in faces([*LEARNT, *HELD_OUT]) if face.hangul]
    errors = spaced = letters = spaced_letters = 0
    spent = 0.0
    for seed in range(FIRST_SEED, FIRST_SEED + size):
        random = np.random.default_rng([1_213, seed, photographed])
        lines, page = _page(random, fonts)
        gray = _photographed(page, random) if photographed else page
        began = process_time()
        read = [line.text for line in recogniser.lines(gray)]
        spent += process_time() - began
        truth, seen = "\n".join(lines), "\n".join(read)
        spaced += distance(truth, seen)
        spaced_letters += len(truth)
        errors += distance("".join(truth.split()), "".join(seen.split()))
        letters += len("".join(truth.split()))
    return {
        "cer": round(errors / letters, 4),
        "cer_with_spaces": round(spaced / spaced_letters, 4),
        "pages_per_second": round(size / spent, 2),
    }


def _page(random: np.random.Generator, fonts: Sequence[Face]) -> tuple[list[str], Gray]:
    """A page of 20 lines, and what stands on it."""
    size = int(random.integers(26, 36))
    font = fonts[int(random.integers(len(fonts)))].at(size)
    lines = [SENTENCES[int(at)] for at in random.integers(len(SENTENCES), size=20)]
    page = Image.new("L", (1200, 120 + round(20 * 1.8 * size)), 255)
    pen = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        pen.text((70, 60 + row * 1.8 * size), line, 0, font)
    return lines, np.asarray(page, np.uint8)


def _photographed(page: Gray, random: np.random.Generator) -> Gray:
    """Turned by up to two degrees, half in the shade, a little blurred and noisy."""
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(random.uniform(-2, 2)), 0.96)
    seen = cv2.warpAffine(page, turn, (width, height), borderValue=255.0).astype(np.float32)
    seen = cv2.GaussianBlur(seen, (0, 0), float(random.uniform(0.5, 0.9)))
    shade = np.linspace(float(random.uniform(0.5, 0.7)), 0.95, width)[None, :]
    noisy = seen * shade + random.normal(0, 5, seen.shape)
    return np.asarray(noisy.clip(0, 255), np.uint8)


def distance(one: str, other: str) -> int:
    """Insertions, deletions and replacements between two texts (Levenshtein, 1966)."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        before, row[0] = row[0], at
        for place, wanted in enumerate(other, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (letter != wanted)),
            )
    return row[-1]


def main() -> int:
    """Print the figures; 1 where a gate does not hold."""
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 1 if found["passed"] is False else 0


if __name__ == "__main__":
    sys.exit(main())
