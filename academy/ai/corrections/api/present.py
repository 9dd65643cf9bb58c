"""Corrected questions as the API and the page show them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from academy.ai.corrections.selectors import Standing
from academy.core.http.values import instant
from academy.core.storage import Bucket, store

LINK_SECONDS: Final = int(timedelta(hours=1).total_seconds())


def standing_body(standing: Standing) -> dict[str, Any]:
    """The questions with links to their pictures."""
    correction = standing.correction
    return {
        "job_id": str(standing.job.pk),
        "revision": standing.revision,
        "corrected_at": None if correction is None else instant(correction.updated_at),
        "questions": [_item(one) for one in standing.items],
    }


def _item(one: dict[str, Any]) -> dict[str, Any]:
    kept = ("n", "last", "parts", "confidence", "number_confidence")
    return {**{name: one[name] for name in kept}, "crop_url": link(one["crop_key"])}


def page_body(standing: Standing) -> dict[str, Any]:
    """The same with the pages to draw on."""
    return {
        **standing_body(standing),
        "pages": [
            {
                "number": page.number, "width": page.width, "height": page.height,
                "url": link(page.preview),
            }
            for page in standing.pages
        ],
    }  # fmt: skip


def link(key: str) -> str | None:
    """A signed link to an object, for an hour; None without one."""
    return store(Bucket.AI).presign_get(key, LINK_SECONDS) if key else None
