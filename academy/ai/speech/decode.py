"""The sound of a recording as plain samples, block by block: ffmpeg behind a pipe. In the child.

ffmpeg is started by the confined process and is confined as it is. Of a recording of hours no more
than a block is in memory, and nothing is written to disk.
"""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO, Final, Self

import numpy as np
from numpy.typing import NDArray

from academy.ai.speech.limits import FRAME, RATE

Samples = NDArray[np.int16]
BLOCK_SECONDS: Final = 65.536
"""Of one block: 2048 frames, 2 MB."""
_BYTES: Final = 2
_BLOCK_BYTES: Final = round(BLOCK_SECONDS * RATE) * _BYTES
_FRAME_BYTES: Final = FRAME * _BYTES
_KEPT_LINES: Final = 20
_EXIT_SECONDS: Final = 10.0


class Sound:
    """What ``argv`` writes to its stdout: 16 kHz, mono, 16 bits. A context manager.

    The last frame is filled up with silence; ``seconds`` is without it.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)
        self._bytes = 0
        self._last: deque[str] = deque(maxlen=_KEPT_LINES)
        self.errors = 0
        self.returncode: int | None = None

    def __enter__(self) -> Self:
        # Of stdin it has what this process has: nobody here may open /dev/null for writing.
        self._child = subprocess.Popen(self._argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._child.stderr is not None
        self._drain = threading.Thread(target=self._listen, args=(self._child.stderr,), daemon=True)
        self._drain.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        child = self._child
        if self.returncode is None:
            child.kill()
            child.wait()
        self._drain.join(timeout=_EXIT_SECONDS)
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                stream.close()

    @property
    def seconds(self) -> float:
        """How much was decoded so far."""
        return self._bytes / (_BYTES * RATE)

    @property
    def said(self) -> str:
        """The last lines of stderr, for the log."""
        return " | ".join(self._last)

    def blocks(self) -> Iterator[Samples]:
        """The samples in order; each block is a whole number of frames."""
        stream = self._child.stdout
        assert stream is not None
        while data := stream.read(_BLOCK_BYTES):
            whole = len(data) - len(data) % _BYTES
            self._bytes += whole
            filled = data[:whole] + bytes(-whole % _FRAME_BYTES)
            if filled:
                yield np.frombuffer(filled, dtype="<i2")
        self.returncode = self._child.wait(timeout=_EXIT_SECONDS)

    def _listen(self, stream: IO[bytes]) -> None:
        for raw in iter(lambda: stream.readline(1 << 14), b""):
            line = raw.decode("utf-8", "replace").strip()
            self.errors += "[error]" in line or "[fatal]" in line
            self._last.append(line[:300])
