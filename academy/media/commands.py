"""ffmpeg and ffprobe for one attempt: confined, followed, and stopped when the attempt must end."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from academy.core import clock
from academy.jobs.context import JobContext
from academy.jobs.errors import PermanentError, TransientError
from academy.media import binaries, errors  # noqa: F401 - errors registers the codes
from academy.sandbox import devices, isolation, process

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


class Commands:
    """The tools of an attempt; what they write goes to ``folder``, where they also start."""

    def __init__(self, context: JobContext[Any], folder: Path) -> None:
        self.context = context
        self.folder = folder
        self.tools = binaries.locate(settings.FFMPEG_BIN or "", settings.FFPROBE_BIN or "")

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
