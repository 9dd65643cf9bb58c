"""Memory that is left for a model: of the control group, of the host, or of the GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from academy.inference import runtime
from academy.inference.device import Device
from academy.jobs.errors import UnsuitableHostError

#: Kept free for whatever else the process does.
RESERVE_BYTES: Final = 128 << 20
_CGROUP: Final = Path("/sys/fs/cgroup")
_MEMINFO: Final = Path("/proc/meminfo")


def require(name: str, needed_bytes: int, device: Device) -> None:
    """Raise UnsuitableHostError(model_needs_memory) where the model does not fit here now.

    A host that loads it all the same is ended by the kernel with everything it was working on.
    """
    free = free_bytes() if device == "cpu" else _free_on_gpu()
    if needed_bytes + RESERVE_BYTES > free:
        raise UnsuitableHostError(
            "model_needs_memory", model=name, needed_bytes=needed_bytes, free_bytes=free
        )


def free_bytes(cgroup: Path = _CGROUP, meminfo: Path = _MEMINFO) -> int:
    """What may still be allocated: the least of the host's and the control group's."""
    left = [_available(meminfo)]
    for limit, usage in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            most, used = (cgroup / limit).read_text(), int((cgroup / usage).read_text())
            cached = _inactive((cgroup / limit).parent / "memory.stat")
        except (OSError, ValueError):
            continue
        if most.strip().isdigit():
            left.append(int(most) - used + cached)
    return max(0, min(left))


def _available(meminfo: Path) -> int:
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    raise OSError(f"{meminfo} does not say MemAvailable")


def _inactive(stat: Path) -> int:
    """Page cache that the kernel gives up first; it counts as used and is not."""
    for line in stat.read_text().splitlines():
        key, _, value = line.partition(" ")
        if key in {"inactive_file", "total_inactive_file"}:
            return int(value)
    return 0


def _free_on_gpu() -> int:
    free, _total = runtime.torch().cuda.mem_get_info()
    return int(free)
