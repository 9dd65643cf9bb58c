"""`messages.send`: a campaign's messages that are due go out in batches, side by side."""

from __future__ import annotations

import math
from typing import Final

from academy.jobs.context import Child, Done, FanOut, JobContext
from academy.messaging import control, dispatch, providers
from academy.messaging.params import SendParams

BATCH_MESSAGES: Final = 1_000
"""One batch is one transaction and one call: long enough to pay off, short enough to pause."""
MOST_PARTS: Final = 50


def run(context: JobContext[SendParams]) -> Done | FanOut:
    """Divide what is due now; what is due later is for the next job. Raises JobStopped."""
    campaign_id = context.params.campaign
    if context.phase != "start":
        counts = [part.result for part in context.children()]
        return Done({"messages": sum(one["messages"] for one in counts), "batches": len(counts)})
    if not control.begin(context, campaign_id):
        return Done({"messages": 0, "batches": 0})
    size = min(BATCH_MESSAGES, providers.current().capabilities().most_in_batch)
    parts = min(MOST_PARTS, math.ceil(dispatch.waiting(campaign_id) / size))
    if not parts:
        return Done({"messages": 0, "batches": 0})
    context.progress("sending", 1)
    return FanOut(
        [
            Child(
                key=f"{part:03}",
                kind="messages.batch",
                params={"campaign": str(campaign_id), "part": part},
            )
            for part in range(1, parts + 1)
        ]
    )
