"""The one place that decides what kind of failure an exception is."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import Any

from django.db import DataError, InterfaceError, OperationalError
from pydantic import ValidationError

from academy.core.errors import AppError
from academy.jobs.errors import PermanentError, PoisonError, TransientError, UnsuitableHostError


@dataclass(frozen=True)
class Failure:
    """A classified failure: the code and parameters of its sentence."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Transient(Failure):
    """May pass by itself. ``retry_after``: seconds the provider asked for."""

    retry_after: float | None = None


@dataclass(frozen=True)
class Permanent(Failure):
    """Fails again for the same input."""


@dataclass(frozen=True)
class Poison(Failure):
    """Nobody foresaw it: a person must look before it runs again."""


@dataclass(frozen=True)
class Elsewhere(Failure):
    """Nothing is wrong with the job: it is for another host, or for later (``retry_after``)."""

    retry_after: float | None = None


_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})


def classify(error: BaseException) -> Transient | Permanent | Poison | Elsewhere:
    """Decide from the exception alone; the retry policy then decides what that means.

    An exception nobody thought of is poison: retrying a bug costs money and hides it.
    """
    match error:
        case TransientError():
            return Transient(error.code, error.params, error.retry_after)
        case PermanentError():
            return Permanent(error.code, error.params)
        case UnsuitableHostError():
            return Elsewhere(error.code, error.params, error.retry_after)
        case PoisonError():
            return Poison(error.code, error.params)
        case AppError():
            kind = Transient if error.retryable else Permanent
            return kind(error.code, error.params)
        case ValidationError():
            return Permanent("params_invalid", {"fields": field_errors(error)})
    return _of_library(error)


def _of_library(error: BaseException) -> Transient | Permanent | Poison:
    match error:
        case OSError() if error.errno in _DISK:
            return Transient("disk_full")
        case MemoryError():
            return Transient("out_of_memory")
        case OperationalError() | InterfaceError():
            return Transient("service_unavailable")
        case DataError():
            return Permanent("handler_output_invalid")
        case ConnectionError() | TimeoutError():
            return Transient("network_error")
    return Poison("handler_error", {"type": type(error).__name__})


def field_errors(error: ValidationError) -> list[dict[str, str]]:
    """Pydantic's findings as ``{"field", "problem"}``, without the values that were sent."""
    return [
        {"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"]}
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
