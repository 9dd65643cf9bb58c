"""Spreadsheets for tests: made-up students, and files as strangers make them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl

from academy.core import clock
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState

HEADING = ("이름", "학부모 연락처", "학생 연락처", "학교", "학년", "성별", "반", "메모")


def student(number: int) -> list[Any]:
    """A made-up student's row below `HEADING`."""
    phone = f"010-{number // 10_000:04d}-{number % 10_000:04d}"
    return [
        f"김보기{number}", phone, "", f"보기{number % 7}중학교",
        f"중{number % 3 + 1}", "남" if number % 2 else "여", f"{number % 5}반", f"메모 {number}",
    ]  # fmt: skip


def xlsx(path: Path, rows: Sequence[Sequence[Any]], *, sheet: str = "명단") -> Path:
    """A workbook of one sheet, as openpyxl writes it."""
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    return path


def rezipped(path: Path, changes: Mapping[str, bytes]) -> Path:
    """The same zip with some of its parts replaced or added."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**parts, **changes}.items():
            archive.writestr(name, content)
    return path


def uploaded(tenant: Tenant, path: Path, **fields: Any) -> Upload:
    """A complete upload of the file."""
    upload_id = new_id()
    key = f"t/{tenant.pk}/uploads/{upload_id}/source"
    store(Bucket.EXCEL).put_file(key, path, "application/octet-stream")
    values: dict[str, Any] = {
        "id": upload_id, "bucket": "excel", "key": key, "filename": path.name,
        "size": path.stat().st_size, "content_type": "text/csv", "purpose": "spreadsheet",
        "state": UploadState.COMPLETE, "completed_at": clock.now(), "expires_at": clock.now(),
    } | fields  # fmt: skip
    return Upload.objects.for_tenant(tenant).create(**values)
