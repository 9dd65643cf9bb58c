"""A graphics card that is none: an ffmpeg whose NVENC is made of x264, or fails.

Nobody's test host has NVENC. This stand-in takes the command lines that are meant for it, and runs
them: h264_nvenc becomes x264 at another profile, so that its init segments differ from those that
the platform's own x264 makes; scale_cuda becomes scale. What the card itself does is not tested.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from academy.sandbox import isolation
from academy.sandbox.isolation import Isolation, Mode
from academy.video import encoders
from tests.support import media


class Card(StrEnum):
    """How the stand-in behaves when h264_nvenc is asked for."""

    WORKS = "works"
    FAILS = "fails"
    CRASHES = "crashes"
    HANGS = "hangs"
    NO_FILTERS = "no filters"
    """It encodes, and cannot scale."""


_SCRIPT = r"""#!{python} -IS
import os, re, signal, sys, time
from pathlib import Path

here = Path(sys.argv[0]).resolve().parent
argv = sys.argv[1:]
if "h264_nvenc" in argv:
    with open(here / "calls", "a") as calls:
        calls.write(" ".join(argv) + "\n")
    card = (here / "card").read_text()
    if card == "hangs":
        time.sleep(60)
    if card == "crashes":
        os.kill(os.getpid(), signal.SIGKILL)
    if card == "fails" or (card == "no filters" and any("scale_cuda" in word for word in argv)):
        sys.stderr.write("[h264_nvenc @ 0x1] [error] OpenEncodeSessionEx failed: out of memory\n")
        sys.stderr.write("[error] Nothing was written into output file, because at least one of"
                         " its streams received no packets.\n")
        sys.exit(187)
    left, argv = argv, []
    while left:
        word = left.pop(0)
        name, _, stream = word.partition(":")
        stream = ":" + stream if stream else ""
        if name in ("-hwaccel", "-hwaccel_output_format", "-extra_hw_frames", "-rc"):
            left.pop(0)
        elif name == "-no-scenecut":
            left.pop(0)
            argv += ["-sc_threshold" + stream, "0", "-threads" + stream, "1"]
        elif name == "-preset" and left[0] == "p4":
            left.pop(0)
            argv += [word, "ultrafast"]
        elif name == "-profile":
            left.pop(0)
            argv += [word, "main"]
        elif name == "-cq":
            argv.append("-crf" + stream)
        elif word == "h264_nvenc":
            argv.append("libx264")
        else:
            word = re.sub(r"scale_cuda=(\d+):(\d+)[^,;\[]*", r"scale=\1:\2:flags=lanczos", word)
            argv.append(word.replace("hwupload_cuda", "null"))
os.execv({ffmpeg!r}, [{ffmpeg!r}, *argv])
"""


@dataclass(frozen=True)
class GpuHost:
    """This process as a GPU host; `card` says what its card does from now on."""

    folder: Path
    settings: Any

    def card(self, card: Card) -> None:
        (self.folder / "card").write_text(card)

    @property
    def calls(self) -> list[str]:
        """The command lines that were meant for the card, probes included."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def encodes(self) -> list[str]:
        """Those of them that encoded a recording."""
        return [line for line in self.calls if "-var_stream_map" in line]

    @property
    def ffmpeg(self) -> str:
        return str(self.folder / "ffmpeg")

    def become_cpu(self) -> None:
        """From now on this process is a host without a card, with the same build of ffmpeg."""
        self.settings.HOST_KIND = "cpu"

    def become_gpu(self) -> None:
        self.settings.HOST_KIND = "gpu"


def gpu_host(folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> GpuHost:
    """Make this process a GPU host with a card that works."""
    folder.mkdir()
    stand_in = folder / "ffmpeg"
    tools = media.binaries()
    stand_in.write_text(_SCRIPT.format(python=sys.executable, ffmpeg=tools.ffmpeg))
    stand_in.chmod(0o755)
    settings.HOST_KIND, settings.VIDEO_ENCODER = "gpu", "auto"
    settings.FFMPEG_BIN, settings.FFPROBE_BIN = str(stand_in), tools.ffprobe
    # The sandbox would show the stand-in neither its interpreter nor the real ffmpeg.
    monkeypatch.setattr(isolation, "isolation", lambda: Isolation(Mode.LIMITS))
    encoders.forget()
    host = GpuHost(folder, settings)
    host.card(Card.WORKS)
    return host
