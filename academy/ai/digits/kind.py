"""`ai.short_answer_digits`, as it is submitted and sold."""

from types import MappingProxyType
from typing import Final

from academy.ai.digits import errors  # noqa: F401 - registers the codes
from academy.ai.digits.params import MAX_BOXES, DigitsPagesParams, DigitsParams
from academy.ai.digits.results import DigitsResult
from academy.ai.pages.limits import MAX_BYTES, MAX_PAGES, MAX_PIXELS
from academy.ai.pages.params import document_check, pages_known
from academy.ai.tiers import Offer, Tier, Unit
from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register

OFFER: Final = Offer(
    kind="ai.short_answer_digits",
    unit=Unit.PAGE,
    prices={Tier.PREMIUM: 20},
    default=Tier.PREMIUM,
    limits=MappingProxyType(
        {"boxes": MAX_BOXES, "bytes": MAX_BYTES, "pages": MAX_PAGES, "pixels": MAX_PIXELS}
    ),
    units=pages_known,
)

DIGITS = OFFER.spec(
    params=DigitsParams,
    handler="academy.ai.digits.handler:run",
    timeout_seconds=3600,
    result=DigitsResult,
    check=document_check,
)

PAGES = register(
    KindSpec(
        name="ai.short_answer_pages",
        version=1,
        queue=OFFER.queue,
        params=DigitsPagesParams,
        handler="academy.ai.digits.handler:run_pages",
        bucket=Bucket.AI.value,
        timeout_seconds=1800,
        internal=True,
    )
)
