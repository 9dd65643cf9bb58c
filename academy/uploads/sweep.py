"""Expire abandoned uploads and remove what they left in the buckets."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from django.db import transaction

from academy.core import clock
from academy.core.storage import StorageError
from academy.uploads.models import Upload, UploadState
from academy.uploads.services import remove_leftovers

logger = logging.getLogger(__name__)

#: A PUT that began just before its signature ended may arrive this much later.
CLEAN_AFTER: Final = timedelta(hours=6)


def uploads_sweep(limit: int = 200) -> int:
    """Expire pending uploads whose time is over, then clean up after ended ones.

    Cleaning comes ``CLEAN_AFTER`` the expiry, when no signature can store anything any more, so
    that a late PUT leaves no orphan. A row that cannot be cleaned now stays for the next round.
    Safe in several processes. Returns how many rows changed.
    """
    return _expire(limit) + _clean(limit)


def _expire(limit: int) -> int:
    with transaction.atomic():
        due = (
            Upload.unscoped.select_for_update(skip_locked=True)
            .filter(state=UploadState.PENDING, expires_at__lte=clock.now())
            .order_by("expires_at")
            .values_list("pk", flat=True)[:limit]
        )
        return Upload.unscoped.filter(pk__in=list(due)).update(state=UploadState.EXPIRED)


def _clean(limit: int) -> int:
    ended = Upload.unscoped.filter(
        state__in=[UploadState.EXPIRED, UploadState.REJECTED, UploadState.DELETED],
        cleaned_at__isnull=True,
        expires_at__lte=clock.now() - CLEAN_AFTER,
    ).order_by("expires_at")[:limit]
    cleaned = 0
    for upload in ended:
        try:
            remove_leftovers(upload)
        except StorageError as error:
            logger.warning("upload %s keeps its leftovers for now: %s", upload.pk, error)
            if error.transient:
                break
            continue
        cleaned += Upload.unscoped.filter(pk=upload.pk).update(cleaned_at=clock.now())
    return cleaned
