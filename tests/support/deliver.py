"""``python -m tests.support.deliver JOB VERSION``: one delivery in a plain process.

What a worker's process does between receiving a message and settling it, without a broker, so that
a named crash point can kill it. Prints the verdict.
"""

from __future__ import annotations

import os
import sys
from uuid import UUID

import django


def main() -> None:
    django.setup()
    from academy.jobs.execute import execute  # noqa: PLC0415 - needs Django
    from academy.jobs.keeper import LeaseKeeper  # noqa: PLC0415
    from academy.jobs.lease import Delivery, Worker  # noqa: PLC0415

    verdict = execute(
        UUID(sys.argv[1]),
        int(sys.argv[2]),
        worker=Worker(f"deliver/{os.getpid()}"),
        delivery=Delivery("deliver"),
        keeper=LeaseKeeper(),
    )
    print(verdict)  # noqa: T201


if __name__ == "__main__":
    main()
