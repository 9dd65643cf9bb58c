"""The folder an attempt may fill."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings


class Scratch:
    """Made when it is first asked for; removed, with all it holds, when the attempt ends."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """The folder: empty at first, this attempt's alone."""
        if self._path is None:
            root = Path(settings.SCRATCH_DIR)
            root.mkdir(parents=True, exist_ok=True)
            self._path = Path(tempfile.mkdtemp(prefix=f"{self._name}-", dir=root))
        return self._path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
