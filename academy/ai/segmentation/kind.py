"""`ai.question_segmentation` and its parts, as they are submitted."""

from typing import Final

from academy.ai.pages.params import document_check
from academy.ai.prices import OFFERS
from academy.ai.segmentation.params import CutParams, LookParams, SegmentationParams
from academy.ai.segmentation.results import SegmentationResult
from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register

OFFER: Final = OFFERS["ai.question_segmentation"]

SEGMENTATION = OFFER.spec(
    params=SegmentationParams,
    handler="academy.ai.segmentation.handler:run",
    timeout_seconds=3600,
    result=SegmentationResult,
    check=document_check,
)

LOOK = register(
    KindSpec(
        name="ai.question_look",
        version=1,
        queue=OFFER.queue,
        params=LookParams,
        handler="academy.ai.segmentation.handler:run_look",
        bucket=Bucket.AI.value,
        timeout_seconds=1800,
        internal=True,
    )
)

CUT = register(
    KindSpec(
        name="ai.question_cut",
        version=1,
        queue=OFFER.queue,
        params=CutParams,
        handler="academy.ai.segmentation.handler:run_cut",
        bucket=Bucket.AI.value,
        timeout_seconds=1800,
        internal=True,
    )
)
