"""The video kinds that can be submitted."""

from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.video.deletion import DELETE_KIND, video_purged
from academy.video.mp4 import DOWNLOAD_KIND, download_made
from academy.video.params import DeleteParams, DownloadParams, PieceParams, TranscodeParams
from academy.video.services import (
    TRANSCODE_KIND,
    piece_succeeded,
    upload_check,
    video_submitted,
    video_succeeded,
)

TRANSCODE = register(
    KindSpec(
        name=TRANSCODE_KIND,
        version=2,  # 2: session, position, profile, video
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

PIECE = register(
    KindSpec(
        name="video.piece",
        version=1,
        queue="video",
        params=PieceParams,
        handler="academy.video.handlers.piece:run",
        bucket=Bucket.VIDEO.value,
        max_attempts=5,
        timeout_seconds=2 * 3600,
        internal=True,
        on_succeeded=piece_succeeded,
    )
)

DELETE = register(
    KindSpec(
        name=DELETE_KIND,
        version=1,
        queue="video",
        params=DeleteParams,
        handler="academy.video.handlers.delete:run",
        bucket=Bucket.VIDEO.value,
        max_attempts=12,
        timeout_seconds=2 * 3600,
        internal=True,
        on_succeeded=video_purged,
    )
)

DOWNLOAD = register(
    KindSpec(
        name=DOWNLOAD_KIND,
        version=1,
        queue="video",
        params=DownloadParams,
        handler="academy.video.handlers.mp4:run",
        bucket=Bucket.VIDEO.value,
        max_attempts=5,
        timeout_seconds=2 * 3600,
        internal=True,
        on_succeeded=download_made,
    )
)
