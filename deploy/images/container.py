"""Start an image's processes the way production does, without an engine: runc over its root.

Read-only root file system, a tmpfs at /tmp, a volume at /scratch, the image's own user, no
capability, no new privileges, process and mount namespaces of its own. The network is the host's,
so that services on 127.0.0.1 can be reached.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from deploy.images.engine import Engine, EngineError

_SECOND = 1_000_000_000  # durations of an image's configuration are nanoseconds
_STEP = 0.5
_TMPFS = ("nosuid", "nodev", "mode=1777")
_MASKED = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware")


class ContainerError(Exception):
    """A container did not do what is asked of it; the text holds its last words."""


@dataclass(frozen=True)
class Config:
    """What an image says about its containers; times are seconds."""

    argv: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[str, ...]
    uid: int
    gid: int
    folder: str
    labels: Mapping[str, str]
    volumes: tuple[str, ...]
    health: tuple[str, ...]
    health_timeout: float
    health_interval: float
    start_period: float


def config(engine: Engine, tag: str) -> Config:
    """The configuration of an image in buildah's storage. Raises EngineError."""
    found = json.loads(engine.call("inspect", "--type", "image", tag))["Docker"]["config"]
    health = found.get("Healthcheck") or {}
    uid, _, gid = (found.get("User") or "0").partition(":")
    if not uid.isdecimal():
        raise EngineError(f"{tag} names its user {uid!r}: an orchestrator needs the number")
    return Config(
        argv=tuple(found.get("Entrypoint") or ()),
        command=tuple(found.get("Cmd") or ()),
        environment=tuple(found.get("Env") or ()),
        uid=int(uid),
        gid=int(gid or 0),
        folder=found.get("WorkingDir") or "/",
        labels=found.get("Labels") or {},
        volumes=tuple(found.get("Volumes") or ()),
        health=tuple((found.get("Healthcheck") or {}).get("Test") or ())[1:],
        health_timeout=health.get("Timeout", 0) / _SECOND,
        health_interval=health.get("Interval", 0) / _SECOND,
        start_period=health.get("StartPeriod", 0) / _SECOND,
    )


class Unpacked:
    """An image's root file system, mounted from buildah's storage."""

    def __init__(self, engine: Engine, tag: str) -> None:
        self._engine = engine
        self.config = config(engine, tag)
        self._name = engine.call("from", "--pull-never", tag)
        self.root = Path(engine.call("mount", self._name)).resolve()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.call("umount", self._name)
        self._engine.call("rm", self._name)


