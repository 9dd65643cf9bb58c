"""A request with an Idempotency-Key has one effect and one answer, however often it comes.

The key is stored in the transaction of its effect, so there is no moment at which one exists
without the other. Semantics follow the IETF draft "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from academy.core import clock
from academy.core.crash import crash_point
from academy.core.errors import AppError
from academy.core.locks import Space, try_lock
from academy.jobs.models import IdempotencyKey

KEPT: Final = timedelta(hours=48)
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}\Z")


@dataclass(frozen=True)
class Answer:
    """A response: status, JSON body, Location, and whether it was stored before."""

    status: int
    body: Any
    location: str = ""
    replayed: bool = False


def fingerprint(method: str, path: str, body: Any) -> str:
    """SHA-256 (hex) of what the request asks for; the order of JSON members does not count."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text = f"{method}\n{path}\n{canonical}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def run_once(
    *, tenant_id: UUID, key: str | None, fingerprint: str, act: Callable[[], Answer]
) -> Answer:
    """Run ``act`` in a transaction and keep its answer under the key.

    The same key and request: the stored answer. The same key for another request: AppError
    idempotency_key_reused. While the first is still running: idempotency_key_in_progress. An error
    is not stored, because nothing happened: the client may correct the request and keep the key.
    """
    if key is None:
        with transaction.atomic():
            answer = act()
        crash_point("submit.after_commit")
        return answer
    if not _VISIBLE.match(key):
        raise AppError("idempotency_key_invalid")
    with transaction.atomic():
        if not try_lock(Space.IDEMPOTENCY_KEY, f"{tenant_id}:{key}"):
            raise AppError("idempotency_key_in_progress", retry_after=1)
        stored = IdempotencyKey.objects.for_tenant(tenant_id).filter(key=key).first()
        if stored is not None:
            if stored.fingerprint != fingerprint:
                raise AppError("idempotency_key_reused")
            return Answer(stored.status, stored.body, stored.location, replayed=True)
        answer = act()
        IdempotencyKey.objects.for_tenant(tenant_id).create(
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            body=answer.body,
            location=answer.location,
            created_at=clock.now(),
        )
    crash_point("submit.after_commit")
    return answer


def sweep() -> int:
    """Forget keys older than `KEPT`."""
    old = IdempotencyKey.unscoped.filter(created_at__lt=clock.now() - KEPT)
    return IdempotencyKey.unscoped.filter(pk__in=old.values("pk")[:5_000]).delete()[0]
