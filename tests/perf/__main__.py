"""``make bench``: prints what was measured as tables, and all of it as one JSON object at the end.

Everything runs on this machine in one go, so the ratios mean something and the absolute figures
only here. Needs the services of ``python -m deploy.local run --services-only``.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import django


def main() -> None:
    """Run the scenarios and print what they measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2_000, help="jobs of a throughput run")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds of the idle run")
    parser.add_argument("--only", nargs="*", default=(), help="throughput latency submit idle")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    django.setup()
    from tests.perf.run import run  # noqa: PLC0415 - models need the settings

    with tempfile.TemporaryDirectory(prefix="academy-bench-") as folder:
        results = run(Path(folder), options)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
