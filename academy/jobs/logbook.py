"""The log lines of an attempt, kept with the job.

While a handler runs, whatever it logs at INFO and above goes to the process's log as always and to
the attempt's book as well: bounded in lines and bytes, masked, and stored in batches by a thread of
its own every few seconds and once more when the attempt ends. A book never makes a handler wait and
never fails a job: where the database is away its lines wait, and in the end are given up. A job
that logs nothing costs no statement.

Lines carry the attempt's number and touch no other row, so that an attempt which has lost its job
may still say what it did.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from academy.core import clock
from academy.core.masking import mask
from academy.core.sweeps import in_rounds
from academy.jobs.storable import storable_text

logger = logging.getLogger(__name__)

MAX_LINES: Final = 500
MAX_BYTES: Final = 256 * 1024
ORDINARY_SHARE: Final = 0.8
"""How much of both is for lines below WARNING: a flood of them must not hide the failure."""
LINE_BYTES: Final = 4 * 1024
FLUSH_SECONDS: Final = 2.0
GIVE_UP_SECONDS: Final = 60.0
"""How long the lines of an ended attempt wait for a database that is away."""
LOGGER_CHARS: Final = 100
LEVEL_CHARS: Final = 8

_CUT: Final = "\n… (cut) …\n"
_NOT_THE_JOBS: Final = ("academy.jobs.logbook", "opentelemetry")
"""Loggers that speak about keeping records, not about the job."""

BOOK: Final = "_logbook"
"""Attribute of a record that names its book where the context cannot, as in a handler's thread."""

_current: ContextVar[Logbook | None] = ContextVar("logbook", default=None)


@dataclass(frozen=True)
class Line:
    """One line as it is stored."""

    job_id: UUID
    attempt: int
    seq: int
    at: datetime
    level: str
    logger: str
    message: str


class Logbook:
    """What one attempt logged and nobody has stored yet."""

    def __init__(self, job_id: UUID, attempt: int) -> None:
        self._job_id = job_id
        self._attempt = attempt
        self._lock = threading.Lock()
        self._pending: list[Line] = []
        self._seq = 0
        self._bytes = 0
        self._dropped = 0
        self.closed_at: float | None = None

    def write(self, record: logging.LogRecord) -> None:
        """Keep the record's line, or count it where there is no room."""
        message = _text(record)
        size = len(message.encode())
        share = 1.0 if record.levelno >= logging.WARNING else ORDINARY_SHARE
        with self._lock:
            if self.closed_at is not None:
                return
            if self._seq >= MAX_LINES * share or self._bytes + size > MAX_BYTES * share:
                self._dropped += 1
                return
            self._bytes += size
            at = datetime.fromtimestamp(record.created, UTC)
            self._append(at, record.levelname.lower(), record.name, message)
        _writer.watch(self)

    def close(self) -> None:
        """Take no more; the last line says what there was no room for."""
        with self._lock:
            if self.closed_at is None and self._dropped:
                said = f"{self._dropped} further lines were not kept"
                self._append(clock.now(), "warning", __name__, said)
            self.closed_at = clock.monotonic()

    def take(self) -> list[Line]:
        """The lines that are to be stored now."""
        with self._lock:
            lines, self._pending = self._pending, []
            return lines

    def is_empty(self) -> bool:
        """Whether there is nothing to store at this moment."""
        with self._lock:
            return not self._pending

    def put_back(self, lines: list[Line]) -> None:
        """Lines whose store failed; they come first again."""
        with self._lock:
            self._pending = lines + self._pending

    def _append(self, at: datetime, level: str, name: str, message: str) -> None:
        self._seq += 1
        self._pending.append(
            Line(
                self._job_id,
                self._attempt,
                self._seq,
                at,
                storable_text(level, LEVEL_CHARS),
                storable_text(name, LOGGER_CHARS),
                message,
            )
        )


def _text(record: logging.LogRecord) -> str:
    """The record's message and traceback: masked as a whole, then cut."""
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - a wrong format string must not lose the line
        text = f"{record.msg} {record.args}"
    if record.exc_info and not record.exc_text:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    elif record.exc_text:
        text += f"\n{record.exc_text}"
    text = storable_text(mask(text), len(text) + LINE_BYTES)
    whole = text.encode()
    if len(whole) <= LINE_BYTES:
        return text
    # The end of a traceback says more than its middle.
    half = (LINE_BYTES - len(_CUT.encode())) // 2
    return whole[:half].decode(errors="ignore") + _CUT + whole[-half:].decode(errors="ignore")


