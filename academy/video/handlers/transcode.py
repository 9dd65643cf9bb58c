"""`video.transcode`: from an uploaded recording to HLS that plays everywhere.

A short recording is encoded here, in one process. A longer one is divided: its pieces are jobs of
their own, on as many hosts as there are, and this job comes back to join them.
"""

from __future__ import annotations

from academy.core.crash import crash_point
from academy.jobs.context import Done, FanOut, JobContext
from academy.jobs.errors import PermanentError
from academy.media import binaries
from academy.media.probe import Prober
from academy.uploads.services import upload_get
from academy.video import ladder
from academy.video.chunks import DIRECT_SECONDS
from academy.video.handlers import direct, divide, flow, join
from academy.video.handlers.steps import DOWNLOADING, PROBING
from academy.video.handlers.workbench import Workbench
from academy.video.params import TranscodeParams

# How much of the rungs' caps a lecture fills at most, for the free-disk check.
_LIKELY_SHARE = 0.5
_UNTIMED = frozenset({"h264", "hevc"})


def run(context: JobContext[TranscodeParams]) -> Done | FanOut:
    """Transcode one upload.

    Raises PermanentError for a file that cannot be used, TransientError where another attempt can
    help, JobStopped when the attempt must end.
    """
    bench = Workbench(context)
    if context.phase == flow.JOIN:
        return join.join(bench)
    upload = upload_get(tenant=context.tenant_id, upload_id=context.params.upload)
    source = context.scratch / "source"
    bench.say(DOWNLOADING, 0)
    bench.fetch(
        upload.key, source, size=upload.size, step=DOWNLOADING, sha256_b64=upload.sha256_b64
    )
    crash_point("video.fetched")
    bench.say(PROBING, 0)
    found = Prober(bench.tools, run=bench.capture).probe(source)
    plan = ladder.plan(found, context.params.profile)
    bench.say(PROBING, 0.2)
    _tell(context, plan)
    if plan.tonemap and binaries.tone_mapper(bench.tools.ffmpeg) is None:
        raise PermanentError("video_hdr_unsupported")
    if _is_divided(plan):
        return divide.divide(bench, plan, source, upload)
    kbps = sum(rung.max_kbps for rung in plan.rungs) + ladder.AUDIO_KBPS
    bench.require_disk(int(kbps * 125 * plan.source.duration * _LIKELY_SHARE))
    return direct.encode(bench, plan, source)


def _is_divided(plan: ladder.Plan) -> bool:
    video = plan.source.video
    if video is None or plan.expected_seconds <= DIRECT_SECONDS:
        return False
    # AVI does not say when a picture is shown; only who decodes all of it can tell.
    return not ("avi" in plan.source.container and video.reordered and video.codec in _UNTIMED)


def _tell(context: JobContext[TranscodeParams], plan: ladder.Plan) -> None:
    """What was found and what will be made of it, in the job's log."""
    source, video, audio = plan.source, plan.source.video, plan.source.main_audio
    pictures = "no pictures"
    if video is not None:
        width, height = video.display_size
        rate = float(video.average_rate)
        pictures = f"{video.codec} {width}x{height} at {rate:.2f} fps{' HDR' if video.hdr else ''}"
    sound = f"{audio.codec} {audio.channels} ch" if audio is not None else "no sound"
    context.log.info(
        "source: %s, %s, %s, %.1f s, %.1f MB",
        source.container, pictures, sound, source.duration, source.size / 1e6,
    )  # fmt: skip
    context.log.info(
        "renditions: %s%s",
        ", ".join(f"{rung.name} up to {rung.max_kbps} kbit/s" for rung in plan.rungs) or "sound",
        f", {float(plan.grid.rate):g} fps" if plan.rungs else "",
    )
