"""``python -m tests.upgrade``: needs the services of ``make upgrade-check``.

Prints what held, line by line; ends with 0 only if all of it did.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import django


def main() -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings.test"
    os.environ["ACADEMY_TEST_KINDS"] = "1"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    django.setup()
    from tests.upgrade import release, scenario  # noqa: PLC0415 - they need Django
    from tests.upgrade.site import Site  # noqa: PLC0415

    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="academy-release-") as folder:
        Path(folder).chmod(0o755)
        old, new = release.earlier(Path(folder)), release.present()
        _say(f"v1 is {old.about}; v2 is {new.about}")
        with Site(old) as site:
            lines = scenario.run(site, old, new, _say)
    holds = all(line.holds for line in lines)
    seconds = round(time.monotonic() - began)
    jobs = lines[-1].checked
    print(json.dumps({"ok": holds, "v1": old.about, "jobs": jobs, "seconds": seconds}))  # noqa: T201
    return 0 if holds else 1


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command's answer


if __name__ == "__main__":
    sys.exit(main())
