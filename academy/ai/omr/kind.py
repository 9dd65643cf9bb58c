"""The premium kinds over answer sheets, as they are submitted and sold."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from academy.ai.omr.params import (
    ReviewPagesParams,
    ReviewParams,
    TrainParams,
    pages_wanted,
    review_check,
    train_check,
)
from academy.ai.omr.results import ReviewPagesResult, ReviewResult, TrainResult
from academy.ai.tiers import Offer, Tier, Unit
from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.sheets.labels import MOST
from academy.sheets.networks import network_trained
from academy.sheets.scans import pages_dropped, reviewed
from academy.tenants.scopes import Scope

REVIEW_OFFER: Final = Offer(
    kind="sheets.review",
    unit=Unit.PAGE,
    prices={Tier.PREMIUM: 20},
    default=Tier.PREMIUM,
    limits=MappingProxyType({"pages": 5_000}),
    units=pages_wanted,
)

REVIEW = REVIEW_OFFER.spec(
    params=ReviewParams,
    handler="academy.ai.omr.review:run",
    timeout_seconds=3600,
    result=ReviewResult,
    check=review_check,
    reads=Scope.SHEETS_READ,
    writes=Scope.SHEETS_WRITE,
)

TRAIN_OFFER: Final = Offer(
    kind="sheets.train",
    unit=Unit.ITEM,
    prices={Tier.PREMIUM: 5_000},
    default=Tier.PREMIUM,
    limits=MappingProxyType({"sheets": 2_000, "epochs": 20, "labels": MOST}),
    units=lambda _tenant, _params: 1,
)

TRAIN = TRAIN_OFFER.spec(
    params=TrainParams,
    handler="academy.ai.omr.train:run",
    timeout_seconds=4 * 3600,
    result=TrainResult,
    check=train_check,
    reads=Scope.SHEETS_READ,
    writes=Scope.SHEETS_WRITE,
    on_succeeded=network_trained,
)

REVIEW_PAGES = register(
    KindSpec(
        name="sheets.review_pages",
        version=1,
        queue=REVIEW_OFFER.queue,
        params=ReviewPagesParams,
        handler="academy.ai.omr.review:run_pages",
        bucket=Bucket.AI.value,
        timeout_seconds=1800,
        internal=True,
        result=ReviewPagesResult,
        reads=Scope.SHEETS_READ,
        writes=Scope.SHEETS_WRITE,
        on_succeeded=reviewed,
        on_ended=pages_dropped,
    )
)
