"""``python -m tests.chaos.campaigns --messages 10000 --seed 1``: needs the services of ``make``.

Prints what must hold as a table, with the control beside it; ends with 0 only if all holds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

import django

from tests.support import solapi_double


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.campaigns", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0, help="spread the load; 0: by size")
    parser.add_argument("--control", type=int, default=500, help="messages; 0: without the control")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings.test"
    os.environ["ACADEMY_TEST_KINDS"] = "1"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    with solapi_double.serve() as double:
        os.environ |= {
            "MESSAGING_PROVIDER": "solapi",
            "MESSAGING_TIMEOUT_SECONDS": "5",
            "SOLAPI_URL": double.url,
            "SOLAPI_API_KEY": solapi_double.KEY,
            "SOLAPI_API_SECRET": solapi_double.SECRET,
        }
        django.setup()
        from tests.chaos.campaigns import control, run  # noqa: PLC0415 - they need Django

        seconds = options.seconds or max(45.0, options.messages / 60)
        report = run.run(double, messages=options.messages, seed=options.seed, seconds=seconds)
    naive = None
    if options.control:
        naive = control.run(messages=options.control, seed=options.seed)
    print(run.text(report, naive))  # noqa: T201 - a command's answer
    print(json.dumps({"ok": report.holds, "seed": report.seed, **report.facts}))  # noqa: T201
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
