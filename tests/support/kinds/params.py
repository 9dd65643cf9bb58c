"""Parameters of the test kinds."""

from __future__ import annotations

from pydantic import Field

from academy.jobs.kinds import Params


class OkParams(Params):
    note: str = Field(default="", max_length=200)


class TalkParams(Params):
    """Log ``note`` as it is, ``lines`` times; ``fail`` raises an error that quotes it."""

    note: str = Field(default="", max_length=200)
    lines: int = Field(default=1, ge=0, le=10_000)
    fail: bool = False


class SleepParams(Params):
    """Sleep ``seconds`` in ``beats`` equal steps, each with its progress.

    ``deaf`` sleeps on when told to stop, as a handler stuck in a system call would.
    """

    seconds: float = Field(default=1.0, ge=0.0, le=3_600.0)
    beats: int = Field(default=10, ge=1, le=10_000)
    deaf: bool = False


class RoomParams(Params):
    """Need ``size`` bytes of the scratch disk."""

    size: int = Field(default=0, ge=0)


class EncodeParams(Params):
    """Encode the texts again and again for ``seconds``."""

    texts: list[str] = Field(min_length=1, max_length=100)
    seconds: float = Field(default=0.0, ge=0.0, le=60.0)


class TransientParams(Params):
    """Fail for a passing reason ``times`` times, then succeed."""

    times: int = Field(default=1, ge=0, le=100)


class PermanentParams(Params):
    reason: str = Field(default="because the test says so", max_length=200)


class PoisonParams(Params):
    """``sudden`` kills the worker's process instead of raising."""

    sudden: bool = False


class FanOutParams(Params):
    """``children`` parts; part number ``fail_at`` fails; ``nested`` makes part 0 a flow itself."""

    children: int = Field(default=3, ge=1, le=1_000)
    fail_at: int | None = Field(default=None, ge=0)
    nested: bool = False
    part_seconds: float = Field(default=0.0, ge=0.0, le=600.0)


class PartParams(Params):
    index: int
    fail: bool = False
    seconds: float = 0.0


class OutputParams(Params):
    """Write ``objects`` objects of ``bytes`` bytes; their content follows from the job's id."""

    objects: int = Field(default=3, ge=1, le=1_000)
    bytes: int = Field(default=1_000, ge=0, le=50_000_000)
    seconds: float = Field(default=0.0, ge=0.0, le=600.0)


class EffectParams(Params):
    """One send to each of ``recipients`` made-up people; ``occurrence`` defaults to the job."""

    recipients: int = Field(default=1, ge=1, le=1_000)
    occurrence: str = Field(default="", max_length=64)