class Container:
    """One running container."""

    def __init__(
        self,
        image: Unpacked,
        name: str,
        folder: Path,
        *,
        arguments: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self.config = image.config
        self._folder = folder / name
        self._scratch = self._folder / "scratch"
        self._scratch.mkdir(parents=True)
        os.chown(self._scratch, image.config.uid, image.config.gid)
        self.log = folder / f"{name}.log"
        self._state = folder / "runc"
        self._environment = [
            *image.config.environment,
            *(f"{key}={value}" for key, value in environment.items()),
        ]
        argv = [*image.config.argv, *(arguments or image.config.command)]
        (self._folder / "config.json").write_text(json.dumps(self._bundle(image.root, argv)))
        self._child: subprocess.Popen[bytes] | None = None
        self._began = 0.0

    @property
    def age_seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self._began

    def start(self) -> None:
        """Start it; it may not be ready."""
        self._began = time.monotonic()
        with self.log.open("ab") as log:
            argv = ["runc", "--root", str(self._state), "run", self.name]
            self._child = subprocess.Popen(
                argv, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def run(self, timeout: float) -> str:
        """Run it to its end; what it said. Raises ContainerError where it fails."""
        self.start()
        status = self.wait(timeout)
        if status != 0:
            raise ContainerError(f"{self.name} ended with {status}: {self.tail()}")
        return self.log.read_text(errors="replace")

    def execute(self, argv: Sequence[str], timeout: float) -> tuple[int, str]:
        """Run a command beside the container's process, as an orchestrator does."""
        process = self._folder / f"exec-{time.monotonic_ns()}.json"
        process.write_text(json.dumps(self._process(argv)))
        command = ["runc", "--root", str(self._state), "exec", "--process", str(process), self.name]
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            return 124, f"no answer within {timeout:g} s"
        finally:
            process.unlink()
        return done.returncode, (done.stdout + done.stderr).strip()

    def health(self) -> tuple[bool, str]:
        """What the image's HEALTHCHECK says."""
        # A busy machine that builds images is slower than the host that the time-out is meant for.
        status, said = self.execute(self.config.health, 3 * self.config.health_timeout)
        return status == 0, said

    def until_health(self, *, well: bool, within: float) -> float:
        """Wait until the HEALTHCHECK says so; seconds that it took. Raises ContainerError."""
        began = time.monotonic()
        said = "no answer"
        while time.monotonic() - began < within:
            if self._child is None or self._child.poll() is not None:
                raise ContainerError(f"{self.name} has ended: {self.tail()}")
            healthy, said = self.health()
            if healthy is well:
                return time.monotonic() - began
            time.sleep(_STEP)
        wanted = "healthy" if well else "unhealthy"
        raise ContainerError(
            f"{self.name} was not {wanted} within {within:g} s ({said}): {self.tail()}"
        )

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to every process but the first, as a hang or its end would look."""
        listing = json.loads(self._runc("ps", "--format", "json", self.name))
        first = json.loads(self._runc("state", self.name))["pid"]
        for pid in listing:
            if pid != first:
                os.kill(pid, number)

    def stop(self, grace: float) -> tuple[int, float]:
        """SIGTERM to process 1; exit status and the seconds that it took. Raises ContainerError."""
        began = time.monotonic()
        self._runc("kill", self.name, "TERM")
        return self.wait(grace), time.monotonic() - began

    def wait(self, timeout: float) -> int:
        """The exit status. Raises ContainerError after *timeout* seconds."""
        assert self._child is not None
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ContainerError(
                f"{self.name} did not end in {timeout:g} s: {self.tail()}"
            ) from None

    def remove(self) -> None:
        """End it at once, where it still runs, and forget it."""
        if self._child is None:
            return
        argv = ["runc", "--root", str(self._state), "delete", "--force", self.name]
        subprocess.run(argv, check=False, capture_output=True)
        self._child.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def tail(self) -> str:
        """Its last words."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-8:])

    def _runc(self, *arguments: str) -> str:
        argv = ["runc", "--root", str(self._state), *arguments]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise ContainerError(f"{' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def _process(self, argv: Sequence[str]) -> dict[str, Any]:
        nothing: list[str] = []
        return {
            "terminal": False,
            "user": {"uid": self.config.uid, "gid": self.config.gid},
            "args": list(argv),
            "env": self._environment,
            "cwd": self.config.folder,
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), nothing),
            "noNewPrivileges": True,
        }

    def _bundle(self, root: Path, argv: Sequence[str]) -> dict[str, Any]:
        """The container as the OCI's runtime specification writes it."""
        read_only = ("rbind", "nosuid", "noexec", "nodev", "ro")
        mounts = [
            _mount("/proc", "proc"),
            _mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            _mount("/dev/shm", "tmpfs", *_TMPFS),  # noqa: S108 - a mount of the container
            _mount("/sys", "none", *read_only, source="/sys"),
            _mount("/tmp", "tmpfs", *_TMPFS),  # noqa: S108 - a mount of the container
            _mount("/scratch", "none", "bind", "rw", "nosuid", "nodev", source=str(self._scratch)),
        ]
        return {
            "ociVersion": "1.0.2",
            "process": self._process(argv),
            "root": {"path": str(root), "readonly": True},
            "hostname": self.name[:60],
            "mounts": mounts,
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
                "maskedPaths": list(_MASKED),
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"],
            },
        }


def _mount(target: str, kind: str, *options: str, source: str = "") -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": source or kind, "options": [*options]}


def wait_until(condition: Callable[[], bool], *, within: float, what: str) -> None:
    """Ask again and again. Raises ContainerError after *within* seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise ContainerError(f"{what}: not within {within:g} s")
        time.sleep(_STEP)
