"""Collections and problems as the JSON that clients see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from academy.core import clock
from academy.core.http.values import instant
from academy.core.storage import store
from academy.problems.models import Collection, Problem
from academy.problems.pictures import BUCKET

LINK_LIFETIME: Final = timedelta(minutes=10)


def collection_body(collection: Collection) -> dict[str, Any]:
    """A collection that was selected with its ``problem_count``."""
    return {
        "id": str(collection.pk),
        "title": collection.title,
        "origin": collection.origin,
        "problems": collection.problem_count,  # type: ignore[attr-defined]
        "created_at": instant(collection.created_at),
    }


def problem_body(problem: Problem) -> dict[str, Any]:
    """A problem."""
    return {
        "id": str(problem.pk),
        "collection": str(problem.collection_id),
        "number": problem.number,
        "text": problem.text,
        "page": problem.page,
        "tags": problem.tags,
        "has_picture": problem.picture != "",
        "created_at": instant(problem.created_at),
    }


def problem_detail(problem: Problem) -> dict[str, Any]:
    """A problem with a link to its picture."""
    link = expires_at = None
    if problem.picture:
        expires_at = clock.now() + LINK_LIFETIME
        link = store(BUCKET).presign_get(problem.picture, int(LINK_LIFETIME.total_seconds()))
    return {
        **problem_body(problem),
        "picture": link,
        "picture_expires_at": instant(expires_at),
    }
