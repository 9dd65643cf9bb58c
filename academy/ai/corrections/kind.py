"""`ai.question_recut`: only saving a correction begins it."""

from academy.ai.corrections.params import RecutParams, RecutResult
from academy.ai.prices import OFFERS
from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register

RECUT = register(
    KindSpec(
        name="ai.question_recut",
        version=1,
        queue=OFFERS["ai.question_segmentation"].queue,
        params=RecutParams,
        handler="academy.ai.corrections.handler:run",
        bucket=Bucket.AI.value,
        timeout_seconds=1800,
        internal=True,
        result=RecutResult,
    )
)
