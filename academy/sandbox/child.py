"""The confined process that runs one function of ours over a stranger's file.

Run as a script (`python -I child.py FUNCTION REQUEST FOLDER PACKAGE...`), so that it imports
neither Django nor a setting; the packages are folders, the only ones of the project that it sees.
What it says on stdout are lines of JSON: ``{"at": 0.5}`` for progress, and in the end
``{"done": true}``, ``{"refused": code, "params": {...}}`` or ``{"memory": true}``. The function's
value is in ``FOLDER/result.json``.
"""

from __future__ import annotations

import importlib
import json
import mimetypes
import os
import resource
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULT = "result.json"
#: One thread each: hosts are full of workers, and some libraries hang where threads are limited.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Refused(Exception):
    """The file cannot be used: ``code`` is one of the catalogue, ``params`` fill its sentence."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params


def main(arguments: list[str]) -> int:
    """Run the function, and say how it ended."""
    function, request, folder, *packages = arguments
    # Whatever a library prints goes to stderr: stdout is for what the parent reads.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    sys.dont_write_bytecode = True
    # openpyxl reads the host's lists of file types as it is imported; here nobody may open them.
    mimetypes.knownfiles.clear()
    _warn_before_the_cpu_limit()
    for package in packages:
        _know(Path(package))
    # Under its own name: what the function raises is caught as the class that it imported.
    refused = importlib.import_module("academy.sandbox.child").Refused

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        value = _call(function, json.loads(Path(request).read_text()), Path(folder), say)
        with Path(folder, RESULT).open("w", encoding="utf-8") as file:
            json.dump(value, file)
    except refused as refusal:
        say(refused=refusal.code, params=refusal.params)
    except MemoryError:
        say(memory=True)
    else:
        say(done=True)
    return 0


def _warn_before_the_cpu_limit() -> None:
    """End by SIGXCPU a second early: SIGKILL would look as if somebody else had sent it."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_CPU, (max(1, hard - 1), hard))


def _know(package: Path) -> None:
    """Make a package importable from its folder, beside which nothing can be listed."""
    module = types.ModuleType(package.name)
    module.__path__ = [str(package)]
    sys.modules[package.name] = module


def _call(function: str, request: Any, folder: Path, say: Callable[..., None]) -> Any:
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)(
        request, folder, lambda share: say(at=round(float(share), 4))
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
