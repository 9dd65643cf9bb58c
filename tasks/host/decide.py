"""What the agent does, from what it knows: pure, so that every case can be tested.

The rule above all others: a computer that somebody would start again is never stopped, and where
that is not known it counts as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tasks.host.crew import Load, Look
from tasks.host.metadata import Notice
from tasks.host.place import Alone, EcsTask, Member, Place, Unknown

IN_SERVICE = "InService"


class Action(StrEnum):
    """What to do with this computer."""

    STAY = "stay"
    STOP = "stop"
    """Stop an instance of no group."""
    TERMINATE = "terminate"
    """Leave the group, and lower its desired capacity."""
    LEAVE = "leave"
    """It is going anyway: drain the workers."""


@dataclass(frozen=True)
class Facts:
    """What is known. ``idle_stop_seconds`` is 0 where a computer is never given up."""

    look: Look
    place: Place
    notice: Notice | None
    idle_stop_seconds: float
    release_seconds: float


@dataclass(frozen=True)
class Decision:
    """What to do, whether to be protected from scale-in (None: as it is), and why."""

    action: Action
    protect: bool | None
    why: str


def decide(facts: Facts) -> Decision:
    """The decision that follows from *facts*; ``why`` changes only with it."""
    if facts.notice is not None:
        return Decision(Action.LEAVE, None, facts.notice.why)
    protect = _protect(facts)
    if busy := _in_use(facts):
        return Decision(Action.STAY, protect, busy)
    if not facts.idle_stop_seconds:
        return Decision(Action.STAY, protect, "idle; giving up idle hosts is off")
    if facts.look.idle_seconds < facts.idle_stop_seconds:
        return Decision(Action.STAY, protect, f"idle, for less than {facts.idle_stop_seconds:g} s")
    action, why = _who_would_start_it(facts.place)
    return Decision(action, protect, why)


def _in_use(facts: Facts) -> str:
    look = facts.look
    if look.load is Load.UNKNOWN:
        return f"not known whether it is idle: {look.why}"
    # A worker between two short tasks is at work: else every task would be a change of mind.
    if look.load is Load.BUSY or look.idle_seconds < facts.release_seconds:
        return "at work"
    return ""


def _protect(facts: Facts) -> bool | None:
    match facts.place:
        case EcsTask(protectable=True):
            return bool(_in_use(facts))
        case Member(state=state) if state == IN_SERVICE:
            return bool(_in_use(facts))
        case _:
            return None


def _who_would_start_it(place: Place) -> tuple[Action, str]:
    match place:
        case Unknown(why=why):
            return Action.STAY, f"idle, but not known who would start it again: {why}"
        case EcsTask():
            return Action.STAY, "idle, but its ECS service would start another"
        case Alone(keeper=keeper) if keeper:
            return Action.STAY, f"idle, but its tag {keeper} says that somebody keeps it"
        case Alone():
            return Action.STOP, "idle, and in no group that would start it again"
        case Member() if place.state != IN_SERVICE:
            return Action.STAY, f"idle, but {place.state} in its group"
        case Member() if place.desired - place.weight < place.minimum:
            return Action.STAY, "idle, but its group is at its minimum and would start another"
        case Member():
            return Action.TERMINATE, "idle, and its group is above its minimum"
