"""Whether a new network takes the place of the present one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SILENT_COST = 100


@dataclass(frozen=True)
class Merit:
    """Groups read wrong that nobody would see, read wrong at all, and shown to a person."""

    silent: int
    wrong: int
    review: int

    @property
    def cost(self) -> int:
        """In looks of a person: a silent error costs a student's point, a look some seconds.

        Without the looks in it, a network that doubts everything would be the best.
        """
        return _SILENT_COST * self.silent + self.wrong + self.review

    @staticmethod
    def of(reports: Mapping[str, Mapping[str, Any]]) -> Merit:
        """Of the holdout's reports by set, as `Report.to_json` gives them."""
        return Merit(
            silent=sum(int(report["silent_errors"]) for report in reports.values()),
            wrong=sum(sum(report["wrong_by_mark"].values()) for report in reports.values()),
            review=sum(
                round(report["review_rate"] * report["groups"]) for report in reports.values()
            ),
        )


def is_better(
    candidate: Mapping[str, Mapping[str, Any]], present: Mapping[str, Mapping[str, Any]] | None
) -> bool:
    """Whether the candidate's reports beat the present network's on the same sheets.

    More silent errors are never made up for by anything else.
    """
    if present is None:
        return True
    new, old = Merit.of(candidate), Merit.of(present)
    return new.silent <= old.silent and new.cost < old.cost
