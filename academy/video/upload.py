"""Upload segments as they appear, in parallel, so that nothing is left to copy at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from academy.video.command import segment_name

THREADS = 8
TICK_SECONDS = 0.25
_IMMUTABLE = "private, max-age=31536000, immutable"
_SEGMENT_SUFFIX = ".m4s"
_CONTENT_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".mka": "audio/x-matroska",
    ".vtt": "text/vtt; charset=utf-8",
    ".key": "application/octet-stream",
}


class Store(Protocol):
    """What is asked of an object store."""

    def put_file(
        self, key: str, path: Path, content_type: str, cache_control: str | None = None
    ) -> None:
        """Store a file under a key."""
        ...

    def put_bytes(
        self, key: str, data: bytes, content_type: str, cache_control: str | None = None
    ) -> None:
        """Store bytes under a key."""
        ...


def content_type(name: str) -> str:
    """The media type of an output file."""
    return _CONTENT_TYPES[Path(name).suffix]


class SegmentUploader:
    """Uploads the files of one folder under one prefix; a context manager.

    Nothing that an encoder may still be writing goes up early: ffmpeg gives a segment its name
    when it is complete, and everything else waits for `put`. `renditions` are the names whose
    segments will appear, with the number of the first of each (`NAME_00000.m4s` and on).
    ``encryptor`` gives for the name of a segment what turns it into what is stored; it is asked in
    the thread that calls. The files in the folder stay plain.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        folder: Path,
        renditions: Mapping[str, int],
        *,
        encryptor: Callable[[str], Callable[[bytes], bytes]] | None = None,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._folder = folder
        self._first = dict(renditions)
        self._next = dict(renditions)
        self._encryptor = encryptor
        self._sent: dict[str, Future[int]] = {}
        self._unchecked: list[Future[int]] = []
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="segment-upload")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # After an error nobody waits for what is under way: a stop must not take as long as that.
        self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def begin_again(self, *, on_wait: Callable[[], None]) -> None:
        """Forget what was sent: files of the same names will be made anew.

        Waits for what is under way, so that nothing old can arrive after what is new; `on_wait` is
        called meanwhile, and what it raises ends the wait.
        """
        pending = [future for future in self._sent.values() if not future.cancel()]
        while wait(pending, timeout=TICK_SECONDS).not_done:
            on_wait()
        self._next, self._sent, self._unchecked = dict(self._first), {}, []

    def scan(self) -> None:
        """Start uploading every new finished segment. Raises what an earlier upload raised."""
        waiting = []
        for future in self._unchecked:
            if future.done():
                future.result()
            else:
                waiting.append(future)
        self._unchecked = waiting
        for rendition, number in self._next.items():
            # One look a rendition: a folder of a long lecture holds 18,000 files.
            following = number
            while (self._folder / segment_name(rendition, following)).exists():
                self._submit(segment_name(rendition, following))
                following += 1
            self._next[rendition] = following

    def put(self, names: Iterable[str], *, on_done: Callable[[int, int], None]) -> dict[str, int]:
        """Upload these files and wait for all of them, those sent earlier included.

        `on_done` is given how many of how many are stored, after each and at least every
        TICK_SECONDS; what it raises ends the wait. Returns the size in bytes of each. Raises the
        first error of the store.
        """
        wanted = list(names)
        for name in wanted:
            self._submit(name)
        sizes: dict[str, int] = {}
        for name in wanted:
            while not wait([self._sent[name]], timeout=TICK_SECONDS).done:
                on_done(len(sizes), len(wanted))
            sizes[name] = self._sent[name].result()
            on_done(len(sizes), len(wanted))
        return sizes

    def _submit(self, name: str) -> None:
        if name not in self._sent:
            encrypted = None
            if self._encryptor is not None and name.endswith(_SEGMENT_SUFFIX):
                encrypted = self._encryptor(name)
            self._sent[name] = self._pool.submit(self._upload, name, encrypted)
            self._unchecked.append(self._sent[name])

    def _upload(self, name: str, encrypted: Callable[[bytes], bytes] | None) -> int:
        path = self._folder / name
        key, kind = self._prefix + name, content_type(name)
        if encrypted is not None:
            data = encrypted(path.read_bytes())
            self._store.put_bytes(key, data, kind, _IMMUTABLE)
            return len(data)
        self._store.put_file(key, path, kind, _IMMUTABLE)
        return path.stat().st_size
