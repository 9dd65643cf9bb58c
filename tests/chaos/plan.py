"""What a run does, drawn from its seed: the jobs, and the faults with their moments."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

CANARY_PHONE = "010-5555-0142"
CANARY_SECRET = "ak_canary01_" + "c" * 43
TENANTS = 4
CANCELLED_SHARE = 0.04
"""Of the jobs, how many somebody asks to cancel a moment later."""


@dataclass(frozen=True)
class Wanted:
    """One job of the plan and the states in which it may rightly end."""

    number: int
    tenant: int
    kind: str
    params: dict[str, Any]
    ends: frozenset[str]
    cancel: bool = False

    @property
    def key(self) -> str:
        """The idempotency key with which a client submits it."""
        return f"chaos-{self.number}"


def jobs(count: int, seed: int) -> list[Wanted]:
    """A mix of every kind, for several academies."""
    rng = random.Random(f"jobs {seed}")
    return [_job(number, rng) for number in range(count)]


def _job(number: int, rng: random.Random) -> Wanted:
    kind, params, ends = rng.choices(_MAKERS, _WEIGHTS)[0](rng)
    cancel = rng.random() < CANCELLED_SHARE
    allowed = {ends, "cancelled"} if cancel else {ends}
    return Wanted(number, rng.randrange(TENANTS), kind, params, frozenset(allowed), cancel)


def _ok(rng: random.Random) -> tuple[str, dict[str, Any], str]:
    return "test.ok", {"note": f"{CANARY_PHONE} {CANARY_SECRET}"}, "succeeded"


def _sleep(rng: random.Random) -> tuple[str, dict[str, Any], str]:
    return "test.sleep", {"seconds": round(rng.uniform(0.2, 1.2), 2)}, "succeeded"


def _transient(rng: random.Random) -> tuple[str, dict[str, Any], str]:
    return "test.transient", {"times": rng.randint(1, 2)}, "succeeded"


def _permanent(rng: random.Random) -> tuple[str, dict[str, Any], str]:
    return "test.permanent", {"reason": f"no such person {CANARY_PHONE}"}, "failed"


def _poison(rng: random.Random) -> tuple[str, dict[str, Any], str]:
    return "test.poison", {}, "dead"


def _flow(rng: random.Random) -> tuple[str, dict[str, Any], str]:
    children = rng.randint(2, 6)
    fails = rng.random() < 0.2
    params = {
        "children": children,
        "nested": not fails and rng.random() < 0.3,
        "fail_at": rng.randrange(children) if fails else None,
    }
    return "test.fan_out", params, "failed" if fails else "succeeded"


def _output(rng: random.Random) -> tuple[str, dict[str, Any], str]:
    params = {"objects": rng.randint(1, 4), "bytes": rng.randint(1, 4_000)}
    return "test.output", {**params, "seconds": round(rng.uniform(0.0, 0.5), 2)}, "succeeded"


def _effect(rng: random.Random) -> tuple[str, dict[str, Any], str]:
    return "test.effect", {"recipients": rng.randint(1, 3)}, "succeeded"


_WEIGHED = (
    (30, _ok),
    (6, _sleep),
    (8, _transient),
    (5, _permanent),
    (3, _poison),
    (8, _flow),
    (10, _output),
    (30, _effect),
)
_WEIGHTS, _MAKERS = zip(*_WEIGHED, strict=True)


class Fault(StrEnum):
    """What may happen; the weights are those of a bad month in an hour."""

    KILL_CHILD = "kill a pool process"
    KILL_WORKER = "kill a worker"
    KILL_RELAY = "kill a relay"
    PAUSE_WORKER = "pause a worker beyond its lease"
    STOP_DATABASE = "stop PostgreSQL hard"
    SQS_AWAY = "SQS away"
    PURGE = "purge a queue"


_FAULTS = {
    Fault.KILL_CHILD: 62,
    Fault.KILL_WORKER: 8,
    Fault.KILL_RELAY: 8,
    Fault.PAUSE_WORKER: 3,
    Fault.SQS_AWAY: 3,
    Fault.PURGE: 2,
}


@dataclass(frozen=True)
class Strike:
    """One fault: how long after the one before (seconds), and how long it lasts."""

    after: float
    fault: Fault
    seconds: float
    pick: float
    """0..1: which of the candidates it hits."""


@dataclass(frozen=True)
class Pace:
    """How often something breaks, in seconds on average."""

    kill_every: float = 0.9
    database_every: float = 15.0
    weights: Mapping[Fault, int] = field(default_factory=lambda: _FAULTS)
    """How often each fault is drawn, beside the others."""


def strikes(seed: int, pace: Pace) -> Iterator[Strike]:
    """Faults without end; PostgreSQL's stops come at their own, steady pace."""
    rng = random.Random(f"faults {seed}")
    since_stop = pace.database_every * 0.5
    while True:
        after = rng.expovariate(1 / pace.kill_every)
        since_stop += after
        if since_stop >= pace.database_every:
            since_stop = 0.0
            yield Strike(after, Fault.STOP_DATABASE, rng.uniform(0.3, 2.0), rng.random())
            continue
        fault = rng.choices(list(pace.weights), list(pace.weights.values()))[0]
        yield Strike(after, fault, rng.uniform(1.0, 4.0), rng.random())
