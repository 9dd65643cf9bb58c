"""How long pictures of students' papers are kept; what was read of them stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings

from academy.core import clock
from academy.core.storage import Bucket, store
from academy.sheets.models import Scan
from academy.uploads.services import upload_discard

_PREFIXES: Final = 50
"""Outputs of jobs that are emptied in one round, each in a request or a few."""


def sweep(limit: int = _PREFIXES) -> int:
    """Delete pictures older than ``SHEET_PICTURE_DAYS``, and the files that they were cut from.

    Returns of how many scans. The objects first: a round that is cut short is repeated, and
    forgets none. A file stays while a page of it is younger, as of a later reading.
    """
    until = clock.now() - timedelta(days=settings.SHEET_PICTURE_DAYS)
    old = Scan.unscoped.filter(pictures_removed_at__isnull=True, created_at__lt=until)
    prefixes = list(old.order_by("created_at").values_list("prefix", flat=True)[: 20 * limit])
    removed = 0
    for prefix in list(dict.fromkeys(prefixes))[:limit]:
        # Pages of one job lie together, and are as old as each other.
        store(Bucket.AI).delete_prefix(prefix)
        uploads = set(old.filter(prefix=prefix).values_list("tenant_id", "upload_id"))
        for tenant, upload in uploads:
            scans = Scan.objects.for_tenant(tenant).filter(upload_id=upload)
            if not scans.filter(created_at__gte=until).exists():
                upload_discard(tenant=tenant, upload_id=upload)
        removed += old.filter(prefix=prefix).update(pictures_removed_at=clock.now())
    return removed
