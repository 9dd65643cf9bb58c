"""docker, podman or buildah: one of them builds, and says how large an image is."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.images.table import ROOT

#: A command that succeeds only where the program can really build: docker's client alone is not
#: enough, it needs a daemon that answers.
PROBES: Mapping[str, tuple[str, ...]] = {
    "docker": ("version", "--format", "{{.Server.Version}}"),
    "podman": ("info", "--format", "{{.Store.GraphRoot}}"),
    "buildah": ("info",),
}
_PROBE_SECONDS = 30
_UNITS = {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}


class EngineError(Exception):
    """There is nothing to build with, or it failed; the text says what to do."""


@dataclass(frozen=True)
class Engine:
    """A program that builds images. ``options`` come before its command, as for its storage."""

    name: str
    options: tuple[str, ...] = ()
    build_options: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = field(default=None, hash=False)

    def call(self, *arguments: str) -> str:
        """The output of one command. Raises EngineError."""
        argv = [self.name, *self.options, *arguments]
        done = subprocess.run(
            argv, cwd=ROOT, check=False, capture_output=True, text=True, env=self.environment
        )
        if done.returncode != 0:
            raise EngineError(f"{' '.join(argv[:4])}: {done.stderr.strip()[-2000:]}")
        return done.stdout.strip()

    def build_argv(
        self,
        *,
        tags: Sequence[str],
        dockerfile: Path,
        target: str | None = None,
        args: Mapping[str, str],
        platform: str = "",
    ) -> list[str]:
        """The command line that builds one image from the project's folder."""
        argv = [self.name, *self.options, "build", *self.build_options]
        if self.name != "docker":
            # OCI's own format has no HEALTHCHECK.
            argv += ["--format", "docker"]
        argv += ["--file", str(dockerfile.relative_to(ROOT))]
        for tag in tags:
            argv += ["--tag", tag]
        if target:
            argv += ["--target", target]
        if platform:
            argv += ["--platform", platform]
        for key, value in sorted(args.items()):
            argv += ["--build-arg", f"{key}={value}"]
        return [*argv, "."]

    def build(self, argv: Sequence[str], log: Path | None = None) -> None:
        """Run a `build_argv`; what it says goes to *log*, else on. Raises EngineError."""
        if log is None:
            done = subprocess.run(argv, cwd=ROOT, check=False, env=self.environment)
        else:
            with log.open("wb") as output:
                done = subprocess.run(
                    argv, cwd=ROOT, check=False, stdout=output, stderr=output, env=self.environment
                )
        if done.returncode != 0:
            where = f" (its last words: {_tail(log)})" if log else " (above)"
            raise EngineError(f"{self.name} could not build this image{where}")

    def size_bytes(self, tag: str) -> int:
        """How large an image is, unpacked, with all its layers. Raises EngineError."""
        if self.name in ("docker", "podman"):
            return int(self.call("image", "inspect", "--format", "{{.Size}}", tag))
        return parse_size(json.loads(self.call("images", "--json", tag))[0]["size"])


def parse_size(text: str) -> int:
    """Bytes of a size as buildah writes it, such as `1.21 GB`. Raises EngineError."""
    number, _, unit = text.strip().partition(" ")
    try:
        return round(float(number) * _UNITS[unit.upper() or "B"])
    except (ValueError, KeyError):
        raise EngineError(f"{text!r} is no size") from None


def find(wanted: str = "") -> Engine:
    """The first engine that works, or the *wanted* one. Raises EngineError with every reason."""
    names = [wanted] if wanted else list(PROBES)
    reasons = []
    for name in names:
        if name not in PROBES:
            raise EngineError(f"{name!r} is no engine. The engines are: {', '.join(PROBES)}.")
        problem = _problem(name)
        if problem is None:
            # docker and podman find layers again by themselves.
            return Engine(name, build_options=("--layers",) if name == "buildah" else ())
        reasons.append(f"{name}: {problem}")
    raise EngineError(
        "There is nothing to build images with. Install docker, podman or buildah (Debian and "
        f"Ubuntu: apt-get install buildah). {'; '.join(reasons)}"
    )


def _problem(name: str) -> str | None:
    """Why an engine cannot be used; None where it can."""
    if shutil.which(name) is None:
        return "not installed"
    try:
        done = subprocess.run(
            [name, *PROBES[name]],
            check=False, capture_output=True, text=True, timeout=_PROBE_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not answer ({type(error).__name__})"
    if done.returncode != 0:
        return done.stderr.strip().partition("\n")[0] or f"exit status {done.returncode}"
    return None


def _tail(log: Path | None) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log else []
    return " | ".join(line.strip() for line in lines[-12:])
