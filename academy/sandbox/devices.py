"""What of a host a confined command must see so that it can compute on an NVIDIA GPU.

The driver is three things: device nodes that are opened and asked by ioctl, a library (libcuda,
among the system's), and what the kernel tells of the card under /sys and /proc. A command that was
not given them finds no GPU; what else is in /dev stays out of sight.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DEV: Final = Path("/dev")
#: The kernel's description of the card. Of other processes /proc shows nothing to these.
_TOLD: Final = (
    "/sys/bus/pci", "/sys/devices", "/sys/module",
    "/proc/driver/nvidia", "/proc/devices", "/proc/cpuinfo", "/proc/meminfo", "/proc/modules",
    "/proc/self",
)  # fmt: skip


@dataclass(frozen=True)
class Devices:
    """Device nodes that are read, written and asked, and what is only read beside them."""

    nodes: tuple[Path, ...] = ()
    told: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.nodes)


NONE: Final = Devices()


def nvidia(dev: Path = _DEV) -> Devices:
    """The driver's device nodes (``nvidia0``, ``nvidiactl``, ``nvidia-uvm``, ``nvidia-caps/`` ...).

    Empty where this host, or this container, has none.
    """
    nodes = tuple(sorted(dev.glob("nvidia*")))
    return Devices(nodes, tuple(Path(path) for path in _TOLD)) if nodes else NONE
