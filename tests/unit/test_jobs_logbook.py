"""What an attempt's book keeps of what is logged, without a database."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from academy.core import clock
from academy.jobs import logbook
from academy.jobs.logbook import LINE_BYTES, MAX_BYTES, MAX_LINES, Logbook

PHONE = "010-4821-7730"
log = logging.getLogger("academy.jobs.run")


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[logbook.Line]:
    """Where lines are stored in place of the database; each attempt to store is one extend."""
    lines: list[logbook.Line] = []
    monkeypatch.setattr(logbook, "store", lines.extend)
    monkeypatch.setattr(logbook, "_writer", logbook._Writer())
    return lines


def kept() -> contextmanager[Logbook]:
    return logbook.kept(uuid4(), 2)


@contextmanager
def info_level() -> Iterator[None]:
    before = log.level
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(before)


@pytest.fixture(autouse=True)
def _info() -> Iterator[None]:
    with info_level():
        yield


def record(message: str, *args: object, level: int = logging.INFO, **more: object):
    made = logging.LogRecord("academy.jobs.run", level, __file__, 1, message, args, None)
    made.__dict__.update(more)
    return made


def test_lines_are_stored_at_the_end_of_the_attempt_in_their_order(stored):
    with kept():
        log.info("first")
        log.warning("second of %d", 2)
        assert not stored
    log.info("after the attempt")
    assert [(line.attempt, line.seq, line.level, line.message) for line in stored] == [
        (2, 1, "info", "first"),
        (2, 2, "warning", "second of 2"),
    ]
    assert {line.logger for line in stored} == {"academy.jobs.run"}


def test_what_is_below_info_or_speaks_of_keeping_records_is_not_kept(stored):
    log.setLevel(logging.DEBUG)
    with kept():
        log.debug("too fine")
        logging.getLogger("opentelemetry.sdk").warning("Queue full")
        logging.getLogger("academy.jobs.logbook").warning("log lines not stored")
    assert stored == []


def test_a_quiet_attempt_stores_nothing_and_starts_no_thread(stored, monkeypatch):
    writer = logbook._Writer()
    monkeypatch.setattr(logbook, "_writer", writer)
    calls: list[object] = []
    monkeypatch.setattr(logbook, "store", calls.append)
    with kept():
        pass
    assert calls == []
    assert writer._thread is None


def test_a_flood_leaves_room_for_what_went_wrong_and_says_what_is_missing(stored):
    with kept():
        for number in range(2 * MAX_LINES):
            log.info("line %d", number)
        log.error("and then it broke")
    assert len(stored) == MAX_LINES * logbook.ORDINARY_SHARE + 2
    *_, broke, last = stored
    assert (broke.level, broke.message) == ("error", "and then it broke")
    missing = 2 * MAX_LINES - int(MAX_LINES * logbook.ORDINARY_SHARE)
    assert last.message == f"{missing} further lines were not kept"


def test_a_flood_of_errors_is_bounded_too(stored):
    with kept():
        for _ in range(2 * MAX_LINES):
            log.error("again")
    assert len(stored) == MAX_LINES + 1


def test_the_bytes_of_an_attempt_are_bounded(stored):
    with kept():
        for _ in range(MAX_LINES):
            log.error("가" * LINE_BYTES)
    *lines, last = stored
    assert all(len(line.message.encode()) <= LINE_BYTES for line in lines)
    total = sum(len(line.message.encode()) for line in lines)
    assert MAX_BYTES - LINE_BYTES <= total <= MAX_BYTES
    assert last.message.endswith("further lines were not kept")


def test_a_long_line_keeps_its_beginning_and_its_end(stored):
    with kept():
        log.info("%s%s%s", "begin", "x" * 100_000, "end")
    (line,) = stored
    assert line.message.startswith("begin")
    assert line.message.endswith("end")
    assert "(cut)" in line.message


def test_a_phone_number_is_masked_also_where_the_line_is_cut(stored):
    half = (LINE_BYTES - len(logbook._CUT.encode())) // 2
    with kept():
        for shift in range(len(PHONE) + 1):
            # The number lies across the place where the beginning that is kept ends.
            log.info("%s %s %s", "x" * (half - 2 - shift), PHONE, "y" * LINE_BYTES)
        log.info("call %s", PHONE)
    assert len(stored) == len(PHONE) + 2
    for line in stored:
        assert "4821" not in line.message
        assert "7730" not in line.message


def _look_up() -> None:
    raise LookupError(f"no student with {PHONE}")


def test_a_traceback_is_kept_and_masked(stored):
    with kept():
        try:
            _look_up()
        except LookupError:
            log.exception("it failed")
    (line,) = stored
    assert line.message.startswith("it failed\nTraceback")
    assert line.message.endswith("LookupError: no student with 010-****-****")


@given(st.text(alphabet=st.characters(), max_size=200))
def test_whatever_is_logged_can_be_stored(text: str):
    made = logbook._text(record("%s", text))
    assert "\x00" not in made
    assert made.encode().decode() == made


def test_a_wrong_format_string_does_not_lose_the_line():
    assert "half" in logbook._text(record("half %d", "a number"))


def test_an_error_while_a_line_is_kept_never_reaches_the_handler(stored, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)

    def broken(_: str) -> str:
        raise RuntimeError

    with kept():
        monkeypatch.setattr(logbook, "mask", broken)
        log.info("a line")
    assert stored == []


def test_a_thread_without_the_context_writes_through_the_books_own_record(stored):
    handler = logbook.BookHandler(logging.INFO)
    book = Logbook(uuid4(), 1)
    handler.emit(record("from a thread", **{logbook.BOOK: book}))
    assert [line.message for line in book.take()] == ["from a thread"]


def test_a_database_that_is_away_at_the_end_costs_nothing_but_a_warning(monkeypatch):
    tries: list[int] = []

    def away(lines: list[logbook.Line]) -> None:
        tries.append(len(lines))
        raise OperationalError("the database is away")

    writer = logbook._Writer()
    monkeypatch.setattr(writer, "_run", lambda: None)
    monkeypatch.setattr(logbook, "_writer", writer)
    monkeypatch.setattr(logbook, "store", away)
    monkeypatch.setattr(logbook, "connection", _Connection())
    with kept() as book:
        log.info("first")
        log.info("second")
    writer.flush()
    assert tries == [2, 2]
    assert not book.is_empty()

    arrived: list[logbook.Line] = []
    monkeypatch.setattr(logbook, "store", arrived.extend)
    writer.flush()
    assert [line.seq for line in arrived] == [1, 2]
    assert not writer._books


def test_lines_are_given_up_after_a_while_so_that_memory_is_not_held(monkeypatch):
    def away(lines: list[logbook.Line]) -> None:
        raise OperationalError

    writer = logbook._Writer()
    monkeypatch.setattr(writer, "_run", lambda: None)
    monkeypatch.setattr(logbook, "_writer", writer)
    monkeypatch.setattr(logbook, "store", away)
    monkeypatch.setattr(logbook, "connection", _Connection())
    with kept() as book:
        log.info("first")
    writer.flush()
    assert writer._books
    book.closed_at = clock.monotonic() - logbook.GIVE_UP_SECONDS
    writer.flush()
    assert not writer._books
    assert book.is_empty()


class _Connection:
    in_atomic_block = False

    def close(self) -> None:
        """Nothing is open."""


def test_a_line_that_comes_while_its_book_is_stored_is_not_forgotten(monkeypatch):
    writer = logbook._Writer()
    monkeypatch.setattr(writer, "_run", lambda: None)
    monkeypatch.setattr(logbook, "_writer", writer)
    book = Logbook(uuid4(), 1)
    book.write(record("first"))
    stored: list[str] = []

    def slow(lines: list[logbook.Line]) -> None:
        if not stored:
            book.write(record("meanwhile"))
        stored.extend(line.message for line in lines)

    monkeypatch.setattr(logbook, "store", slow)
    writer.flush()
    writer.flush()
    assert stored == ["first", "meanwhile"]
    assert not writer._books


def test_nothing_is_kept_once_the_book_is_closed():
    book = Logbook(uuid4(), 1)
    book.close()
    book.write(record("too late"))
    assert book.is_empty()


def test_the_handler_is_on_the_root_logger_once(stored):
    for _ in range(3):
        with kept():
            pass
    assert logging.getLogger().handlers.count(logbook._handler) == 1
    assert logbook._handler.lock is None, "attempts in threads must not wait for each other"
