"""How strongly a command is confined that reads a stranger's file.

A lecture or a scan is handed to a million lines of C. Two fences, whatever the host: resource
limits with death alongside the worker, and the strongest isolation that the host grants:
bubblewrap; else an empty network namespace and Landlock from `confine.py`; else the resource limits
alone. The log says once which it is.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from academy.sandbox.devices import NONE, Devices

log = logging.getLogger(__name__)

_CONFINE = Path(__file__).with_name("confine.py")
_GIB = 1 << 30

SETUP_FAILED = 125
"""Exit code of a command that the sandbox did not start; `confine.py` says why on stderr."""


class Mode(StrEnum):
    """How strongly this host can isolate a command, strongest first."""

    BWRAP = "bwrap"
    NAMESPACE = "namespace"
    LIMITS = "limits"


@dataclass(frozen=True)
class Limits:
    """Resource limits of one command. Bytes, seconds, descriptors."""

    cpu_seconds: int
    memory_bytes: int = 8 * _GIB
    file_bytes: int = _GIB
    open_files: int = 256
    nice: int = 10


@dataclass(frozen=True)
class Isolation:
    """What the host grants, found out once."""

    mode: Mode
    bwrap: str = ""
    network: bool = False
    files: bool = False


def environment() -> dict[str, str]:
    """The whole environment of a confined command: no credential of the worker is in it."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}


@cache
def isolation() -> Isolation:
    """Find out what this host grants, log it once, remember it for the life of the process."""
    found = _try_bwrap() or _try_confine()
    level = logging.WARNING if found.mode is Mode.LIMITS else logging.INFO
    log.log(
        level,
        "sandbox: %s (network isolated: %s, files confined: %s)",
        found.mode,
        found.network,
        found.files,
    )
    return found


def _try_bwrap() -> Isolation | None:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return None
    # With all that it is used with: where parts of /proc are hidden, nobody may mount another one.
    trial = [*_bwrap(bwrap, Path("/bin/true"), (), (), NONE), "--", "/bin/true"]
    try:
        done = subprocess.run(
            trial,
            check=False, capture_output=True, timeout=10, stdin=subprocess.DEVNULL,
            env=environment(),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Isolation(Mode.BWRAP, bwrap, network=True, files=True) if done.returncode == 0 else None


def _try_confine() -> Isolation:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_CONFINE), "--report"],
        check=False, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL,
        env=environment(),
    )  # fmt: skip
    granted = json.loads(done.stdout) if done.returncode == 0 else {}
    network, files = bool(granted.get("network")), bool(granted.get("files"))
    mode = Mode.NAMESPACE if network or files else Mode.LIMITS
    return Isolation(mode, network=network, files=files)


def confined(
    command: Sequence[str],
    *,
    limits: Limits,
    reads: Sequence[Path] = (),
    writes: Sequence[Path] = (),
    devices: Devices = NONE,
    within: Isolation | None = None,
) -> list[str]:
    """The argv that runs `command` in the sandbox.

    `command[0]` is an absolute path. `reads` and `writes` are absolute paths that exist, visible
    at the same place inside; nothing else of the host is, beyond system libraries and `devices`.
    Start it with `environment()` and a session of its own.
    """
    grant = within or isolation()
    # A GPU's driver reserves addresses for all memory of host and cards: what counts there is what
    # a command can write to.
    memory = "--data" if devices else "--memory"
    argv = [
        sys.executable, "-I", "-S", str(_CONFINE),
        "--parent", str(os.getpid()),
        memory, str(limits.memory_bytes),
        "--file-size", str(limits.file_bytes),
        "--open-files", str(limits.open_files),
        "--cpu-seconds", str(limits.cpu_seconds),
        "--nice", str(limits.nice),
    ]  # fmt: skip
    binary = Path(command[0])
    if grant.mode is Mode.BWRAP:
        inside = _bwrap(grant.bwrap, binary, reads, writes, devices)
        return [*argv, "--", *inside, "--", *command]
    if grant.network:
        argv.append("--no-network")
    if grant.files:
        argv.append("--confine-files")
        for path in (binary, *reads, *devices.told):
            argv += ["--read", str(path)]
        for path in writes:
            argv += ["--write", str(path)]
        for path in devices.nodes:
            argv += ["--device", str(path)]
    return [*argv, "--", *command]


def _bwrap(
    bwrap: str, binary: Path, reads: Sequence[Path], writes: Sequence[Path], devices: Devices
) -> list[str]:
    argv = [bwrap, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--clearenv"]
    for name, value in environment().items():
        argv += ["--setenv", name, value]
    argv += ["--dev", "/dev", "--proc", "/proc"]
    for path in ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"):
        argv += ["--ro-bind-try", path, path]
    for readable in (binary, *reads):
        argv += ["--ro-bind", str(readable), str(readable)]
    for node in devices.nodes:
        argv += ["--dev-bind-try", str(node), str(node)]
    for told in devices.told:
        # Its own /proc is mounted already, and tells of the driver as the host's does.
        if not told.is_relative_to("/proc"):
            argv += ["--ro-bind-try", str(told), str(told)]
    for writable in writes:
        argv += ["--bind", str(writable), str(writable)]
    if writes:
        argv += ["--chdir", str(writes[0])]
    return argv
