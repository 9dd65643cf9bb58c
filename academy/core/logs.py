"""Logging: one line an event, with the request, tenant, job and attempt it belongs to.

Standard library only, so that Celery, gunicorn and boto write through the same handler. The
context travels in a context variable: whoever knows the job binds it once.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from academy.core.masking import mask, mask_value

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_context: ContextVar[Mapping[str, Any]] = ContextVar("log_context", default=_EMPTY)

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


@contextlib.contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Add fields (``request_id``, ``tenant``, ``job``, ``attempt``…) to every line in the block."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def bind(**fields: Any) -> None:
    """Add fields for the rest of the surrounding ``bound`` block."""
    _context.set({**_context.get(), **fields})


def context() -> Mapping[str, Any]:
    """The fields bound at this point."""
    return _context.get()


class ContextFilter(logging.Filter):
    """Puts the bound fields on each record; a field given with ``extra`` wins."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, enriched."""
        for name, value in _context.get().items():
            if name not in record.__dict__:
                setattr(record, name, value)
        return True


class MaskFilter(logging.Filter):
    """Removes phone numbers and secrets from a record before any formatter sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, masked: message, traceback, stack and extra fields."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a wrong format string must not lose the line
            message = f"{record.msg} {record.args}"
        record.msg, record.args = mask(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask(record.exc_text)
        # The original exception must not be formatted again by somebody else's formatter.
        record.exc_info = None
        if record.stack_info:
            record.stack_info = mask(record.stack_info)
        for name, value in list(record.__dict__.items()):
            if name not in _STANDARD:
                setattr(record, name, mask_value(value))
        return True


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {
        name: value
        for name, value in record.__dict__.items()
        if name not in _STANDARD and not name.startswith("_")
    }


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; a value that is not JSON is shown as its text."""
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "pid": record.process,
            **_extra(record),
        }
        if record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=False, default=lambda value: mask(str(value)))


class ConsoleFormatter(logging.Formatter):
    """One line for a person: time, level, logger, message, then the fields.

    An attempt is shortened to its kind, the end of its job's id and its number, as in
    ``attempt=video.transcode:9b1c30d4e2f1.2``: the rest is in the row, and in the JSON format.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        fields = " ".join(f"{name}={value}" for name, value in _shortened(_extra(record)))
        line = f"{at} {record.levelname:<7} {record.name}: {record.getMessage()}"
        parts = [f"{line}  {fields}" if fields else line, record.exc_text, record.stack_info]
        return mask("\n".join(part for part in parts if part))


_SAID_BY_THE_ATTEMPT = frozenset({"job", "attempt", "kind", "queue", "request_id", "trace"})


def _shortened(fields: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    if not {"job", "attempt", "kind"} <= fields.keys():
        return fields.items()
    rest = {name: value for name, value in fields.items() if name not in _SAID_BY_THE_ATTEMPT}
    attempt = f"{fields['kind']}:{str(fields['job'])[-12:]}.{fields['attempt']}"
    return {"attempt": attempt, **rest}.items()


def logging_config(*, log_format: str, level: str) -> dict[str, Any]:
    """``settings.LOGGING``: everything to stderr, through the context and the mask.

    Records exist from INFO on, whatever is printed: the log of a job keeps them.
    """
    made = min(level, "INFO", key=logging.getLevelNamesMapping().__getitem__)
    formatter = JsonFormatter if log_format == "json" else ConsoleFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": ContextFilter}, "mask": {"()": MaskFilter}},
        "formatters": {"line": {"()": formatter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "level": level,
                "filters": ["context", "mask"],
                "formatter": "line",
            }
        },
        "root": {"handlers": ["stderr"], "level": made},
        "loggers": {
            # Django's own handlers print tracebacks in a format of their own, or send mail.
            "django": {"handlers": [], "level": made, "propagate": True},
            "django.server": {"handlers": [], "level": made, "propagate": True},
            "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
            # A line for each message and its task, which know no job: the attempt's own line does.
            **{
                name: {"level": "WARNING", "propagate": True}
                for name in ("celery.worker.strategy", "celery.app.trace")
            },
            # These log request bodies, headers and addresses below WARNING.
            **{
                name: {"level": "WARNING", "propagate": True}
                for name in (
                    "botocore",
                    "boto3",
                    "s3transfer",
                    "urllib3",
                    "kombu",
                    "amqp",
                    "httpx",
                    "httpcore",
                )
            },
        },
    }
