"""Compile `requirements/*.in` into hashed `*.txt` (`make lock`, `make lock UPGRADE=1`).

Without `--upgrade` the pins already in a lock are kept. A lock carries the hash of every file of
a release, so it installs on x86-64 and arm64 alike (no pin differs between them), and names no
index.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from deploy.local.packages import uv_environment
from deploy.local.setup import MAIN, ROOT

# In this order: each may be constrained by those before it.
LOCKS = ("uv", "base", "flower", "media", "ai", "premium", "local", "emulator", "dev")


def compile_lock(name: str, *, upgrade: bool, environment: dict[str, str]) -> int:
    """Compile one lock file; return uv's exit status."""
    argv = [
        str(MAIN.path / "bin" / "uv"),
        *("pip", "compile", "--quiet", "--generate-hashes"),
        *("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28"),
        *("--no-emit-index-url", "--no-emit-find-links"),
        *("--custom-compile-command", "make lock"),
        *(("--upgrade",) if upgrade else ()),
        *(f"{name}.in", "--output-file", f"{name}.txt"),
    ]
    return subprocess.run(argv, cwd=ROOT / "requirements", env=environment, check=False).returncode


def main() -> int:
    """Entry point: stops at the first lock that does not resolve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest allowed versions")
    options = parser.parse_args()
    environment = uv_environment(Path(sys.executable))
    for name in LOCKS:
        status = compile_lock(name, upgrade=options.upgrade, environment=environment)
        if status != 0:
            print(f"lock: requirements/{name}.in does not resolve (above)", file=sys.stderr)
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
