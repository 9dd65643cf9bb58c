"""`ai.homework_video`, as it is submitted and sold."""

from types import MappingProxyType
from typing import Final
from uuid import UUID

from academy.ai.homework import errors  # noqa: F401 - registers the codes
from academy.ai.homework.limits import MAX_BYTES, MAX_MINUTES, MAX_PAGES
from academy.ai.homework.params import HomeworkParams, homework_check
from academy.ai.homework.results import HomeworkResult
from academy.ai.tiers import Offer, Tier, Unit
from academy.jobs.kinds import KindSpec
from academy.media import errors as _media_errors  # noqa: F401 - registers the codes


def one_video(_tenant_id: UUID, _params: HomeworkParams) -> int:
    """A video is one item, however many pages it shows."""
    return 1


OFFER: Final = Offer(
    kind="ai.homework_video",
    unit=Unit.ITEM,
    prices={Tier.BASIC: 30},
    default=Tier.BASIC,
    limits=MappingProxyType({"bytes": MAX_BYTES, "minutes": MAX_MINUTES, "pages": MAX_PAGES}),
    units=one_video,
)

HOMEWORK: Final[KindSpec[HomeworkParams]] = OFFER.spec(
    params=HomeworkParams,
    handler="academy.ai.homework.handler:run",
    timeout_seconds=3600,
    result=HomeworkResult,
    check=homework_check,
)
