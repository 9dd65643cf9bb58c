"""Fetch a source in parallel ranges, with progress, and prove that it is what was uploaded."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol

from academy.jobs.errors import PermanentError

RANGE_BYTES = 8 << 20
THREADS = 4


class Store(Protocol):
    """The one thing that is asked of an object store."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object."""
        ...


def fetch(
    store: Store,
    key: str,
    target: Path,
    *,
    size: int,
    sha256_b64: str | None,
    on_bytes: Callable[[int], None],
    ranges: Sequence[tuple[int, int]] | None = None,
) -> None:
    """Write an object of `size` bytes to `target`, or of it the bytes in `ranges` to their places.

    What is left out takes no room on disk and reads as zeros. `on_bytes` is given the bytes so far,
    in the calling thread; what it raises ends the download.
    Raises PermanentError("video_source_changed") when size or checksum differ from the upload's.
    """
    with target.open("wb") as file:
        file.truncate(size)
        _fill(store, key, file.fileno(), ((0, size),) if ranges is None else ranges, on_bytes)
    if sha256_b64 is not None and _digest(target) != sha256_b64:
        raise PermanentError("video_source_changed")


def _fill(
    store: Store,
    key: str,
    descriptor: int,
    ranges: Sequence[tuple[int, int]],
    on_bytes: Callable[[int], None],
) -> None:
    def copy(start: int, end: int) -> int:
        length = end - start
        data = store.read(key, start, length)
        if len(data) != length:
            raise PermanentError("video_source_changed")
        os.pwrite(descriptor, data, start)
        return length

    with ThreadPoolExecutor(THREADS, thread_name_prefix="source-download") as pool:
        copies = [
            pool.submit(copy, start, min(start + RANGE_BYTES, end))
            for begin, end in ranges
            for start in range(begin, end, RANGE_BYTES)
        ]
        done = 0
        try:
            for future in as_completed(copies):
                done += future.result()
                on_bytes(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return base64.b64encode(digest.digest()).decode()
