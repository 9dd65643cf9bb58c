"""Whether a new network takes the place of the present one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Merit:
    """What counts, in this order: no silent error, then few wrong, then few for review."""

    silent: int
    wrong: int
    review: int

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
    return present is None or Merit.of(candidate) < Merit.of(present)
