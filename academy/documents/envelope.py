"""The result of every AI kind: what was found, by what, on what, and whether a person must look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from academy.core import clock

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class ModelRef:
    """A model by its name and version, and the SHA-256 (hex) of the weights that ran."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Warn:
    """Something that a person should know of a result; the code is one of the catalogue."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Envelope:
    """Collects what is said of a result while it is made. ``schema`` is the result's version."""

    schema: int
    engine: str
    model: ModelRef | None = None
    device: Device = "cpu"
    warnings: list[Warn] = field(default_factory=list)
    review_required: bool = False
    timings_ms: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time of a stage; more than one turn of it adds up."""
        began = clock.monotonic()
        try:
            yield
        finally:
            spent = round((clock.monotonic() - began) * 1000)
            self.timings_ms[stage] = self.timings_ms.get(stage, 0) + spent

    def ran_on(self, device: Device, *, premium: bool) -> None:
        """Say on what it was computed; a job of the premium tier warns of a CPU."""
        self.device = device
        if premium and device == "cpu":
            self.warn("premium_on_cpu")

    def warn(self, code: str, **params: Any) -> None:
        """Add a warning."""
        self.warnings.append(Warn(code, params))

    def wrap(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """The result as it is stored and shown."""
        return {
            "schema_version": self.schema,
            "engine": self.engine,
            "model": None
            if self.model is None
            else {"name": self.model.name, "sha256": self.model.sha256},
            "device": self.device,
            "timings_ms": dict(self.timings_ms),
            "warnings": [{"code": one.code, "params": dict(one.params)} for one in self.warnings],
            "review_required": self.review_required,
            "result": dict(result),
        }
