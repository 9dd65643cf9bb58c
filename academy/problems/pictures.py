"""Pictures of problems in the object store: none is lost, none is left behind.

An object is written down as loose before it is stored, and no longer once a problem has it; a
deleted problem's is written down again. What is loose and due, the sweep deletes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from academy.core import clock
from academy.core.storage import Bucket, StorageError, store
from academy.problems.models import LoosePicture

logger = logging.getLogger(__name__)

BUCKET: Final = Bucket.AI
CLAIM_WITHIN: Final = timedelta(hours=24)
"""Longer than any job that stores pictures runs, with all of its attempts."""


def picture_key(tenant_id: UUID, problem_id: UUID) -> str:
    """Where the picture of a problem lies."""
    return f"t/{tenant_id}/problems/{problem_id}.png"


def announce(tenant_id: UUID, keys: Iterable[str]) -> None:
    """Say that objects are about to be stored; without a problem they are deleted some day."""
    due = clock.now() + CLAIM_WITHIN
    LoosePicture.objects.for_tenant(tenant_id).bulk_create(
        [LoosePicture(tenant_id=tenant_id, key=key, due_at=due) for key in keys],
        ignore_conflicts=True,
    )


def claim(tenant_id: UUID, keys: Iterable[str]) -> None:
    """Problems have these now; in the transaction that stores the problems."""
    LoosePicture.objects.for_tenant(tenant_id).filter(key__in=list(keys)).delete()


def discard(tenant_id: UUID, keys: Iterable[str]) -> None:
    """Have objects deleted; in the transaction that deletes their problems."""
    now = clock.now()
    LoosePicture.objects.for_tenant(tenant_id).bulk_create(
        [LoosePicture(tenant_id=tenant_id, key=key, due_at=now) for key in keys],
        batch_size=1_000,
        update_conflicts=True,
        update_fields=["due_at"],
        unique_fields=["key"],
    )


def sweep(limit: int = 500) -> int:
    """Delete what is loose and due; what the store refuses now is tried again. Returns how many."""
    deleted = 0
    objects = store(BUCKET)
    due = LoosePicture.unscoped.filter(due_at__lte=clock.now()).order_by("due_at")
    for picture in list(due[:limit]):
        try:
            objects.delete(picture.key)
        except StorageError as error:
            logger.warning("picture %s is deleted later: %s", picture.key, error.code)
            break
        picture.delete()
        deleted += 1
    return deleted
