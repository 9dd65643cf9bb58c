"""Parameters of the kinds: ids alone, so that nothing of a person is in a job."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from academy.jobs.kinds import Params

_Title = Annotated[str, StringConstraints(min_length=1, max_length=100)]


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


class FetchOptOutsParams(Params):
    """Of `messages.opt_outs.fetch`: the academy's own list at the provider."""


class ImportOptOutsParams(Params):
    """Note the opt-outs of a spreadsheet, or (`dry_run`) say which rows could be."""

    upload: UUID = Field(description="A complete upload with the purpose `spreadsheet`.")
    dry_run: bool = Field(
        default=True, strict=True, description="Change nothing: say what is wrong with which row."
    )
    everything: bool = Field(
        default=False, strict=True,
        description="True: these phones want nothing at all; false: no advertising.",
    )  # fmt: skip
    column: _Title | None = Field(
        default=None, description="Letters or title of the column; null: found by its title."
    )
    sheet: _Title | None = Field(
        default=None, description="Name of a visible sheet; null: the first one."
    )