class BookHandler(logging.Handler):
    """Puts the records of an attempt into its book; all others pass it by."""

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """None: each book has its own, and attempts do not wait for each other."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record down; never raises."""
        book = getattr(record, BOOK, None) or _current.get()
        if book is None or record.name.startswith(_NOT_THE_JOBS):
            return
        try:
            book.write(record)
        except Exception:  # noqa: BLE001 - a line must never be what breaks a job
            self.handleError(record)


_handler: Final = BookHandler(logging.INFO)


@contextmanager
def kept(job_id: UUID, attempt: int) -> Iterator[Logbook]:
    """Keep what is logged in the block, by this thread and by whom it gives its context."""
    root = logging.getLogger()
    if _handler not in root.handlers:
        root.addHandler(_handler)
    book = Logbook(job_id, attempt)
    token = _current.set(book)
    try:
        yield book
    finally:
        _current.reset(token)
        _finish(book)


def _finish(book: Logbook) -> None:
    """Store what is left, on this thread's connection; the writer tries again where it fails."""
    book.close()
    lines = book.take()
    if not lines:
        return
    try:
        store(lines)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("log lines wait for the database: %s", type(error).__name__)
        if not connection.in_atomic_block:
            connection.close()
        book.put_back(lines)
        _writer.watch(book)


# A batch that arrived without its answer is sent again.
_STORE = """
INSERT INTO job_log (job_id, attempt, seq, at, level, logger, message)
SELECT * FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::timestamptz[], %s::text[], %s::text[],
                     %s::text[])
ON CONFLICT DO NOTHING
"""


def store(lines: Sequence[Line]) -> None:
    """Store lines, of any attempts, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            [
                [line.job_id for line in lines],
                [line.attempt for line in lines],
                [line.seq for line in lines],
                [line.at for line in lines],
                [line.level for line in lines],
                [line.logger for line in lines],
                [line.message for line in lines],
            ],
        )


class _Writer:
    """One daemon thread a process, on its own connection, which stores the lines of all books.

    It begins with the first line and rests, without a connection, while no book has any.
    """

    def __init__(self) -> None:
        self._books: dict[int, Logbook] = {}
        self._lock = threading.Lock()
        self._busy = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, book: Logbook) -> None:
        """Store the book's lines before long."""
        # `flush` forgets a book only while it is empty, and this one has a line.
        if id(book) in self._books:
            return
        with self._lock:
            self._books[id(book)] = book
            # Started on first use: a thread does not survive the fork of a prefork pool.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="logbook", daemon=True)
                self._thread.start()
        self._busy.set()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            if not self._busy.is_set():
                connection.close()
            self._busy.wait()
            pause.wait(FLUSH_SECONDS)
            try:
                self.flush()
            except Exception:
                logger.exception("storing log lines failed; it goes on")

    def flush(self) -> None:
        """One round over all books."""
        with self._lock:
            books = list(self._books.values())
        taken = [(book, book.take()) for book in books]
        lines = [line for _, own in taken for line in own]
        try:
            if lines:
                store(lines)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("log lines not stored: %s", type(error).__name__)
            connection.close()
            for book, own in taken:
                book.put_back(own)
                _give_up_in_the_end(book)
        with self._lock:
            for book in books:
                # A quiet book is watched again from its next line on.
                if book.is_empty():
                    del self._books[id(book)]
            if not self._books:
                self._busy.clear()


def _give_up_in_the_end(book: Logbook) -> None:
    ended = book.closed_at
    if ended is not None and clock.monotonic() - ended >= GIVE_UP_SECONDS:
        logger.warning("%s log lines were given up: the database was away", len(book.take()))


_writer: Final = _Writer()


# ---------------------------------------------------------------------- housekeeping

PURGE_ROWS: Final = 1_000

# Old lines first, by their index; a job that is still open after so many days keeps its own.
_PURGE = """
DELETE FROM job_log WHERE ctid = ANY(ARRAY(
    SELECT line.ctid FROM job_log line JOIN job ON job.id = line.job_id
    WHERE line.at < %(before)s AND job.finished_at < %(before)s
    ORDER BY line.at LIMIT %(rows)s FOR UPDATE OF line SKIP LOCKED
))
"""


def sweep() -> int:
    """Delete lines of jobs that ended more than ``JOB_LOG_DAYS`` ago; returns how many."""
    before = clock.now() - timedelta(days=settings.JOB_LOG_DAYS)

    def purge(rows: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute(_PURGE, {"before": before, "rows": rows})
            return int(cursor.rowcount)

    return in_rounds(purge, rows=PURGE_ROWS)
