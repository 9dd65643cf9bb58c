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


def register(name: str, run: Callable[[], int], *, every_seconds: float) -> None:
    """Have ``run`` called about every so often, over all relays together."""
    _sweeps[name] = Sweep(name, run, every_seconds)


def registered() -> list[Sweep]:
    """All sweeps, in the order of their registration."""
    return list(_sweeps.values())
