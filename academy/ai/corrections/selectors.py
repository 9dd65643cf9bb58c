"""Reads: a test's questions as they count now, corrected or as they were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from academy.ai.corrections.models import Correction
from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.tenants.models import Tenant

KIND: Final = "ai.question_segmentation"


@dataclass(frozen=True)
class Sheet:
    """A page that questions stand on; ``preview`` is the key of its picture, or empty."""

    number: int
    width: int
    height: int
    preview: str


@dataclass(frozen=True)
class Standing:
    """The questions of a test as they count now; revision 0: as they were found."""

    job: Job
    correction: Correction | None

    @property
    def revision(self) -> int:
        """What a correction must name."""
        return 0 if self.correction is None else self.correction.revision

    @property
    def pages(self) -> list[Sheet]:
        """The pages."""
        keys = _keys(self.job)
        return [
            Sheet(page["number"], page["width"], page["height"], keys.get(page["preview"], ""))
            for page in _result(self.job)["pages"]
        ]

    @property
    def upload(self) -> UUID:
        """The document."""
        return UUID(self.job.params["upload"])

    @property
    def items(self) -> list[dict[str, Any]]:
        """Questions and shared texts (``last`` is not null) in order, each with its crop's key."""
        if self.correction is None:
            return _found(self.job)
        cut = self.correction.cut_job
        keys = _keys(cut) if cut is not None and cut.state == JobState.SUCCEEDED else {}
        return [
            {
                **one, "page": one["parts"][0]["page"], "bbox": one["parts"][0]["bbox"],
                "crop": crop_name(at), "crop_key": keys.get(crop_name(at), ""),
                "confidence": 1.0, "number_confidence": 1.0,
            }
            for at, one in enumerate(self.correction.questions, 1)
        ]  # fmt: skip

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The questions alone."""
        return [one for one in self.items if one["last"] is None]


def crop_name(at: int) -> str:
    """Of the picture of the item at a place, counted from 1."""
    return f"corrected-{at:04d}.png"


def standing_of(*, tenant: Tenant | UUID, job_id: UUID) -> Standing:
    """The questions of a test. Raises AppError: job_not_found, questions_of_no_test."""
    job = Job.objects.for_tenant(tenant).filter(pk=job_id).first()
    if job is None:
        raise AppError("job_not_found")
    if job.kind != KIND or job.state != JobState.SUCCEEDED:
        raise AppError("questions_of_no_test")
    return standing(job)


def standing(job: Job) -> Standing:
    """The questions that a job found, or what was made of them."""
    corrections = Correction.objects.for_tenant(job.tenant_id).select_related("cut_job")
    return Standing(job, corrections.filter(job=job).first())


def _found(job: Job) -> list[dict[str, Any]]:
    result, keys = _result(job), _keys(job)
    items = [{**one, "last": None} for one in result["questions"]]
    items += [{**one, "n": one["first"]} for one in result["shared"]]
    for one in items:
        one.pop("first", None)
        one["crop_key"] = keys.get(one["crop"], "")
        one.setdefault("number_confidence", 1.0)
        one.setdefault("confidence", 1.0)
    return sorted(items, key=_place)


def _place(item: Mapping[str, Any]) -> tuple[int, int, int]:
    """Questions in the order of their pages; a group's text before its first question."""
    return item["page"], item["n"], 0 if item["last"] is not None else 1


def _result(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = (job.result or {})["result"]
    return found


def _keys(job: Job) -> dict[str, str]:
    return {artifact["name"]: artifact["key"] for artifact in job.artifacts}
