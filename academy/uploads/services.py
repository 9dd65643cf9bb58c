"""Begin, resume, complete and drop uploads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet, Sum

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.storage import ObjectInfo, SignedRequest, StorageError, StoredPart
from academy.tenants.models import Tenant
from academy.tenants.quotas import upload_limits_of
from academy.uploads.models import Upload, UploadState
from academy.uploads.parts import MULTIPART_FROM_BYTES, SINGLE_PUT_MAX_BYTES, plan_parts
from academy.uploads.purposes import PURPOSES, Purpose
from academy.uploads.sniff import HEAD_BYTES, UNKNOWN

logger = logging.getLogger(__name__)

UPLOAD_LIFETIME: Final = timedelta(hours=24)
SIGNATURE_SECONDS: Final = 3_600
MAX_PARTS_PER_CALL: Final = 100
_SHOWN_PARTS = 100

Guard = Callable[[Tenant, int], None]
_guards: dict[Purpose, Guard] = {}


def register_guard(purpose: Purpose, guard: Guard) -> None:
    """Have a domain refuse uploads for its purpose: ``guard(tenant, size)`` raises AppError.

    It runs under the lock of the tenant's limits, before the upload is stored.
    """
    _guards[purpose] = guard


@dataclass(frozen=True, slots=True)
class SignedPart:
    """A part and the request that stores it."""

    number: int
    size: int
    request: SignedRequest


def upload_create(
    *,
    tenant: Tenant,
    filename: str,
    size: int,
    content_type: str,
    purpose: Purpose,
    sha256: str | None = None,
    multipart: bool | None = None,
) -> Upload:
    """Declare a file that will be uploaded.

    ``sha256`` is base64 and can be checked for a single PUT only; a multipart upload takes one
    for each part. ``multipart`` None lets the size decide.

    Raises AppError: ``upload_type_refused``, ``upload_too_large``, ``upload_limit``,
    ``validation_failed``, and what the domain's guard raises; StorageError when the store cannot
    begin a multipart upload.
    """
    spec = PURPOSES[purpose]
    limits = upload_limits_of(tenant)
    if not spec.takes(content_type):
        raise AppError(
            "upload_type_refused",
            purpose=purpose.value,
            content_type=content_type,
            accepted=sorted(spec.types),
        )
    largest = min(spec.max_bytes, limits.file_bytes)
    if size > largest:
        raise AppError("upload_too_large", limit_bytes=largest)
    in_parts = _in_parts(size, multipart, sha256)
    upload_id = new_id()
    upload = Upload(
        id=upload_id,
        tenant=tenant,
        bucket=spec.bucket.value,
        key=f"t/{tenant.pk}/uploads/{upload_id}/source",
        filename=filename,
        size=size,
        content_type=content_type,
        sha256_b64=sha256,
        purpose=purpose.value,
        part_size=plan_parts(size).part_size if in_parts else None,
        expires_at=clock.now() + UPLOAD_LIFETIME,
    )
    with transaction.atomic():
        # The tenant's row is the lock of its limits: two creations cannot both be the last one.
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        _check_limits(tenant, size)
        if (guard := _guards.get(purpose)) is not None:
            guard(tenant, size)
        upload.save(force_insert=True)
    if in_parts:
        _begin_multipart(upload)
    return upload


def _in_parts(size: int, multipart: bool | None, sha256: str | None) -> bool:
    wanted = multipart
    if wanted is None:
        wanted = (size >= MULTIPART_FROM_BYTES and sha256 is None) or size > SINGLE_PUT_MAX_BYTES
    if not wanted and size > SINGLE_PUT_MAX_BYTES:
        raise AppError("validation_failed", fields={"multipart": _error("required above 5 GiB")})
    if wanted and sha256 is not None:
        message = "of a multipart upload is given for each part"
        raise AppError("validation_failed", fields={"sha256": _error(message)})
    return wanted


def _error(message: str) -> list[dict[str, str]]:
    return [{"code": "invalid", "message": message}]


def _check_limits(tenant: Tenant, size: int) -> None:
    limits = upload_limits_of(tenant)
    pending = Upload.objects.for_tenant(tenant).filter(state=UploadState.PENDING)
    used = pending.aggregate(count=Count("pk"), total=Sum("size"))
    if used["count"] >= limits.open_uploads:
        raise AppError("upload_limit", open_uploads=limits.open_uploads)
    if (used["total"] or 0) + size > limits.open_bytes:
        raise AppError("upload_limit", open_bytes=limits.open_bytes)


def _begin_multipart(upload: Upload) -> None:
    try:
        multipart_id = upload.store.multipart_start(upload.key, upload.content_type)
    except StorageError:
        upload.delete()
        raise
    upload.multipart_id = multipart_id
    upload.save(update_fields=["multipart_id"])


def uploads_of(tenant: Tenant) -> QuerySet[Upload]:
    """Every upload of a tenant."""
    return Upload.objects.for_tenant(tenant)


def upload_get(*, tenant: Tenant | UUID, upload_id: UUID) -> Upload:
    """One upload. Raises AppError(``not_found``), also for another tenant's."""
    upload = Upload.objects.for_tenant(tenant).filter(pk=upload_id).first()
    if upload is None:
        raise AppError("not_found")
    return upload


