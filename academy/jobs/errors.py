"""What a handler raises to say how it failed.

Every error carries a stable code of the catalogue (`academy.core.catalogue`), whose Korean and
English sentences are formatted with the parameters when somebody reads the job.
"""

from enum import StrEnum
from typing import Any


class JobError(Exception):
    """A failure with a stable code and the parameters of its sentence."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        return f"{self.code} {self.params}" if self.params else self.code


class TransientError(JobError):
    """May pass by itself: the row waits and the job runs again.

    ``retry_after`` (seconds) is a lower bound for the wait, for providers that name one.
    """

    def __init__(self, code: str, *, retry_after: float | None = None, **params: Any) -> None:
        super().__init__(code, **params)
        self.retry_after = retry_after


class PermanentError(JobError):
    """Will fail again for the same input: the job ends as failed, with a reason for the user."""


class PoisonError(JobError):
    """Must not be tried again by itself: the job ends as dead, and operations look at it."""


class UnsuitableHostError(JobError):
    """This host cannot do the work now and another can, or this one later.

    The job goes back to its queue for a while, as often as it takes: no failure is counted.
    ``retry_after`` (seconds) is a lower bound for the while.
    """

    def __init__(self, code: str, *, retry_after: float | None = None, **params: Any) -> None:
        super().__init__(code, **params)
        self.retry_after = retry_after


class StopReason(StrEnum):
    """Why an attempt must end before its work does."""

    CANCELLED = "cancelled"
    LEASE_LOST = "lease_lost"
    TIMEOUT = "timeout"
    DRAINING = "draining"


class JobStopped(Exception):
    """The attempt must end now; the runner knows what to write for each reason."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class StaleAttemptError(Exception):
    """The fence refused a write: another attempt holds the job, or it has ended."""
