"""``python -m deploy.aws.costs``: write the page, or check that it is written (``--check``)."""

from __future__ import annotations

import argparse
import sys

from deploy.aws.costs.page import PAGE, page


def main() -> int:
    """Entry point: 1 where ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; say whether it is so")
    options = parser.parse_args()
    wanted = page()
    if PAGE.exists() and PAGE.read_text() == wanted:
        return 0
    if options.check:
        print(f"{PAGE.name} is not what the prices come to. Run: make costs", file=sys.stderr)
        return 1
    PAGE.write_text(wanted)
    print(f"Written: {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
