"""Pings: one kind a queue that goes the whole way and does nothing.

The deep health check and the benchmarks send them: a green light that does not cross API,
database, relay, queue and worker would prove too little.
"""

from pydantic import Field

from academy.core.storage import Bucket
from academy.jobs import kinds
from academy.jobs.context import Done, JobContext
from academy.tenants.plans import PLANS


class PingParams(kinds.Params):
    """``note`` comes back in the result."""

    note: str = Field(default="", max_length=200)


def ping(context: JobContext[PingParams]) -> Done:
    """Answer at once."""
    return Done({"note": context.params.note, "attempt": context.attempt})


def register() -> None:
    """One ``system.ping.<queue>`` for every queue that plans know."""
    for queue in PLANS["start"].limits:
        kinds.register(
            kinds.KindSpec(
                name=f"system.ping.{queue}",
                version=1,
                queue=queue,
                params=PingParams,
                handler="academy.jobs.kinds_system:ping",
                bucket=Bucket.STORAGE,
                max_attempts=3,
                timeout_seconds=60,
            )
        )
