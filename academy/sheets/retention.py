"""How long pictures of students' papers are kept; what was read of them stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings

from academy.core import clock
from academy.core.storage import Bucket, store
from academy.sheets.models import Scan

_PREFIXES: Final = 50
"""Outputs of jobs that are emptied in one round, each in a request or a few."""


def sweep(limit: int = _PREFIXES) -> int:
    """Delete pictures older than ``SHEET_PICTURE_DAYS``; returns of how many scans.

    The objects first: a round that is cut short is repeated, and forgets none.
    """
    until = clock.now() - timedelta(days=settings.SHEET_PICTURE_DAYS)
    old = Scan.unscoped.filter(pictures_removed_at__isnull=True, created_at__lt=until)
    prefixes = list(old.order_by("created_at").values_list("prefix", flat=True)[: 20 * limit])
    removed = 0
    for prefix in list(dict.fromkeys(prefixes))[:limit]:
        # Pages of one job lie together, and are as old as each other.
        store(Bucket.AI).delete_prefix(prefix)
        removed += old.filter(prefix=prefix).update(pictures_removed_at=clock.now())
    return removed