def upload_ready(
    *, tenant: Tenant | UUID, upload_id: UUID, purposes: Collection[Purpose]
) -> Upload:
    """A verified upload, for one of these purposes, that a job may take as its input.

    Raises AppError: ``upload_not_found`` (another tenant's too), ``upload_wrong_purpose``,
    ``upload_not_complete``, ``upload_expired`` for one that was deleted.
    """
    upload = Upload.objects.for_tenant(tenant).filter(pk=upload_id).first()
    if upload is None:
        raise AppError("upload_not_found")
    if upload.purpose not in purposes:
        raise AppError("upload_wrong_purpose", purpose=", ".join(sorted(purposes)))
    if upload.state == UploadState.DELETED:
        raise AppError("upload_expired")
    if upload.state != UploadState.COMPLETE:
        raise AppError("upload_not_complete")
    return upload


def sign_put(upload: Upload) -> SignedRequest | None:
    """The request that stores a pending single-PUT upload; None for any other."""
    seconds = _seconds_left(upload)
    if upload.state != UploadState.PENDING or upload.parts is not None or seconds < 1:
        return None
    return upload.store.presign_put(
        upload.key,
        size=upload.size,
        content_type=upload.content_type,
        sha256_b64=upload.sha256_b64,
        seconds=seconds,
    )


def sign_parts(
    *, tenant: Tenant, upload_id: UUID, parts: Mapping[int, str | None]
) -> list[SignedPart]:
    """Requests that store the named parts (number to SHA-256 in base64, or None).

    Raises AppError: ``not_found``, ``upload_single_put``, ``upload_expired``,
    ``upload_already_complete``, ``validation_failed`` for numbers outside the plan.
    """
    upload = upload_get(tenant=tenant, upload_id=upload_id)
    _require_pending(upload)
    plan, multipart_id = upload.parts, upload.multipart_id
    if plan is None:
        raise AppError("upload_single_put")
    if multipart_id is None:
        # The process died between the row and the store's answer: nothing can be stored here.
        raise AppError("upload_expired")
    outside = [number for number in parts if not 1 <= number <= plan.count]
    if outside:
        fields = {"parts": _error(f"there are parts 1 to {plan.count}")}
        raise AppError("validation_failed", fields=fields)
    return [
        SignedPart(
            number,
            plan.size_of(number),
            upload.store.presign_part(
                upload.key,
                multipart_id,
                number,
                size=plan.size_of(number),
                sha256_b64=sha256,
                seconds=_seconds_left(upload),
            ),
        )
        for number, sha256 in sorted(parts.items())
    ]


def stored_parts(upload: Upload) -> list[StoredPart]:
    """The parts of a pending multipart upload that need not be sent again."""
    if upload.state != UploadState.PENDING or upload.multipart_id is None:
        return []
    try:
        return upload.store.multipart_parts(upload.key, upload.multipart_id)
    except StorageError as error:
        if error.code == "object_missing":
            return []
        raise


def _seconds_left(upload: Upload) -> int:
    left = (upload.expires_at - clock.now()).total_seconds()
    return int(min(SIGNATURE_SECONDS, left))


def _require_pending(upload: Upload) -> None:
    if upload.state == UploadState.COMPLETE:
        raise AppError("upload_already_complete")
    if upload.state == UploadState.REJECTED:
        raise AppError(upload.error_code or "upload_expired", **upload.error_params)
    gone = upload.state in {UploadState.EXPIRED, UploadState.DELETED}
    if gone or _seconds_left(upload) < 1:
        raise AppError("upload_expired")


def upload_complete(
    *, tenant: Tenant, upload_id: UUID, parts: Iterable[tuple[int, str]] | None = None
) -> Upload:
    """Verify what arrived and make it usable. Doing it again gives the same answer.

    ``parts`` (number, etag), if given, must be what is stored. A wrong size, checksum or type
    rejects the upload for good and removes the object.

    Raises AppError: ``not_found``, ``upload_expired``, ``upload_incomplete``,
    ``upload_parts_mismatch``, ``upload_size_mismatch``, ``upload_checksum_mismatch``,
    ``upload_type_mismatch``; StorageError.
    """
    upload = upload_get(tenant=tenant, upload_id=upload_id)
    if upload.state == UploadState.COMPLETE:
        return upload
    _require_pending(upload)
    if upload.parts is not None:
        _join_parts(upload, dict(parts) if parts is not None else None)
    info = upload.store.head(upload.key)
    if info is None:
        raise AppError("upload_incomplete", expected=upload.size)
    sniffed = _verify(upload, info)
    return _settle(upload, UploadState.COMPLETE, sniffed_type=sniffed, completed_at=clock.now())


