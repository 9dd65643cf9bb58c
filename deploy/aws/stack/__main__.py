"""``python -m deploy.aws.stack``: write the two templates, or check that they are written."""

from __future__ import annotations

import argparse
import sys

from deploy.aws.stack import database, template


def main() -> int:
    """Entry point: 1 where ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; say whether it is so")
    options = parser.parse_args()
    status = 0
    for path, wanted in (
        (template.PATH, template.text()),
        (database.PATH, database.text()),
    ):
        if path.exists() and path.read_text() == wanted:
            continue
        if options.check:
            print(
                f"{path.name} differs from the code that makes it. Run: make stack", file=sys.stderr
            )
            status = 1
        else:
            path.write_text(wanted)
            print(f"Written: {path}")
    return status


if __name__ == "__main__":
    sys.exit(main())
