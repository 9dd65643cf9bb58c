"""Which computers may work on which queue."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tasks import queues


def refusal(queue: queues.Queue, environ: Mapping[str, str] = os.environ) -> str | None:
    """Why this computer may not work on *queue*, as a sentence; None when it may."""
    kind = queues.host_kind(environ)
    if kind in queue.host_kinds:
        return None
    allowed = " or ".join(sorted(queue.host_kinds))
    return (
        f"Queue {queue.name} runs only on {allowed} hosts and this is a {kind} host (HOST_KIND). "
        "Start the worker on such a host; for ai-premium without a GPU set PREMIUM_ON_CPU=1."
    )
