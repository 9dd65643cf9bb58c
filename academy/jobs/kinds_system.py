"""Pings: one kind a queue that goes the whole way and does nothing.

The deep health check and the benchmarks send them: a green light that does not cross API,
database, relay, queue and worker would prove too little.
"""

from pydantic import Field

from academy.core import clock
from academy.core.storage import Bucket, StorageError, store
from academy.jobs import kinds
from academy.jobs.context import Done, JobContext
from academy.tenants.plans import PLANS


class PingParams(kinds.Params):
    """``note`` comes back in the result. ``store``: also write, read and delete an object."""

    note: str = Field(default="", max_length=200)
    store: bool = False


def ping(context: JobContext[PingParams]) -> Done:
    """Answer at once, or after the worker's own keys have reached the object store."""
    result: dict[str, object] = {"note": context.params.note, "attempt": context.attempt}
    if context.params.store:
        started = clock.monotonic()
        use_store(Bucket.STORAGE, f"{context.output_prefix}ping.txt")
        result["store_seconds"] = round(clock.monotonic() - started, 4)
    return Done(result)


def use_store(bucket: Bucket, key: str) -> None:
    """Write an object, read it back and delete it. Raises StorageError, also where it differs."""
    target, sent = store(bucket), key.encode()
    target.put_bytes(key, sent, "text/plain")
    try:
        if target.read(key) != sent:
            raise StorageError("storage_refused", "read back", key)
    finally:
        target.delete(key)


def register() -> None:
    """One ``system.ping.<queue>`` for every queue that plans know."""
    for queue in PLANS["start"].limits:
        kinds.register(
            kinds.KindSpec(
                name=f"system.ping.{queue}",
                version=2,  # 2: store
                queue=queue,
                params=PingParams,
                handler="academy.jobs.kinds_system:ping",
                bucket=Bucket.STORAGE,
                max_attempts=3,
                timeout_seconds=60,
            )
        )
