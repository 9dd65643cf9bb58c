"""Deploy to AWS: ``python -m deploy.deploy COMMAND ENV`` (the Makefile calls it)."""

from __future__ import annotations

import sys

from deploy.aws.commands import main

if __name__ == "__main__":
    sys.exit(main())
