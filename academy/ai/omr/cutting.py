"""Rows of stored files, cut out in the sandbox: what the networks of the premium tier look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
import numpy.typing as npt

from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits
from academy.sheets.reading.align import Floats

_CUTTER: Final = "academy.sheets.reading.review:cut"
_ARRAYS: Final = "inputs.npz"
_LIMITS: Final = Limits(cpu_seconds=900, memory_bytes=4 << 30, file_bytes=1 << 30)


@dataclass(frozen=True)
class CutRows:
    """The pages as `reading.review.cut` tells them, and the inputs of all their bubbles."""

    pages: list[dict[str, Any]]
    planes: npt.NDArray[np.float16]
    scalars: Floats

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The groups of all pages in turn."""
        return [group for page in self.pages for group in page["groups"]]


@dataclass(frozen=True)
class Cutter:
    """Cuts rows out of uploads; `network` is what reads for the academy now."""

    bench: Workbench
    envelope: Envelope
    network: Path

    def cut(
        self,
        upload: UUID,
        layout: Mapping[str, Any],
        pages: Sequence[Mapping[str, Any]],
        step: Step,
    ) -> CutRows:
        """The rows of some pages of a file. Raises what `Workbench.fetch` and `read` raise."""
        with self.envelope.timed("fetch"):
            path = self.bench.fetch(upload)
        request = {
            "file": str(path), "layouts": [layout], "network": str(self.network),
            "pages": list(pages),
        }  # fmt: skip
        with self.envelope.timed("cut"):
            found: dict[str, Any] = self.bench.read(
                _CUTTER, request, step=step, limits=_LIMITS, timeout_seconds=900,
                reads=[path, self.network, self.network.with_suffix(".json")],
            )  # fmt: skip
        path.unlink()
        arrays = self.bench.folder / _ARRAYS
        with np.load(arrays, allow_pickle=False) as stored:
            planes, scalars = stored["planes"], stored["scalars"]
        arrays.unlink()
        return CutRows(found["pages"], planes, scalars)
