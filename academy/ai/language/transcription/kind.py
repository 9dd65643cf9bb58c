"""`ai.transcription`, as it is submitted and sold; on ai-basic, as `ai.explanations` is."""

from types import MappingProxyType
from typing import Final

from academy.ai.language.transcription.params import (
    PartParams,
    TranscriptionParams,
    check,
    minutes_known,
)
from academy.ai.language.transcription.results import TranscriptionResult
from academy.ai.speech.limits import MAX_BYTES, MAX_CHANNELS
from academy.ai.tiers import Offer, Tier, Unit
from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.media.probe import MAX_HOURS
from academy.tenants.scopes import Scope

PART_KIND: Final = "ai.transcription_part"

OFFER: Final = Offer(
    kind="ai.transcription",
    unit=Unit.MINUTE,
    prices={Tier.BASIC: 15},
    default=Tier.BASIC,
    limits=MappingProxyType({"bytes": MAX_BYTES, "channels": MAX_CHANNELS, "hours": MAX_HOURS}),
    units=minutes_known,
)

TRANSCRIPTION = OFFER.spec(
    params=TranscriptionParams,
    handler="academy.ai.language.transcription.handler:run",
    result=TranscriptionResult,
    timeout_seconds=2 * 3600,
    check=check,
    reads=Scope.VIDEOS_READ,
    writes=Scope.VIDEOS_WRITE,
)

PART = register(
    KindSpec(
        name=PART_KIND,
        version=1,
        queue=OFFER.queue,
        params=PartParams,
        handler="academy.ai.language.transcription.part:run",
        bucket=Bucket.AI.value,
        max_attempts=12,
        timeout_seconds=3600,
        internal=True,
    )
)
