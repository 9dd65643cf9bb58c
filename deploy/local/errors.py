"""What a person at the terminal is told; each message says what to do."""

from __future__ import annotations

from collections.abc import Sequence


class LaunchError(Exception):
    """The platform cannot start or go on."""


class ProcessDied(LaunchError):
    """A child ended that should not have; carries its name, status and last log lines."""

    def __init__(self, name: str, status: int, tail: Sequence[str], log: object) -> None:
        self.name = name
        self.status = status
        self.tail = tuple(tail)
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        said = "\n".join(f"  {line}" for line in self.tail) or "  (it wrote nothing)"
        super().__init__(f"{name} {ended}. Its last lines:\n{said}\nThe whole log: {log}")


class NotReady(LaunchError):
    """A child runs but does not answer in time."""

    def __init__(self, name: str, seconds: float, tail: Sequence[str], log: object) -> None:
        said = "\n".join(f"  {line}" for line in tail) or "  (it wrote nothing)"
        super().__init__(
            f"{name} did not answer within {seconds:g} s. Its last lines:\n{said}\n"
            f"The whole log: {log}. On a slow or busy machine, try once more."
        )
