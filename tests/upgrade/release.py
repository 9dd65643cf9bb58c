"""A release as a folder and a Python that can run it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.upgrade import previous

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_LOCK = Path("requirements") / "base.txt"
_TABLE = """
import json
from tasks import queues
print(json.dumps({row.name: queues.worker_argv(row.name) for row in queues.table()}))
"""


@dataclass(frozen=True)
class Code:
    """One release's code: its label in names and tables, its folder, the Python that runs it."""

    label: str
    root: Path
    python: str
    about: str

    def worker_argv(self) -> dict[str, list[str]]:
        """Each queue's worker command line, as this release's own table has it."""
        said = subprocess.run(
            [self.python, "-c", _TABLE], cwd=self.root, capture_output=True, text=True, check=True
        )
        found: dict[str, list[str]] = json.loads(said.stdout)
        return found


def present() -> Code:
    """The working tree."""
    return Code("v2", previous.ROOT, sys.executable, "this working tree")


def earlier(folder: Path) -> Code:
    """The previous release, extracted below *folder*.

    It runs in this environment where every version that it pins is the one installed here, as
    between most releases; else in one of its own, made from its own hashed lock.
    """
    release = previous.previous()
    root = folder / f"release-{release.version}"
    root.mkdir()
    previous.extract(release, root)
    ours, theirs = _pins(previous.ROOT), _pins(root)
    other = {name for name, version in theirs.items() if ours.get(name) != version}
    if not other:
        return Code("v1", root, sys.executable, f"{release}, with the packages of v2")
    return Code("v1", root, _environment(root), f"{release}, {len(other)} packages differ from v2")


def _pins(root: Path) -> dict[str, str]:
    return dict(_PIN.findall((root / _LOCK).read_text()))


def _environment(root: Path) -> str:
    """A virtual environment from the release's own lock; returns its Python."""
    uv = str(Path(sys.executable).with_name("uv"))
    folder = root / ".venv"
    python = str(folder / "bin" / "python")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    install = [uv, "pip", "install", "-q", "--python", python, "--require-hashes"]
    subprocess.run([*install, "-r", str(root / _LOCK)], check=True)
    return python
