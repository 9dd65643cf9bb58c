"""The object store held against the rows: what is missing, and what nobody knows.

After a restore the two differ: objects were made and deleted after the dump was. What the rows
point to and the store lacks is lost to people; what the store holds and no row knows can go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from django.conf import settings

from academy.core import clock
from academy.core.storage import Bucket, store
from academy.jobs import kinds
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.problems.models import Problem
from academy.sheets.models import Scan
from academy.tenants.models import Tenant
from academy.tenants.scoping import TenantScopedModel
from academy.uploads.models import Upload, UploadState
from academy.video.models import Video

T = TypeVar("T")

GRACE: Final = timedelta(hours=24)
"""What was written within this time is nobody's orphan yet."""
_BATCH: Final = 1_000
_MARGIN: Final = timedelta(days=1)
#: Where a row's objects lie below ``t/<academy>/``, and the rows of which they are.
_OWNERS: Final[dict[str, type[TenantScopedModel]]] = {
    "jobs": Job,
    "uploads": Upload,
    "videos": Video,
    "problems": Problem,
}


@dataclass(frozen=True)
class Pointer:
    """One place that a row says to hold something."""

    bucket: Bucket
    prefix: str
    """A key, or all keys that begin so."""
    what: str


@dataclass
class Stored:
    """What one bucket holds below one row's folder."""

    objects: int = 0
    size: int = 0
    newest_at: datetime | None = None


@dataclass
class Inventory:
    """What was found."""

    objects: int = 0
    size: int = 0
    pointers: int = 0
    missing: list[Pointer] = field(default_factory=list)
    orphans: dict[str, Stored] = field(default_factory=dict)
    """By bucket and folder, such as ``ai/t/<academy>/jobs/<job>/``."""


def take(*, grace: timedelta = GRACE) -> Inventory:
    """List every bucket once and compare. Raises StorageError."""
    found = Inventory()
    cutoff = clock.now() - grace
    present: set[tuple[Bucket, str]] = set()
    for bucket in Bucket:
        units = _units(bucket, present)
        found.objects += sum(unit.objects for unit in units.values())
        found.size += sum(unit.size for unit in units.values())
        for folder in _unknown(units):
            unit = units[folder]
            if unit.newest_at is not None and unit.newest_at < cutoff:
                found.orphans[f"{bucket}/{folder}"] = unit
    for pointer in pointers():
        found.pointers += 1
        if (pointer.bucket, pointer.prefix) not in present:
            found.missing.append(pointer)
    return found


def _units(bucket: Bucket, present: set[tuple[Bucket, str]]) -> dict[str, Stored]:
    """What each row's folder holds; every key's folders, and a single file's key, are present."""
    units: dict[str, Stored] = {}
    for entry in store(bucket).entries("t/"):
        parts = entry.key.split("/")
        unit = units.setdefault("/".join(parts[:4]) + ("/" if len(parts) > 4 else ""), Stored())
        unit.objects += 1
        unit.size += entry.size
        unit.newest_at = max(unit.newest_at or entry.modified_at, entry.modified_at)
        present.add((bucket, "/".join(parts[:5]) + ("/" if len(parts) > 5 else "")))
        present.add((bucket, "/".join(parts[:4]) + ("/" if len(parts) > 4 else "")))
    return units


def _unknown(folders: Iterable[str]) -> Iterator[str]:
    """The folders whose academy or row does not exist."""
    for batch in _batched(folders):
        named = [(folder, *_named(folder)) for folder in batch]
        asked = {tenant for _, tenant, _, _ in named if tenant is not None}
        tenants = set(Tenant.objects.filter(pk__in=asked).values_list("pk", flat=True))
        rows: set[tuple[str, UUID]] = set()
        for room, model in _OWNERS.items():
            ids = {key for _, _, owner, key in named if owner == room and key is not None}
            there = model.unscoped.filter(pk__in=ids).values_list("pk", flat=True)
            rows |= {(room, key) for key in there}
        for folder, tenant, room, key in named:
            if tenant not in tenants or (key is not None and (room, key) not in rows):
                yield folder


def _named(folder: str) -> tuple[UUID | None, str, UUID | None]:
    """Academy, room and row of a folder; a room that has no rows of its own is the academy's."""
    _, tenant, room, name, *_ = [*folder.split("/"), "", "", ""]
    key = _uuid(name.partition(".")[0]) if room in _OWNERS else None
    return _uuid(tenant), room, key


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def pointers() -> Iterator[Pointer]:
    """Everything that rows promise to be in the store."""
    uploads = Upload.unscoped.filter(state=UploadState.COMPLETE, cleaned_at__isnull=True)
    for bucket, key in uploads.values_list("bucket", "key").iterator(_BATCH):
        yield Pointer(Bucket(bucket), key, "upload")
    videos = Video.unscoped.filter(deleted_at__isnull=True).exclude(output_prefix="")
    for prefix in videos.values_list("output_prefix", flat=True).iterator(_BATCH):
        yield Pointer(Bucket.VIDEO, prefix, "video")
    scans = Scan.unscoped.filter(pictures_removed_at__isnull=True).exclude(prefix="")
    for prefix in scans.values_list("prefix", flat=True).distinct().iterator(_BATCH):
        yield Pointer(Bucket.AI, _folder(prefix), "answer sheets")
    problems = Problem.unscoped.exclude(picture="")
    for key in problems.values_list("picture", flat=True).iterator(_BATCH):
        yield Pointer(Bucket.AI, key, "problem")
    yield from _outputs()


def _outputs() -> Iterator[Pointer]:
    """The outputs of jobs that nothing has removed by its age. A video's row speaks for its own."""
    since = {
        Bucket.AI: clock.now() - timedelta(days=settings.SHEET_PICTURE_DAYS) + _MARGIN,
        Bucket.EXCEL: clock.now() - timedelta(days=settings.TABLE_FILE_DAYS) + _MARGIN,
    }
    jobs = Job.unscoped.filter(state=JobState.SUCCEEDED).exclude(output_prefix="")
    columns = ("kind", "output_prefix", "finished_at")
    for kind, prefix, finished_at in jobs.values_list(*columns).iterator(_BATCH):
        spec = kinds.find(kind)
        bucket = None if spec is None else Bucket(spec.bucket)
        if bucket in {None, Bucket.VIDEO} or finished_at < since.get(bucket, finished_at):
            continue
        assert bucket is not None
        yield Pointer(bucket, prefix, kind)


def _folder(prefix: str) -> str:
    """The first five parts of a prefix: what a listing is held against."""
    parts = prefix.split("/")
    return "/".join(parts[:5]) + ("/" if len(parts) > 5 else "")


def _batched(items: Iterable[T]) -> Iterator[list[T]]:
    source = iter(items)
    while batch := list(islice(source, _BATCH)):
        yield batch
