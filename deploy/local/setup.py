"""Make the two Python environments of the project from the hashed lock files.

`.venv` holds the platform and its tools; `.venv-emulator` holds the SQS emulator, which pins
another botocore. Idempotent: a stamp of the lock files makes a run with nothing to do instant, and
an environment is brought up to date in place, never removed. Standard library only.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import NamedTuple, Sequence

from deploy.local.packages import uv_environment

ROOT = Path(__file__).resolve().parents[2]
PYTHON_VERSION = (3, 11)
_STAMP = "requirements.sha256"
_TORCH_STAMP = "torch.sha256"
TORCH = ROOT / "requirements" / "torch.txt"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


class SetupError(Exception):
    """The environment cannot be made; the message says what to do."""


class Environment(NamedTuple):
    """One virtual environment and the lock files that define it, in order."""

    folder: str
    locks: Sequence[str]

    @property
    def path(self) -> Path:
        """The environment's folder."""
        return ROOT / self.folder

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.path / "bin" / "python"

    def wanted(self) -> str:
        """Fingerprint of everything that decides the content of this environment."""
        digest = hashlib.sha256(repr((sys.version_info[:3], self.locks)).encode())
        for name in self.locks:
            digest.update((ROOT / "requirements" / name).read_bytes())
        return digest.hexdigest()

    def is_current(self) -> bool:
        """Whether what is installed is what the locks say."""
        stamp = self.path / _STAMP
        return (
            self.python.exists() and stamp.exists() and stamp.read_text().strip() == self.wanted()
        )

    def mark_current(self) -> None:
        """Remember that what is installed is what the locks say."""
        (self.path / _STAMP).write_text(self.wanted() + "\n")


MAIN = Environment(
    ".venv",
    (
        *("uv.txt", "base.txt", "flower.txt", "media.txt", "ai.txt", "premium.txt"),
        *("weights.txt", "local.txt", "dev.txt"),
    ),
)
EMULATOR = Environment(".venv-emulator", ("emulator.txt",))


def _run(argv: Sequence[str], environment: dict[str, str]) -> None:
    result = subprocess.run(
        argv, env=environment, cwd=ROOT, check=False, capture_output=True, text=True
    )
    if result.returncode != 0:
        output = "\n".join((result.stdout + result.stderr).strip().splitlines()[-25:])
        raise SetupError(
            f"{output}\n{Path(argv[0]).name} could not install the requirements (above)."
        )


def _check_python() -> None:
    if sys.version_info[:2] != PYTHON_VERSION:
        running = ".".join(str(part) for part in sys.version_info[:3])
        raise SetupError(
            f"Python 3.11 is needed, {sys.executable} is {running}. "
            "Install Python 3.11 or name it: make PYTHON=/path/to/python3.11"
        )


def _create(environment: Environment) -> None:
    """Make the folder and its interpreter where they are missing."""
    settings = environment.path / "pyvenv.cfg"
    if settings.exists() and environment.python.exists():
        version = subprocess.run(
            [str(environment.python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        if version != "3.11":
            raise SetupError(
                f"{environment.folder} was made by Python {version or 'that is gone'}. "
                f"Remove the folder {environment.path} and run this again."
            )
        return
    venv.EnvBuilder(with_pip=False, symlinks=True).create(environment.path)


def _bootstrap_uv(uv_variables: dict[str, str]) -> Path:
    """Install uv into `.venv` with pip, by hash; return its path."""
    uv = MAIN.path / "bin" / "uv"
    pin = (ROOT / "requirements" / "uv.in").read_text().split("uv==")[1].split()[0]
    if uv.exists():
        version = subprocess.run(
            [str(uv), "--version"], check=False, capture_output=True, text=True
        ).stdout
        if version.split()[1:2] == [pin]:
            return uv
    lock = str(ROOT / "requirements" / "uv.txt")
    install = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock]
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "--python", str(MAIN.python)]
    elif importlib.util.find_spec("ensurepip") is not None:
        _run([str(MAIN.python), "-m", "ensurepip", "--default-pip"], uv_variables)
        pip = [str(MAIN.python), "-m", "pip"]
    else:
        raise SetupError(
            f"{sys.executable} has neither pip nor ensurepip. "
            "Install them (Debian and Ubuntu: apt-get install python3.11-venv) and run this again."
        )
    _run([*pip, *install], uv_variables)
    return uv


def _sync(uv: Path, environment: Environment, uv_variables: dict[str, str]) -> None:
    # Compiled now, once: the platform is a dozen processes that would each compile it at start.
    options = ("--quiet", "--require-hashes", "--compile-bytecode")
    locks = [str(ROOT / "requirements" / name) for name in environment.locks]
    argv = [str(uv), "pip", "sync", *options, "-p", str(environment.python), *locks]
    _run(argv, uv_variables)
    environment.mark_current()


def _torch_state() -> str:
    """What a try to install torch into the main environment is for."""
    return hashlib.sha256((MAIN.wanted() + TORCH.read_text()).encode()).hexdigest()


def _torch_tried() -> bool:
    stamp = MAIN.path / _TORCH_STAMP
    return stamp.exists() and stamp.read_text().strip() == _torch_state()


def _install_torch(uv: Path, uv_variables: dict[str, str]) -> None:
    """Add torch, whose CPU wheel no lock can name; without it only the premium tier is missing."""
    wheels = [Path(place) for place in uv_variables.get("UV_FIND_LINKS", "").split(",") if place]
    # A wheel that lies here needs no index; PyPI's own wheel of this version brings CUDA with it.
    here = any(found for place in wheels for found in place.glob("torch-*.whl"))
    source = ["--no-index"] if here else ["--index", TORCH_INDEX]
    options = ("--quiet", "--no-deps", "--compile-bytecode", "-p", str(MAIN.python))
    try:
        _run(
            [str(uv), "pip", "install", *options, *source, "-r", str(TORCH)],
            {**uv_variables, "UV_INDEX_STRATEGY": "unsafe-best-match"},
        )
    except SetupError as error:
        print(
            f"setup: {error}\nsetup: torch is not there, so jobs of the premium tier are refused "
            f"here and their tests skipped. To try again, remove {MAIN.folder}/{_TORCH_STAMP} and "
            "run `make setup`.",
            file=sys.stderr,
        )
    (MAIN.path / _TORCH_STAMP).write_text(_torch_state() + "\n")


def set_up() -> list[str]:
    """Bring both environments up to date; return the folders that were changed."""
    _check_python()
    stale = [item for item in (MAIN, EMULATOR) if not item.is_current()]
    if not stale and not _torch_tried():
        stale = [MAIN]
    if not stale:
        return []
    (ROOT / ".local").mkdir(exist_ok=True)
    with (ROOT / ".local" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two `make test` at once: one installs, the other waits
        stale = [item for item in stale if not item.is_current()]
        for environment in {MAIN, *stale}:
            _create(environment)
        uv_variables = uv_environment(Path(sys.executable))
        uv = _bootstrap_uv(uv_variables)
        for environment in stale:
            _sync(uv, environment, uv_variables)
        if not _torch_tried():
            _install_torch(uv, uv_variables)
    return [environment.folder for environment in stale]


def main() -> int:
    """Entry point: exit status 0, or 1 with a sentence on stderr."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    began = time.monotonic()
    try:
        changed = set_up()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    if changed:
        print(f"setup: {' and '.join(changed)} ready in {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
