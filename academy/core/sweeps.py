"""Housekeeping that must run every so often, somewhere, in at most one process at a time.

Domains register plain functions; the relay runs those that are due under an advisory lock.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Sweep:
    """One piece of housekeeping."""

    name: str
    run: Callable[[], int]
    """Does one bounded round and returns how many things it changed."""
    every_seconds: float


_sweeps: dict[str, Sweep] = {}


def in_rounds(once: Callable[[int], int], *, rows: int = 1_000, rounds: int = 20) -> int:
    """Repeat what changes at most so many rows until it finds fewer, or the rounds are over.

    Each round is a transaction of its own, so that none holds many rows for long.
    """
    total = 0
    for _ in range(rounds):
        changed = once(rows)
        total += changed
        if changed < rows:
            break
    return total


def register(name: str, run: Callable[[], int], *, every_seconds: float) -> None:
    """Have ``run`` called about every so often, over all relays together."""
    _sweeps[name] = Sweep(name, run, every_seconds)


def registered() -> list[Sweep]:
    """All sweeps, in the order of their registration."""
    return list(_sweeps.values())
