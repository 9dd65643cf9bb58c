"""Named points at which a test may kill the process, as a power cut would.

``ACADEMY_CRASH_POINT=relay.published:3`` kills with SIGKILL when that point is passed the third
time. Without the variable a point costs one dictionary look-up.
"""

import os
import signal
from itertools import count
from typing import Final

VARIABLE: Final = "ACADEMY_CRASH_POINT"

POINTS: Final = (
    "submit.before_commit",
    "submit.after_commit",
    "relay.before_publish",
    "relay.published",
    "relay.marked",
    "claim.before",
    "claim.after",
    "handler.before",
    "handler.after",
    "settle.before",
    "settle.after",
    "join.before",
    "reap.before",
    "effect.sending",
    "effect.answered",
)
VIDEO_POINTS: Final = (
    "video.fetched",
    "video.planned",
    "piece.encoded",
    "piece.stored",
    "video.joined",
    "video.stored",
)

_armed = os.environ.get(VARIABLE, "")
_name, _, _nth = _armed.partition(":")
_passes = count(1)
_fatal_pass = int(_nth or 1)


def crash_point(name: str) -> None:
    """Die here if the environment says so."""
    if _armed and name == _name and next(_passes) >= _fatal_pass:
        os.kill(os.getpid(), signal.SIGKILL)
