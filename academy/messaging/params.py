"""Parameters of the kinds: ids alone, so that nothing of a person is in a job."""

from __future__ import annotations

from uuid import UUID

from academy.jobs.kinds import Params


class SendParams(Params):
    """Of `messages.send`."""

    campaign: UUID


class BatchParams(Params):
    """Of `messages.batch`. ``part`` numbers the batches of one sending."""

    campaign: UUID
    part: int


class ResolveParams(Params):
    """Of `messages.resolve` and `messages.report`."""

    batch: UUID
