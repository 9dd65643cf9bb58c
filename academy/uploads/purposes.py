"""What files may be uploaded for, where each goes, and what it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from academy.core.storage import MIB, Bucket
from academy.uploads.sniff import sniff

GIB = 1024 * MIB

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Purpose(StrEnum):
    """What a file is for."""

    VIDEO = "video"
    IMAGE = "image"
    PDF = "pdf"
    SPREADSHEET = "spreadsheet"
    AUDIO = "audio"


@dataclass(frozen=True)
class PurposeSpec:
    """Rules of a purpose: its bucket, the types it takes, and the largest file."""

    purpose: Purpose
    bucket: Bucket
    types: frozenset[str]
    max_bytes: int
    #: Names that browsers also send for these files.
    also_declared: frozenset[str] = frozenset()

    def takes(self, content_type: str) -> bool:
        """Whether a file may be declared as this type."""
        return content_type in self.types | self.also_declared

    def recognise(self, head: bytes) -> tuple[str | None, list[str]]:
        """The accepted type of a content (None if it has none), and all it may be."""
        found = sniff(head)
        return next((kind for kind in found if kind in self.types), None), found


_SPECS = (
    PurposeSpec(
        Purpose.VIDEO,
        Bucket.VIDEO,
        frozenset(
            {
                "video/3gpp",
                "video/mp2t",
                "video/mp4",
                "video/mpeg",
                "video/quicktime",
                "video/webm",
                "video/x-flv",
                "video/x-matroska",
                "video/x-ms-wmv",
                "video/x-msvideo",
            }
        ),
        max_bytes=100 * GIB,
        also_declared=frozenset({"application/octet-stream", "video/avi", "video/x-m4v"}),
    ),
    PurposeSpec(
        Purpose.IMAGE,
        Bucket.AI,
        frozenset({"image/heif", "image/jpeg", "image/png", "image/tiff", "image/webp"}),
        max_bytes=64 * MIB,
        also_declared=frozenset({"image/heic", "image/jpg"}),
    ),
    PurposeSpec(
        Purpose.PDF,
        Bucket.AI,
        frozenset({"application/pdf"}),
        max_bytes=512 * MIB,
    ),
    PurposeSpec(
        Purpose.SPREADSHEET,
        Bucket.EXCEL,
        frozenset({_XLSX, "text/csv"}),
        max_bytes=32 * MIB,
        also_declared=frozenset({"application/vnd.ms-excel", "text/plain"}),
    ),
    PurposeSpec(
        Purpose.AUDIO,
        Bucket.AI,
        frozenset(
            {
                "audio/aac",
                "audio/flac",
                "audio/mp4",
                "audio/mpeg",
                "audio/ogg",
                "audio/wav",
            }
        ),
        max_bytes=4 * GIB,
        also_declared=frozenset({"audio/mp3", "audio/wave", "audio/x-m4a", "audio/x-wav"}),
    ),
)

PURPOSES: Mapping[Purpose, PurposeSpec] = MappingProxyType({spec.purpose: spec for spec in _SPECS})
