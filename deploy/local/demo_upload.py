"""Send a file where the API says: one signed PUT, or a signed PUT for each part."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.local.demo_api import Api, DemoError

Advance = Callable[[int], None]

_CHUNK = 1 << 20
_SINGLE_PUT_BYTES = 256 << 20  # above it the API cuts the file into parts by itself
_PARTS_PER_CALL = 20
_TRIES = 3
_PUT_TIMEOUT = httpx.Timeout(120.0, connect=5.0)
_PRECONDITION_FAILED = 412
_KNOWN_TYPES = frozenset({"video/mp4", "video/quicktime", "video/webm", "video/x-matroska"})


@dataclass(frozen=True)
class Sent:
    """An upload that the API has verified."""

    upload_id: str
    parts: int
    seconds: float
    """Of the transfer alone."""
    content_type: str
    """What the content is, as the API saw it."""


@dataclass(frozen=True)
class Slice:
    """A range of the file, one request's body."""

    path: Path
    start: int
    size: int

    def chunks(self) -> Iterator[bytes]:
        """The bytes, a megabyte at a time."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.size
            while left > 0:
                chunk = file.read(min(_CHUNK, left))
                if not chunk:
                    raise DemoError(f"{self.path} became shorter while it was sent")
                left -= len(chunk)
                yield chunk

    def sha256(self) -> str:
        """Digest in base64, as the checksum header wants it."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return base64.b64encode(digest.digest()).decode()


def upload_file(
    api: Api, path: Path, advance: Advance, *, purpose: str = "video", content_type: str = ""
) -> Sent:
    """Declare, send, complete; `advance` is told the bytes that went out (back, when repeated)."""
    size = path.stat().st_size
    whole = Slice(path, 0, size)
    order: dict[str, Any] = {
        "filename": path.name,
        "size": size,
        "content_type": content_type or _content_type(path),
        "purpose": purpose,
    }
    if size < _SINGLE_PUT_BYTES:
        order["sha256"] = whole.sha256()
    upload = api.post("/api/v1/uploads", order)
    started = time.monotonic()
    with httpx.Client(timeout=_PUT_TIMEOUT) as store:
        if upload["multipart"] is None:
            count = 1
            _put(store, upload["put"], whole, advance)
        else:
            count = upload["multipart"]["count"]
            _put_parts(api, store, upload, path, advance)
    seconds = time.monotonic() - started
    done = api.post(f"/api/v1/uploads/{upload['id']}/complete")
    if done["state"] != "complete":
        raise DemoError(f"The upload is {done['state']} ({done['error_code']}), not complete")
    return Sent(upload["id"], count, seconds, done["sniffed_type"])


def _put_parts(
    api: Api, store: httpx.Client, upload: dict[str, Any], path: Path, advance: Advance
) -> None:
    """Parts in order, signed a few at a time, each with its own checksum in the signature."""
    plan = upload["multipart"]
    size, part_size = upload["size"], plan["part_size"]
    slices = {
        number: Slice(path, start, min(part_size, size - start))
        for number, start in enumerate(range(0, size, part_size), start=1)
    }
    numbers = list(slices)
    for first in range(0, len(numbers), _PARTS_PER_CALL):
        wanted = numbers[first : first + _PARTS_PER_CALL]
        order = [{"number": number, "sha256": slices[number].sha256()} for number in wanted]
        signed = api.post(f"/api/v1/uploads/{upload['id']}/parts", {"parts": order})
        for part in signed["parts"]:
            _put(store, part, slices[part["number"]], advance)


def _put(store: httpx.Client, signed: dict[str, Any], piece: Slice, advance: Advance) -> None:
    """Make a signed request as it stands, again when its answer is lost."""
    for attempt in range(1, _TRIES + 1):
        sent = 0

        def counted() -> Iterator[bytes]:
            nonlocal sent
            for chunk in piece.chunks():
                yield chunk
                sent += len(chunk)
                advance(len(chunk))

        try:
            answer = store.put(signed["url"], content=counted(), headers=signed["headers"])
        except httpx.TransportError as error:
            if attempt == _TRIES:
                raise DemoError(f"The object store does not take the file: {error}") from error
        else:
            # A repeated PUT finds the object that the first one left: the signature says once.
            if answer.is_success or (attempt > 1 and answer.status_code == _PRECONDITION_FAILED):
                return
            if answer.status_code < 500 or attempt == _TRIES:
                raise DemoError(
                    f"The object store answered {answer.status_code} to the signed PUT: "
                    f"{answer.text[:300]} (look at s3.log)"
                )
        advance(-sent)
        time.sleep(0.5 * attempt)


def _content_type(path: Path) -> str:
    guess = mimetypes.guess_type(path.name)[0]
    return guess if guess in _KNOWN_TYPES else "application/octet-stream"
