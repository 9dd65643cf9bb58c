"""Stages of a job that people see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A stage, and its part of the whole job in percent."""

    name: str
    start: float
    end: float

    def at(self, share: float) -> float:
        """Percent of the whole job when `share` (0 to 1) of this step is done."""
        return self.start + (self.end - self.start) * min(1.0, max(0.0, share))
