"""Single values as the JSON of every API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload
from uuid import UUID


@overload
def instant(moment: datetime) -> str: ...
@overload
def instant(moment: datetime | None) -> str | None: ...


def instant(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, which is what JavaScript reads and writes."""
    if moment is None:
        return None
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def reference(row_id: UUID | None) -> str | None:
    """The id of another row."""
    return None if row_id is None else str(row_id)


def rounded(seconds: float | None) -> float | None:
    """An estimate in seconds, to a tenth."""
    return None if seconds is None else round(seconds, 1)