def _join_parts(upload: Upload, claimed: dict[int, str] | None) -> None:
    """Join the stored parts, if that has not happened yet."""
    plan = upload.parts
    if plan is None or upload.multipart_id is None:
        raise AppError("upload_expired")
    try:
        stored = upload.store.multipart_parts(upload.key, upload.multipart_id)
    except StorageError as error:
        if error.code == "object_missing":
            return  # joined by a call whose answer was lost
        raise
    sizes = {part.number: part.size for part in stored}
    missing = [
        number for number in range(1, plan.count + 1) if sizes.get(number) != plan.size_of(number)
    ]
    if missing:
        raise AppError("upload_incomplete", missing=missing[:_SHOWN_PARTS], count=len(missing))
    if claimed is not None:
        etags = {part.number: part.etag for part in stored}
        wrong = sorted(
            number
            for number in claimed.keys() | etags.keys()
            if claimed.get(number, "").strip('"') != etags.get(number)
        )
        if wrong:
            raise AppError("upload_parts_mismatch", parts=wrong[:_SHOWN_PARTS])
    try:
        upload.store.multipart_complete(upload.key, upload.multipart_id, stored)
    except StorageError as error:
        if error.code != "object_missing":
            raise


def _verify(upload: Upload, info: ObjectInfo) -> str:
    """The sniffed type of an object that is as declared; otherwise rejects it."""
    if info.size != upload.size:
        _reject(upload, "upload_size_mismatch", expected=upload.size, found=info.size)
    if upload.sha256_b64 and info.checksum_sha256 not in (None, upload.sha256_b64):
        _reject(upload, "upload_checksum_mismatch")
    head = upload.store.read(upload.key, 0, HEAD_BYTES)
    accepted, found = PURPOSES[Purpose(upload.purpose)].recognise(head)
    if accepted is None:
        likeliest = found[0] if found else UNKNOWN
        _reject(upload, "upload_type_mismatch", purpose=upload.purpose, found=likeliest)
        raise AssertionError("unreachable")
    return accepted


def _reject(upload: Upload, code: str, **params: Any) -> None:
    _settle(upload, UploadState.REJECTED, error_code=code, error_params=params)
    remove_leftovers(upload)
    raise AppError(code, **params)


def _settle(upload: Upload, state: UploadState, **changes: Any) -> Upload:
    """Leave ``pending`` once; whoever comes second gets the first one's outcome."""
    with transaction.atomic():
        row = Upload.objects.for_tenant(upload.tenant_id).select_for_update().get(pk=upload.pk)
        if row.state == UploadState.PENDING:
            row.state = state
            for name, value in changes.items():
                setattr(row, name, value)
            row.save(update_fields=["state", *changes])
            return row
    if row.state != state:
        _require_pending(row)
    return row


def upload_delete(*, tenant: Tenant, upload_id: UUID) -> None:
    """Drop an upload that is not complete, with what is stored of it.

    Raises AppError: ``not_found``, ``upload_already_complete``.
    """
    upload = upload_get(tenant=tenant, upload_id=upload_id)
    if upload.state == UploadState.PENDING:
        upload = _settle(upload, UploadState.EXPIRED)
    if upload.state == UploadState.COMPLETE:
        raise AppError("upload_already_complete")
    remove_leftovers(upload)


def upload_discard(*, tenant: Tenant | UUID, upload_id: UUID) -> bool:
    """Delete a complete upload for good, once the domain that used it has no use for it.

    The row says so first, so that no job can take it meanwhile, and the sweep finishes what a
    crash leaves. Returns whether an object was there. Raises StorageError; doing it again is safe.
    """
    uploads = Upload.objects.for_tenant(tenant).filter(pk=upload_id)
    uploads.filter(state=UploadState.COMPLETE).update(state=UploadState.DELETED)
    upload = uploads.filter(state=UploadState.DELETED, cleaned_at__isnull=True).first()
    if upload is None:
        return False
    found = upload.store.head(upload.key) is not None
    remove_leftovers(upload)
    uploads.update(cleaned_at=clock.now())
    return found


def remove_leftovers(upload: Upload) -> None:
    """Remove the parts and the object of an upload that has ended."""
    if upload.multipart_id is not None:
        upload.store.multipart_abort(upload.key, upload.multipart_id)
    upload.store.delete(upload.key)
