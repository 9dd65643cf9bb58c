"""Fetch a source in parallel ranges, with progress, and prove that it is what was uploaded."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Protocol

from academy.jobs.errors import PermanentError

RANGE_BYTES = 8 << 20
THREADS = 4
TICK_SECONDS = 0.25


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
    in the calling thread and at least every TICK_SECONDS; what it raises ends the download at once.
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
    writing, over = threading.Lock(), threading.Event()

    def copy(start: int, end: int) -> int:
        length = end - start
        data = store.read(key, start, length)
        if len(data) != length:
            raise PermanentError("video_source_changed")
        with writing:
            # A part that arrives after the end must not be written: the descriptor is not ours.
            if not over.is_set():
                os.pwrite(descriptor, data, start)
        return length

    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="source-download")
    try:
        waiting = {
            pool.submit(copy, start, min(start + RANGE_BYTES, end))
            for begin, end in ranges
            for start in range(begin, end, RANGE_BYTES)
        }
        done = 0
        while waiting:
            finished, waiting = wait(waiting, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
            done += sum(part.result() for part in finished)
            on_bytes(done)
    finally:
        with writing:
            over.set()
        # What is under way cannot be called back, and nobody waits for it.
        pool.shutdown(wait=False, cancel_futures=True)


def fetch_joined(
    store: Store, keys: Sequence[str], target: Path, *, on_bytes: Callable[[int], None]
) -> int:
    """Write these objects one after the other into one file; returns its size in bytes.

    A few are fetched at a time, and no more are in memory than that. `on_bytes` is given the bytes
    so far, in the calling thread and at least every TICK_SECONDS; what it raises ends the download.
    """
    done = 0
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="segment-download")
    try:
        with target.open("wb") as file:
            for first in range(0, len(keys), THREADS):
                parts = [pool.submit(store.read, key) for key in keys[first : first + THREADS]]
                for part in parts:
                    while not wait([part], timeout=TICK_SECONDS).done:
                        on_bytes(done)
                    done += file.write(part.result())
                on_bytes(done)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return done


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return base64.b64encode(digest.digest()).decode()
