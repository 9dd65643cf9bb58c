"""Writes: saving a correction, which begins the job that makes its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from academy.ai.corrections.kind import RECUT
from academy.ai.corrections.models import Correction
from academy.ai.corrections.selectors import Sheet, Standing, crop_name, standing_of
from academy.core import clock
from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.jobs.submit import Order, Submitter, job_submit_internal
from academy.tenants.models import Tenant

SMALLEST: Final = 8
"""Pixels of a page: a box is no narrower and no lower."""


def questions_correct(
    *, tenant: Tenant, job_id: UUID, revision: int, questions: Sequence[Mapping[str, Any]], by: str
) -> Standing:
    """Replace the questions of a test by these, if nobody else has in the meantime.

    ``revision`` is the one that was corrected; 0: what the job found. The first result stays.
    Raises AppError: job_not_found, questions_of_no_test, questions_changed, questions_box_outside,
    questions_group_invalid.
    """
    with transaction.atomic():
        # One saving at a time: the second sees the first one's revision.
        Job.objects.for_tenant(tenant).select_for_update(no_key=True).filter(pk=job_id).first()
        now = standing_of(tenant=tenant, job_id=job_id)
        if now.revision != revision:
            raise AppError("questions_changed", revision=now.revision)
        _check(questions, {page.number: page for page in now.pages})
        cut_job = job_submit_internal(
            by=Submitter(tenant, by), order=Order(RECUT.name, _recut(now, questions))
        )
        moment = clock.now()
        values = {
            "revision": revision + 1,
            "questions": [dict(one) for one in questions],
            "cut_job": cut_job,
            "corrected_by": by,
            "updated_at": moment,
        }
        if now.correction is None:
            Correction.objects.for_tenant(tenant).create(job=now.job, created_at=moment, **values)
        else:
            Correction.objects.for_tenant(tenant).filter(pk=now.correction.pk).update(**values)
        return standing_of(tenant=tenant, job_id=job_id)


def _recut(standing: Standing, questions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "upload": str(standing.upload),
        "pieces": [
            {
                "name": crop_name(at),
                "parts": [[part["page"], part["bbox"]] for part in one["parts"]],
            }
            for at, one in enumerate(questions, 1)
        ],
    }


def _check(questions: Sequence[Mapping[str, Any]], pages: Mapping[int, Sheet]) -> None:
    for one in questions:
        if one["last"] is not None and one["last"] <= one["n"]:
            raise AppError("questions_group_invalid", first=one["n"], last=one["last"])
        for part in one["parts"]:
            page = pages.get(part["page"])
            left, top, right, bottom = part["bbox"]
            if (
                page is None
                or right - left < SMALLEST
                or bottom - top < SMALLEST
                or right > page.width
                or bottom > page.height
            ):
                raise AppError("questions_box_outside", number=one["n"], page=part["page"])
