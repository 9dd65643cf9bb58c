"""Train the network for question numbers: draw, learn, judge on other fonts, and store.

    python -m academy.ai.segmentation.numbers --examples 60000 --epochs 14

Needs torch and onnx, and the fonts of `fonts.py`: on Debian fonts-nanum, fonts-nanum-extra,
fonts-unfonts-core, fonts-baekmuk, fonts-liberation, fonts-urw-base35, fonts-dejavu and
fonts-noto-cjk. The same fonts and arguments give the same network.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Final

import cv2
import torch

from academy.ai.segmentation.numbers import WEIGHTS
from academy.ai.segmentation.numbers.examples import examples_of
from academy.ai.segmentation.numbers.fonts import FOLDERS, HELD_OUT, LEARNT, faces
from academy.ai.segmentation.numbers.training import judged, logits_of, onnx_bytes, train

_FEWEST_FONTS: Final = 12
_LEAST_GAIN: Final = 0.0
HELD_OUT_SEED: Final = 900_001


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit status is 0 whether or not the new network was stored."""
    options = _options(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    folders = (*FOLDERS, *options.fonts)
    learnt, held_out = faces(LEARNT, folders), faces(HELD_OUT, folders)
    if len(learnt) < _FEWEST_FONTS or not held_out:
        _say(f"only {len(learnt)} of the fonts are here; see --help")
        return 1
    _say(f"{len(learnt)} fonts to learn from, {len(held_out)} to judge on")
    examples = examples_of(learnt, options.examples, options.seed)
    network = train(examples, epochs=options.epochs, seed=options.seed, say=_say)
    content = onnx_bytes(network)
    held = examples_of(held_out, options.held_out, HELD_OUT_SEED)
    shares = {
        "known_fonts": judged(
            logits_of(content, fresh := examples_of(learnt, options.held_out, HELD_OUT_SEED + 1)),
            fresh,
        ),
        "other_fonts": judged(logits_of(content, held), held),
    }
    for name, share in shares.items():
        _say(f"{name}: {json.dumps(share)}")
    if options.out.exists():
        present = judged(logits_of(options.out.read_bytes(), held), held)
        _say(f"present network: {json.dumps(present)}")
        if shares["other_fonts"]["number"] - present["number"] <= _LEAST_GAIN:
            _say("not stored: the present network reads other fonts as well")
            return 0
    sha256 = hashlib.sha256(content).hexdigest()
    about = {
        "name": f"question-numbers@{sha256[:8]}",
        "sha256": sha256,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "training": {
            "examples": options.examples, "epochs": options.epochs, "seed": options.seed,
            "fonts": [face.path.stem for face in learnt],
        },
        "held_out": {"examples": options.held_out, "fonts": [face.path.stem for face in held_out]},
        "right": shares,
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(content)
    text = json.dumps(about, ensure_ascii=False, indent=2, sort_keys=True)
    options.out.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    _say(f"stored: {about['name']}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m academy.ai.segmentation.numbers", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--examples", type=int, default=60_000)
    parser.add_argument("--held-out", type=int, default=4_000, help="examples to judge on")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fonts", type=Path, nargs="*", default=(), help="more folders of fonts")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
