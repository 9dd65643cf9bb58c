"""The workbench of the video handlers: their tools, their scratch folder, what people are told.

One workbench serves one attempt. Every command that runs on it is confined, followed, and stopped
when the attempt must end.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from academy.core import clock
from academy.core.storage import Bucket, ObjectStore, store
from academy.jobs import room
from academy.jobs.context import JobContext
from academy.jobs.errors import JobStopped, PermanentError, StopReason, TransientError
from academy.jobs.steps import Step
from academy.sandbox import devices, isolation, process
from academy.video import binaries, command, download
from academy.video.upload import TICK_SECONDS

T = TypeVar("T")

STALL_SECONDS = 60.0
CHECK_SECONDS = 120.0
_EXIT_AFTER_SIGNAL = 255
# What ffmpeg says where an exit code does not tell one reason from another.
EMPTY_TRACK = "at least one of its streams received no packets"
_SIGNS_OF_DAMAGE = (
    "Invalid data found", "matches no streams", "Decode error rate", EMPTY_TRACK,
)  # fmt: skip
# ffmpeg knows this codec by name, and has only a frame for hardware decoders where no library is.
_NO_SOFTWARE_DECODER = "support hardware accelerated AV1 decoding"
_DISK_FULL = {
    errno.ENOSPC: "No space left on device",
    errno.EDQUOT: "Disk quota exceeded",
}


class Workbench:
    """What an attempt of a video job works with."""

    def __init__(self, context: JobContext[Any]) -> None:
        self.context = context
        self.tools = binaries.locate(settings.FFMPEG_BIN or "", settings.FFPROBE_BIN or "")
        self.objects: ObjectStore = store(Bucket.VIDEO)
        self.folder = context.scratch / "out"
        self.folder.mkdir()
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

    def command(
        self,
        argv: list[str],
        *,
        reads: list[Path],
        writes: list[Path],
        limits: isolation.Limits,
        on_gpu: bool = False,
    ) -> process.Process:
        """A confined command in the output folder, not yet started."""
        cards = devices.nvidia() if on_gpu else devices.NONE
        return process.Process(
            isolation.confined(argv, limits=limits, reads=reads, writes=writes, devices=cards),
            environment=isolation.environment(),
            directory=self.folder,
        )

    def capture(
        self,
        argv: list[str],
        *,
        reads: list[Path],
        writes: list[Path] | None = None,
        limits: isolation.Limits | None = None,
        timeout_seconds: float = CHECK_SECONDS,
    ) -> tuple[process.Outcome, str]:
        """Run a short tool; a stop of the job stops it too."""
        tool = self.command(
            argv,
            reads=reads,
            writes=writes or [],
            limits=limits or isolation.Limits(cpu_seconds=int(2 * CHECK_SECONDS)),
        )
        with self.context.on_stop(tool.stop):
            outcome, text = process.capture(tool, timeout_seconds=timeout_seconds)
        self.context.raise_if_cancelled()
        _require_written(outcome)
        return outcome, text

    def follow(
        self,
        argv: list[str],
        *,
        reads: list[Path],
        writes: list[Path] | None = None,
        file_bytes: int = 1 << 30,
        cpu_seconds: int,
        on_line: Callable[[str], bool],
        on_tick: Callable[[], None] | None = None,
        is_error: Callable[[str], bool] = process.says_error,
        on_gpu: bool = False,
    ) -> process.Outcome:
        """Run a long command under the watchdog.

        It may write into ``writes`` (where nothing is said: the output folder), no file larger
        than ``file_bytes``, and with ``on_gpu`` use the host's cards. ``on_line`` says whether a
        line of its output shows progress.
        """
        encoder = self.command(
            argv,
            reads=reads,
            writes=[self.folder] if writes is None else writes,
            limits=isolation.Limits(cpu_seconds=cpu_seconds, file_bytes=file_bytes),
            on_gpu=on_gpu,
        )

        def tick() -> None:
            self.context.raise_if_cancelled()
            if on_tick is not None:
                on_tick()

        tool = {"academy.tool": Path(argv[0]).name}
        with self.context.span("video.tool", tool), self.context.on_stop(encoder.stop):
            outcome = encoder.run(
                on_line=on_line, on_tick=tick, stall_seconds=STALL_SECONDS, is_error=is_error
            )
        self.context.raise_if_cancelled()
        _require_written(outcome)
        return outcome

    def judge(self, outcome: process.Outcome) -> None:
        """Raise what the end of a long command means, unless it is sound."""
        if outcome.returncode == 0 and not outcome.stopped and not outcome.stalled:
            return
        said = outcome.said
        self.context.log.warning(
            "ffmpeg ended with %s: %s", outcome.returncode, " | ".join(outcome.stderr[-5:])
        )
        if outcome.stalled:
            raise TransientError("video_stalled", seconds=int(STALL_SECONDS))
        if (
            outcome.killed
            or outcome.stopped
            or outcome.returncode in {isolation.SETUP_FAILED, _EXIT_AFTER_SIGNAL}
            # The probe could open it: an encoder that cannot was interrupted while it tried.
            or "Error opening input" in said
        ):
            raise TransientError("video_worker_killed")
        if _NO_SOFTWARE_DECODER in said:
            raise PermanentError("video_unsupported_format", format="AV1")
        if any(sign in said for sign in _SIGNS_OF_DAMAGE):
            raise PermanentError("video_damaged")
        raise PermanentError("video_encode_failed")

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


def _require_written(outcome: process.Outcome) -> None:
    """OSError where a tool met a full disk, whatever else it then made of that."""
    for number, said in _DISK_FULL.items():
        if said in outcome.said:
            raise OSError(number, said)


class Follow:
    """Turns ffmpeg's `-progress` lines into progress with the time left.

    `total` is in what `key` counts: frames for ``frame``, microseconds for ``out_time_us``.
    """

    def __init__(self, key: str, total: float, say: Callable[..., None]) -> None:
        self._key = key
        self._total = total
        self._say = say
        self._started = clock.monotonic()
        self._done = 0

    @property
    def done(self) -> int:
        """How far it is."""
        return self._done

    def line(self, text: str) -> bool:
        """Take one line; true when the encoder got further."""
        key, _, value = text.partition("=")
        if key != self._key or not value.lstrip("-").isdigit():
            return False
        done = int(value)
        if done <= self._done:
            return False
        self._done = done
        share = done / max(1.0, self._total)
        elapsed = clock.monotonic() - self._started
        self._say(share, eta=max(0.0, elapsed / share - elapsed) if share < 1 else 0.0)
        return True
