"""Which GPU this computer has, asked of the driver: no CUDA context, no import of torch.

A process that opens a GPU and then forks its pool leaves the children with one that does not work.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

ASK_SECONDS: Final = 10.0
"""A driver that is broken may never answer."""
_QUERY = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
_PROC = Path("/proc/driver/nvidia/gpus")


class Gpu:
    """Asks once, on a thread of its own; ``text`` is empty until then, and where there is none."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self.text = ""

    def look(self) -> threading.Thread:
        """Begin to ask; whoever calls does not wait."""
        thread = threading.Thread(target=self._look, name="gpu", daemon=True)
        thread.start()
        return thread

    def _look(self) -> None:
        try:
            self.text = self._ask()
        except Exception as exc:  # noqa: BLE001 - not to know the GPU must not matter to a worker
            logger.warning("The GPU could not be asked: %s.", type(exc).__name__)


def ask() -> str:
    """Name and memory, such as ``2 x NVIDIA L4, 22 GiB``; empty where there is no GPU.

    Raises OSError or subprocess.TimeoutExpired where the driver does not answer.
    """
    if tool := shutil.which("nvidia-smi"):
        answer = subprocess.run(
            [tool, *_QUERY], capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
        if answer.returncode == 0 and (said := described(answer.stdout)):
            return said
    # A container may have the driver without its tools.
    return _counted(line for file in sorted(_PROC.glob("*/information")) for line in _model(file))


def described(listing: str) -> str:
    """What ``nvidia-smi`` lists as ``name, MiB`` lines, in words."""
    found = []
    for line in listing.splitlines():
        name, _, mebibytes = line.rpartition(",")
        if name and mebibytes.strip().isdecimal():
            found.append(f"{name.strip()[:60]}, {round(int(mebibytes) / 1024)} GiB")
    return _counted(found)


def _model(file: Path) -> list[str]:
    lines = file.read_text().splitlines()
    return [line.partition(":")[2].strip()[:60] for line in lines if line.startswith("Model:")]


def _counted(names: Iterable[str]) -> str:
    counts = Counter(names)
    return "; ".join(name if n == 1 else f"{n} x {name}" for name, n in counts.items())


gpu: Final = Gpu(ask)
"""This computer's."""
