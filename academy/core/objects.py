"""What the object store is spoken of in: buckets, keys, what a call returns, what it raises."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from academy.core.errors import AppError

MAX_KEY_BYTES: Final = 1024

_UNSAFE_KEY = re.compile(r"[\x00-\x1f\x7f\\]|(^|/)\.{1,2}(/|$)|//|^/")
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound"})
_TRANSIENT = frozenset(
    {
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottlingException",
        "TooManyRequests",
    }
)


class Bucket(StrEnum):
    """What a bucket is for; the value is its alias in ``settings.STORAGES``."""

    AI = "ai"
    VIDEO = "video"
    EXCEL = "excel"
    STORAGE = "storage"


class StorageError(AppError):
    """The object store did not do what was asked.

    ``code`` is ``storage_unavailable`` (no answer, or an answer that says later: ``transient``),
    ``object_missing`` or ``storage_refused`` (keys, rights, bucket: an operator's matter).
    """

    def __init__(self, code: str, operation: str, key: str) -> None:
        super().__init__(code)
        self.operation = operation
        self.key = key

    @property
    def transient(self) -> bool:
        """Whether the same call can succeed later."""
        return self.retryable

    def __str__(self) -> str:
        return f"{self.code}: {self.operation} {self.key}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.code, self.operation, self.key))


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a HEAD says. ``etag`` has no quotes; ``checksum_sha256`` is base64, where known."""

    size: int
    content_type: str
    etag: str
    checksum_sha256: str | None


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """What a listing says of one object."""

    key: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that its holder may make once signed: the headers must be sent as they stand."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part of a multipart upload that the store holds."""

    number: int
    size: int
    etag: str


@contextlib.contextmanager
def storage_errors(operation: str, key: str) -> Iterator[None]:
    """Turn whatever boto raises into a StorageError."""
    try:
        yield
    except ClientError as error:
        raise StorageError(_code_of(error), operation, key) from error
    except Boto3Error as error:
        # The transfer layer wraps the client's error without keeping its type.
        inner = error.__cause__ or error.__context__
        code = _code_of(inner) if isinstance(inner, ClientError) else "storage_unavailable"
        raise StorageError(code, operation, key) from error
    except BotoCoreError as error:
        raise StorageError("storage_unavailable", operation, key) from error


def _code_of(error: ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _MISSING:
        return "object_missing"
    if code in _TRANSIENT or status >= 500 or status == 429:
        return "storage_unavailable"
    return "storage_refused"


def checked_key(key: str) -> str:
    """Refuse a key that no code of ours makes. Keys are made by the server, never by a user."""
    if not key or len(key.encode()) > MAX_KEY_BYTES or _UNSAFE_KEY.search(key):
        raise ValueError(f"not an object key: {key!r}")
    return key
