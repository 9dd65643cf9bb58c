"""The video kinds that can be submitted."""

from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.video.params import TranscodeParams
from academy.video.services import upload_check, video_submitted, video_succeeded

TRANSCODE = register(
    KindSpec(
        name="video.transcode",
        version=1,
        queue="video",
        params=TranscodeParams,
        handler="academy.video.handlers.transcode:run",
        bucket=Bucket.VIDEO.value,
        max_attempts=5,
        timeout_seconds=6 * 3600,
        check=upload_check,
        on_submitted=video_submitted,
        on_succeeded=video_succeeded,
    )
)
