"""Captions of a video, in several languages: stored as WebVTT, changed without encoding anything.

Each change is a new object, so that no cache holds an old one under its name; the master playlist
that names them is written when it is asked for.
"""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.storage import Bucket, StorageError, store
from academy.tenants.models import Tenant
from academy.video import webvtt
from academy.video.models import Caption, Video
from academy.video.playlist import CaptionRendition
from academy.video.selectors import video_get

logger = logging.getLogger(__name__)

MAX_BYTES: Final = 1_000_000
MAX_LANGUAGES: Final = 20
LABEL_CHARS: Final = 40
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?\Z", re.IGNORECASE)
_NAME = re.compile(r"captions_([A-Za-z0-9-]{2,16})\.(vtt|m3u8)\Z")
_LABELS: Final = {
    "ko": "한국어", "en": "English", "ja": "日本語", "zh": "中文", "zh-Hans": "简体中文",
    "zh-Hant": "繁體中文", "vi": "Tiếng Việt", "th": "ไทย", "ru": "Русский", "es": "Español",
}  # fmt: skip


def language_tag(text: str) -> str:
    """A BCP 47 tag in its usual spelling. Raises AppError(``captions_language_invalid``)."""
    found = _LANGUAGE.match(text)
    if found is None:
        raise AppError("captions_language_invalid")
    language, script, region = found.groups()
    parts = [language.lower(), script and script.title(), region and region.upper()]
    return "-".join(part for part in parts if part)


def captions_list(*, video: Video) -> QuerySet[Caption]:
    """The captions of a video, by language."""
    return Caption.objects.for_tenant(video.tenant_id).filter(video=video).order_by("language")


def caption_put(
    *, tenant: Tenant, video_id: UUID, language: str, data: bytes, label: str = ""
) -> tuple[Caption, bool]:
    """Store captions in one language, in place of those there were; whether they are new.

    Raises AppError: ``not_found``, ``captions_language_invalid``, ``captions_too_large``,
    ``captions_too_many``, and those of webvtt.CaptionsError with the
    ``line``; StorageError.
    """
    video = video_get(tenant=tenant, video_id=video_id)
    tag = language_tag(language)
    text = _normalised(data)
    key = f"t/{tenant.pk}/videos/{video.pk}/captions/{new_id()}.vtt"
    objects = store(Bucket(video.bucket))
    objects.put_bytes(key, text, "text/vtt; charset=utf-8")
    fields = {
        "label": label or _LABELS.get(tag, tag),
        "key": key,
        "size": len(text),
        "updated_at": clock.now(),
    }
    try:
        return _row_put(video, tag, fields)
    except AppError:
        _discard(video, key)
        raise


def _row_put(video: Video, tag: str, fields: dict[str, Any]) -> tuple[Caption, bool]:
    with transaction.atomic():
        # One change of a video's captions at a time, and none of one that is being deleted.
        Video.objects.for_tenant(video.tenant_id).select_for_update().get(pk=video.pk)
        video = video_get(tenant=video.tenant_id, video_id=video.pk)
        rows = Caption.objects.for_tenant(video.tenant_id).filter(video=video)
        before = rows.filter(language=tag).values_list("key", flat=True).first()
        if before is None and rows.count() >= MAX_LANGUAGES:
            raise AppError("captions_too_many", limit=MAX_LANGUAGES)
        caption, created = Caption.unscoped.update_or_create(
            tenant_id=video.tenant_id, video=video, language=tag, defaults=fields
        )
        if before is not None:
            transaction.on_commit(partial(_discard, video, before))
    return caption, created


def caption_delete(*, tenant: Tenant, video_id: UUID, language: str) -> None:
    """Delete the captions in one language. Raises AppError(``not_found``)."""
    video = video_get(tenant=tenant, video_id=video_id)
    tag = language_tag(language)
    with transaction.atomic():
        rows = Caption.objects.for_tenant(tenant).filter(video=video, language=tag)
        caption = rows.select_for_update().first()
        if caption is None:
            raise AppError("not_found")
        caption.delete()
        transaction.on_commit(partial(_discard, video, caption.key))


def file_name(language: str, suffix: str = "vtt") -> str:
    """The file by which players ask for captions, or (``m3u8``) for their playlist."""
    return f"captions_{language}.{suffix}"


def language_of(name: str) -> str | None:
    """The language of the captions that a file name stands for; None where it is another file."""
    found = _NAME.match(name)
    return None if found is None else found[1]


def renditions(video: Video) -> list[CaptionRendition]:
    """For the master playlist."""
    return [
        CaptionRendition(file_name(row.language, "m3u8"), row.language, row.label)
        for row in captions_list(video=video)
    ]


def caption_text(*, video: Video, language: str) -> str:
    """The WebVTT as it is stored. Raises AppError(``not_found``), StorageError."""
    rows = Caption.objects.for_tenant(video.tenant_id).filter(video=video, language=language)
    caption = rows.first()
    if caption is None:
        raise AppError("not_found")
    return store(Bucket(video.bucket)).read(caption.key).decode()


def _normalised(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise AppError("captions_too_large", limit_bytes=MAX_BYTES)
    try:
        return webvtt.dumps(webvtt.parse(webvtt.decoded(data))).encode()
    except webvtt.CaptionsError as error:
        raise AppError(error.code, line=error.line) from error


def _discard(video: Video, key: str) -> None:
    """Delete an object that nothing names any more; what fails here the orphan sweep finds."""
    try:
        store(Bucket(video.bucket)).delete(key)
    except StorageError as error:
        logger.warning("captions not deleted: %s", error.code)
