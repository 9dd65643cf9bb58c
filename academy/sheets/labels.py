"""What teachers settled, as labels of marks: an academy's own, and never a whole sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from academy.sheets.layout import QuestionKind
from academy.sheets.models import Scan, readings_of

MOST: Final = 20_000
"""The newest so many are learnt from."""


@dataclass(frozen=True)
class Label:
    """The values (from 1) that count for a question of a page."""

    scan: UUID
    upload: UUID
    exam: UUID
    index: int
    question: int
    values: tuple[int, ...]


def labels_of(tenant_id: UUID) -> Iterator[Label]:
    """The academy's labels, the newest first."""
    scans = Scan.objects.for_tenant(tenant_id).filter(
        discarded=False, page__isnull=False, pictures_removed_at__isnull=True
    )
    told = 0
    for scan in scans.exclude(settled={}).order_by("-updated_at", "-pk").iterator():
        settled: Mapping[str, Sequence[int]] = scan.settled.get("answers", {})
        doubted = {
            answer["question"]
            for answer in readings_of(scan)
            if answer["kind"] == QuestionKind.CHOICE and answer["crop"] is not None
        }
        for question, values in sorted(settled.items()):
            if int(question) not in doubted or told >= MOST:
                continue
            told += 1
            yield Label(
                scan.pk, scan.upload_id, scan.exam_id, scan.index, int(question), tuple(values)
            )
