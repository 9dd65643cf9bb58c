"""The workbench of the video handlers: their tools, their scratch folder, what people are told.

One workbench serves one attempt. Every command that runs on it is confined, followed, and stopped
when the attempt must end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from academy.core import clock
from academy.core.storage import Bucket, ObjectStore, store
from academy.jobs import room
from academy.jobs.context import JobContext
from academy.jobs.errors import JobStopped, StopReason, TransientError
from academy.jobs.steps import Step
from academy.media.commands import Commands
from academy.video import command, download
from academy.video.upload import TICK_SECONDS

T = TypeVar("T")


class Workbench(Commands):
    """What an attempt of a video job works with."""

    def __init__(self, context: JobContext[Any]) -> None:
        folder = context.scratch / "out"
        folder.mkdir()
        super().__init__(context, folder)
        self.objects: ObjectStore = store(Bucket.VIDEO)
        self._step: Step | None = None
        self._step_began = 0.0
        self._spent: dict[str, float] = {}

    def say(self, step: Step, share: float, *, eta: float | None = None) -> None:
        """Tell people how far a step is, and in how many seconds it will be over.

        Who does not know is told for: by how long the step has taken so far.
        """
        now = clock.monotonic()
        if self._step is not step:
            self._spent = self.timings()
            self._step, self._step_began = step, now
        if eta is None and 0 < share <= 1:
            eta = (now - self._step_began) * (1 - share) / share
        self.context.progress(step.name, step.at(share), eta_seconds=eta)

    def timings(self) -> dict[str, float]:
        """Seconds that each step has taken so far, by its name."""
        found = dict(self._spent)
        if self._step is not None:
            running = clock.monotonic() - self._step_began
            found[self._step.name] = round(found.get(self._step.name, 0.0) + running, 3)
        return found

    def took(self, name: str, seconds: float) -> None:
        """Count what a step of that name has taken elsewhere: in another attempt, or in pieces."""
        self._spent[name] = round(self._spent.get(name, 0.0) + seconds, 3)

    def require_disk(self, size: int) -> None:
        """Raises UnsuitableHostError where this many bytes would not fit."""
        room.require(size)

    def fetch(
        self,
        key: str,
        target: Path,
        *,
        size: int,
        step: Step,
        sha256_b64: str | None = None,
        ranges: tuple[tuple[int, int], ...] | None = None,
    ) -> None:
        """Download an object, or some of its bytes to their places, telling people how far."""
        wanted = size if ranges is None else sum(end - start for start, end in ranges)
        self.require_disk(wanted)
        started = clock.monotonic()

        def on_bytes(done: int) -> None:
            self.context.raise_if_cancelled()
            elapsed = clock.monotonic() - started
            self.say(step, done / wanted, eta=elapsed * (wanted - done) / done if done else None)

        with self.context.span("video.fetch", {"academy.bytes": wanted}):
            download.fetch(
                self.objects,
                key,
                target,
                size=size,
                sha256_b64=sha256_b64,
                ranges=ranges,
                on_bytes=on_bytes,
            )
        seconds = clock.monotonic() - started
        self.context.log.info("fetched %.1f MB in %.1f s", wanted / 1e6, seconds)

    def read(self, key: str) -> bytes:
        """The bytes of a small object."""
        return self.unblocked(partial(self.objects.read, key))

    def keys(self, prefix: str) -> set[str]:
        """Every key below a prefix."""
        return self.unblocked(lambda: set(self.objects.keys(prefix)))

    def put_bytes(self, key: str, data: bytes, content_type: str) -> None:
        """Store a small object."""
        self.unblocked(partial(self.objects.put_bytes, key, data, content_type))

    def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Store a file of any size."""
        over = threading.Event()

        def on_bytes(_: int) -> None:
            if over.is_set():
                raise JobStopped(StopReason.CANCELLED)

        try:
            self.unblocked(
                partial(self.objects.put_file, key, path, content_type, on_bytes=on_bytes)
            )
        finally:
            over.set()

    def unblocked(self, act: Callable[[], T]) -> T:
        """What ``act`` returns, from a thread of its own: a stop of the job does not wait for it.

        For the object store, which may not answer; nothing in it may use the database.
        """
        pool = ThreadPoolExecutor(1, thread_name_prefix="object-store")
        try:
            result = pool.submit(act)
            while not wait([result], timeout=TICK_SECONDS).done:
                self.context.raise_if_cancelled()
            return result.result()
        finally:
            pool.shutdown(wait=False)

    def check_decodes(self, init: Path, segment: Path) -> None:
        """TransientError unless a segment decodes from its own first frame to its last."""
        piece = self.piece(init, segment)
        outcome, _ = self.capture(command.check_segment(self.tools.ffmpeg, piece), reads=[piece])
        piece.unlink()
        if outcome.returncode != 0 or outcome.errors:
            raise TransientError(
                "video_output_invalid", problem=f"{segment.name} cannot be decoded"
            )

    def piece(self, init: Path, segment: Path) -> Path:
        """A file of its own with one segment, outside the folder that is published."""
        piece = self.context.scratch / f"piece-{segment.name}.mp4"
        with piece.open("wb") as joined:
            for part in (init, segment):
                joined.write(part.read_bytes())
        return piece
