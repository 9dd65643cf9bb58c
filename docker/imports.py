"""While a worker's image is built: import whatever the jobs of its queues may import.

An image that lacks a library is not built, instead of failing its first job of some kind. Of every
kind that may run on one of the queues, all modules beside its handler are imported.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

APP = Path("/app")
QUEUES_FILE = Path("/usr/share/academy/queues")
#: Commands, which are run and not imported.
_COMMANDS = "__main__"


def modules(packages: Iterable[str]) -> Iterator[str]:
    """Every module of the packages and of those below them."""
    for package in packages:
        found = importlib.import_module(package)
        yield package
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not module.name.endswith(_COMMANDS):
                yield module.name


def main() -> int:
    """Entry point: 1, with every module that cannot be imported."""
    sys.path.insert(0, str(APP))
    import django  # noqa: PLC0415 - found through the path above

    django.setup()
    from academy.jobs import kinds  # noqa: PLC0415 - models need the settings

    queues = set(QUEUES_FILE.read_text().split())
    specs = [spec for spec in kinds.all_kinds() if queues & set(spec.queues)]
    known = {queue for spec in kinds.all_kinds() for queue in spec.queues}
    if not queues or not queues <= known:
        print(f"imports: {QUEUES_FILE} names {sorted(queues)}; the kinds use {sorted(known)}")
        return 1
    packages = {spec.handler.partition(":")[0].rpartition(".")[0] for spec in specs}
    count, problems = 0, []
    for module in modules(sorted(packages)):
        count += 1
        try:
            importlib.import_module(module)
        except ImportError as error:
            problems.append(f"{module}: {error}")
    for problem in problems:
        print(f"imports: {problem}")
    if not problems:
        print(f"imports: {len(specs)} kinds, {count} modules of {', '.join(sorted(packages))}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
