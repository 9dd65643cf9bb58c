"""``python -m tests.chaos --jobs 1500 --seed 1``: needs the services of ``make chaos``.

Prints the invariants as a table, with the control beside it; ends with 0 only if all hold.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

import django

from tests.chaos.plan import Pace


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.0, help="submissions a second; 0: by size")
    parser.add_argument("--minutes", type=float, default=0.0, help="spread the load over so long")
    parser.add_argument("--kill-every", type=float, default=0.9, help="seconds, on average")
    parser.add_argument("--database-every", type=float, default=15.0, help="seconds")
    parser.add_argument("--control-jobs", type=int, default=300, help="0: without the control")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings.test"
    os.environ["ACADEMY_TEST_KINDS"] = "1"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    django.setup()
    from tests.chaos import naive, report, run  # noqa: PLC0415 - they need Django

    pace = Pace(kill_every=options.kill_every, database_every=options.database_every)
    rate = options.rate or 12.0
    if options.minutes:
        rate = options.jobs / (options.minutes * 60)
    result = run.run(jobs=options.jobs, seed=options.seed, rate=rate, pace=pace)
    control = None
    if options.control_jobs:
        control = naive.run(
            jobs=options.control_jobs, seed=options.seed, rate=rate, pace=pace, patience=60.0
        )
    print(report.text(result, control))  # noqa: T201 - a command's answer
    print(json.dumps({"ok": result.holds, "seed": options.seed, **result.facts}))  # noqa: T201
    return 0 if result.holds else 1


if __name__ == "__main__":
    sys.exit(main())
