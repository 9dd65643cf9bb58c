"""Which network reads an academy's hard marks: the platform's, or one of its own that was better.

Promotion and roll-back choose what later readings use; nothing that has been read changes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from academy.core.errors import AppError
from academy.core.locks import Space, lock
from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.sheets.models import SheetNetwork
from academy.sheets.network import WEIGHTS
from academy.tenants.models import Tenant

_FILE: Final = "own-bubbles.onnx"


def networks_list(*, tenant: Tenant | UUID) -> QuerySet[SheetNetwork]:
    """An academy's own networks."""
    return SheetNetwork.objects.for_tenant(tenant)


def active_network(tenant_id: UUID, folder: Path) -> Path:
    """The weights that read for an academy, described beside them; its own are fetched.

    `academy.sheets.network.model` refuses a file whose hash is not the recorded one.
    """
    own = networks_list(tenant=tenant_id).filter(active=True).first()
    if own is None:
        return WEIGHTS
    path = folder / _FILE
    store(Bucket.AI).get_file(own.key, path)
    described = json.dumps({**own.description, "sha256": own.sha256})
    path.with_suffix(".json").write_text(described, encoding="utf-8")
    return path


def network_trained(job: Job, result: dict[str, Any]) -> None:
    """Record what a `sheets.train` made; in the job's last transaction.

    It becomes active where the job found it better and nothing else has become active since.
    """
    made = result["result"]
    lock(Space.SHEET_NETWORK, str(job.tenant_id))
    networks = networks_list(tenant=job.tenant_id)
    present = networks.filter(active=True).first()
    reads = "" if present is None else present.sha256
    compared = made["compared_with"]["sha256"]
    unchanged = (
        reads == compared if present is not None else not networks.filter(sha256=compared).exists()
    )
    promoted = made["promoted"] and unchanged
    if promoted:
        networks.filter(active=True).update(active=False)
    (weights,) = [one for one in job.artifacts if one["name"] == made["file"]]
    SheetNetwork.objects.for_tenant(job.tenant_id).create(
        job=job, name=made["name"], sha256=made["sha256"], key=weights["key"],
        description={"name": made["name"], "temperature": made["temperature"]},
        metrics={"before": made["before"], "after": made["after"]},
        labels=made["labels"], active=promoted,
    )  # fmt: skip


def network_activate(*, tenant: Tenant, network_id: UUID | None) -> SheetNetwork | None:
    """Have one of the academy's networks read from now on; None: the platform's.

    Raises AppError sheet_network_not_found.
    """
    with transaction.atomic():
        lock(Space.SHEET_NETWORK, str(tenant.pk))
        networks = networks_list(tenant=tenant)
        wanted = None
        if network_id is not None:
            wanted = networks.filter(pk=network_id).first()
            if wanted is None:
                raise AppError("sheet_network_not_found")
        networks.filter(active=True).update(active=False)
        if wanted is not None:
            wanted.active = True
            wanted.save(update_fields=["active"])
    return wanted
