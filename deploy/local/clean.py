"""Remove caches and what `make up` kept; refuse while the platform runs. Standard library only."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from deploy.local.setup import ROOT
from deploy.local.state import kept_folder

CACHES = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis")
ENVIRONMENTS = frozenset({".venv", ".venv-emulator", ".git"})


def _bytecode_folders(folder: Path) -> list[Path]:
    found: list[Path] = []
    for entry in folder.iterdir():
        if entry.is_symlink() or not entry.is_dir() or entry.name in ENVIRONMENTS:
            continue
        if entry.name == "__pycache__":
            found.append(entry)
        else:
            found.extend(_bytecode_folders(entry))
    return found


def main() -> int:
    """Entry point: 1 with a sentence while the platform is running."""
    state = kept_folder()
    if state.running_pid() is not None:
        print("clean: the platform is running; stop it first with: make down", file=sys.stderr)
        return 1
    for folder in [*(ROOT / name for name in CACHES), *_bytecode_folders(ROOT)]:
        shutil.rmtree(folder, ignore_errors=True)
    state.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
