"""``python -m deploy.aws.stack``: write the template, or check that it is written."""

from __future__ import annotations

import argparse
import sys

from deploy.aws.stack.template import PATH, text


def main() -> int:
    """Entry point: 1 where ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; say whether it is so")
    options = parser.parse_args()
    wanted = text()
    found = PATH.read_text() if PATH.exists() else ""
    if found == wanted:
        return 0
    if options.check:
        print(f"{PATH.name} differs from the code that makes it. Run: make stack", file=sys.stderr)
        return 1
    PATH.write_text(wanted)
    print(f"Written: {PATH}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
