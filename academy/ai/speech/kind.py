"""`ai.speech_segments`, as it is submitted and sold."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from academy.ai.speech import errors  # noqa: F401 - registers the codes
from academy.ai.speech.limits import MAX_BYTES, MAX_CHANNELS, MAX_CHAPTERS
from academy.ai.speech.params import SpeechParams, minutes_known, speech_check
from academy.ai.speech.results import SpeechResult
from academy.ai.tiers import Offer, Tier, Unit
from academy.jobs.models import Job
from academy.media.probe import MAX_HOURS
from academy.tenants.scopes import Scope
from academy.video import outline

OFFER: Final = Offer(
    kind="ai.speech_segments",
    unit=Unit.MINUTE,
    prices={Tier.PREMIUM: 1},
    default=Tier.PREMIUM,
    limits=MappingProxyType(
        {
            "bytes": MAX_BYTES,
            "channels": MAX_CHANNELS,
            "chapters": MAX_CHAPTERS,
            "hours": MAX_HOURS,
        }
    ),
    units=minutes_known,
)


def speech_found(job: Job, result: dict[str, Any]) -> None:
    """Give a lecture what was found in it, where that was asked for; in the job's transaction."""
    found = result["result"]
    if found["video"] is None or not job.params.get("apply", True):
        return
    outline.speech_heard(
        tenant_id=job.tenant_id,
        video_id=UUID(found["video"]),
        heard=outline.Heard(
            recording=UUID(found["recording"]),
            job=job.pk,
            chapters=[(one["start_s"], one["title"]) for one in found["chapters"]],
            silences=found["skippable"],
        ),
    )


SPEECH = OFFER.spec(
    params=SpeechParams,
    handler="academy.ai.speech.handler:run",
    timeout_seconds=2 * 3600,
    result=SpeechResult,
    check=speech_check,
    on_succeeded=speech_found,
    reads=Scope.VIDEOS_READ,
    writes=Scope.VIDEOS_WRITE,
)
