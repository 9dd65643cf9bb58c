"""The local registry of models (`make models`): those that installed packages carry.

They are converted once into `.local/models` by the platform's own code, in a process of its own:
this package imports none of it. Without them the platform runs, and what needs a model says that it
is not configured.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from deploy.local.setup import ROOT
from deploy.local.state import kept_folder

REGISTRY = "MODEL_REGISTRY"
_TIMEOUT_SECONDS = 300.0
_STAMP = "made-from.sha256"


def folder() -> Path:
    """Where the registry and its files are kept."""
    return kept_folder().path / "models"


def registry() -> Path | None:
    """The manifest, or None where it was not made."""
    path = folder() / "registry.json"
    return path if path.is_file() else None


def ensure() -> str | None:
    """Make the registry where it is missing or of another recipe; why it could not be made.

    Instant where there is nothing to do; else it takes some seconds.
    """
    stamp, wanted = folder() / _STAMP, _wanted()
    if stamp.is_file() and stamp.read_text().strip() == wanted:
        return None
    argv = [sys.executable, "-m", "academy.inference.converting", str(folder())]
    try:
        made = subprocess.run(
            argv, cwd=ROOT, check=False, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"the conversion did not end within {_TIMEOUT_SECONDS:g} s"
    if made.returncode != 0:
        return (made.stderr or made.stdout).strip().rpartition("\n")[2]
    stamp.write_text(wanted + "\n")
    return None


def variables() -> dict[str, str]:
    """MODEL_REGISTRY for a local platform, unless the caller names another one."""
    found = registry()
    if found is None or os.environ.get(REGISTRY):
        return {}
    return {REGISTRY: str(found)}


def _wanted() -> str:
    """Fingerprint of the packages and of the code that converts them."""
    digest = hashlib.sha256((ROOT / "requirements" / "weights.txt").read_bytes())
    for path in sorted((ROOT / "academy" / "inference" / "converting").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    """Entry point: 1 with a sentence where the registry cannot be made."""
    argparse.ArgumentParser(prog="python -m deploy.local.models", description=__doc__).parse_args()
    if problem := ensure():
        print(f"models: {problem}", file=sys.stderr)
        return 1
    print(f"models: {registry()}; the next `make up` uses it")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
