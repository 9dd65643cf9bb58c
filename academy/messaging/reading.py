"""A stranger's list of phones, read in a confined child: made good, or refused by row.

The good ones are left in ``phones.txt``, one a line, each once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from academy.documents.tables.cells import Row, column_index, column_name
from academy.documents.tables.opening import Table
from academy.documents.tables.values import CellError, masked, phone_of, shown
from academy.sandbox.child import Refused

PHONES: Final = "phones.txt"
SHOWN_ERRORS: Final = 200
_HEADING_ROWS: Final = 20
_TITLE_CHARS: Final = 40
_SAY_EVERY: Final = 1_000
_TITLES: Final = ("전화", "휴대", "핸드폰", "연락처", "phone", "mobile")
_OTHERS: Final = ("일시", "날짜", "시각", "사유", "date", "time", "reason")


def read(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Read the list at ``path``; ``sheet`` and ``column`` as asked.

    Returns what the result says of the file. Raises Refused: message_column_unsure,
    message_column_missing, and what is wrong with the file.
    """
    table = Table(Path(request["path"]), request.get("sheet"))
    rows = table.rows()
    first = list(islice(rows, _HEADING_ROWS))
    if not first:
        raise Refused("table_empty")
    wanted = request.get("column")
    index, heading, title = _named(wanted, first) if wanted else _found(first)
    counts: Counter[str] = Counter()
    errors: list[dict[str, Any]] = []
    seen: dict[str, None] = {}
    good = 0
    for count, row in enumerate(chain(first, rows)):
        if count % _SAY_EVERY == 0:
            say(table.share)
        cell = row.cells[index] if index < len(row.cells) else None
        if row.number <= heading or cell is None or not shown(cell).strip():
            continue
        try:
            seen[phone_of(cell)] = None
            good += 1
        except CellError as error:
            counts[error.code] += 1
            if len(errors) < SHOWN_ERRORS:
                errors.append(
                    {"row": row.number, "code": error.code, "params": error.params,
                     "value": masked(shown(cell))}
                )  # fmt: skip
    (folder / PHONES).write_text("".join(f"{digits}\n" for digits in seen), encoding="ascii")
    faulty = counts.total()
    return {
        "format": table.format, "sheet": table.sheet, "column": column_name(index),
        "title": title[:_TITLE_CHARS], "rows": good + faulty, "good": good, "faulty": faulty,
        "error_counts": dict(counts.most_common()), "errors": errors,
        "notes": [{"code": note.code, "params": note.params} for note in table.notes],
    }  # fmt: skip


def phones(path: Path, *, skip: int = 0) -> Iterator[str]:
    """The phones that `read` left; the first ``skip`` passed over."""
    with path.open(encoding="ascii") as file:
        for line in islice(file, skip, None):
            yield line.strip()


def _found(first: Sequence[Row]) -> tuple[int, int, str]:
    """(column, row of its title or 0, title): the one that a title names, or the only one.

    Nothing is guessed from the values: eight digits may be a phone or a date.
    """
    for row in first:
        named = [
            (index, cell.strip())
            for index, cell in enumerate(row.cells)
            if isinstance(cell, str) and _is_title(cell)
        ]
        if len(named) == 1:
            return named[0][0], row.number, named[0][1]
        if named:
            raise Refused("message_column_unsure")
    used = {index for row in first for index, cell in enumerate(row.cells) if shown(cell).strip()}
    if len(used) != 1:
        raise Refused("message_column_unsure")
    return used.pop(), 0, ""


def _named(wanted: str, first: Sequence[Row]) -> tuple[int, int, str]:
    """The column that a person named, by its title or its letters."""
    for row in first:
        for index, cell in enumerate(row.cells):
            if isinstance(cell, str) and cell.strip() == wanted.strip():
                return index, row.number, cell.strip()
    try:
        index = column_index(wanted.strip())
    except ValueError:
        raise Refused("message_column_missing", column=wanted[:_TITLE_CHARS]) from None
    for row in first:
        if index < len(row.cells) and _is_title(shown(row.cells[index])):
            return index, row.number, shown(row.cells[index]).strip()
    return index, 0, ""


def _is_title(text: str) -> bool:
    word = "".join(text.split()).lower()
    return (
        any(known in word for known in _TITLES)
        and not any(other in word for other in _OTHERS)
        and sum(map(str.isdigit, word)) <= 3
    )
