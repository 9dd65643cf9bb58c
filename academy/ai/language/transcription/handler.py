"""`ai.transcription`: the sound is cut at silences, each part written down, all joined again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from academy.ai.language import configuration, ledger, money
from academy.ai.language.ports import Segment
from academy.ai.language.spending import spent_by
from academy.ai.language.transcription import sound, subtitles
from academy.ai.language.transcription.cutting import Span, divided, is_silent
from academy.ai.language.transcription.kind import PART_KIND
from academy.ai.language.transcription.params import LABELS, TranscriptionParams, refuse_if_by_hand
from academy.ai.language.transcription.part import TRIES
from academy.ai.language.transcription.results import SEGMENTS, SUBRIP, WEBVTT
from academy.ai.speech.params import lecture_of
from academy.ai.speech.source import recording_of
from academy.core.errors import AppError
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Child, ChildResult, Done, FanOut, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.media.commands import Commands
from academy.tenants.models import Tenant
from academy.video.captions import caption_put

SCHEMA: Final = 1
UNSURE_BELOW: Final = 0.45
"""Mean probability of a segment's tokens below which a person should listen."""
_FETCHING, _EXTRACTING, _CUTTING, _LISTENING, _JOINING = (
    Step("fetching", 0, 8), Step("extracting", 8, 18), Step("cutting", 18, 25),
    Step("listening", 25, 97), Step("joining", 97, 100),
)  # fmt: skip


def run(context: JobContext[TranscriptionParams]) -> Done | FanOut:
    """Cut and hand out, or join. Raises PermanentError, TransientError."""
    return _join(context) if context.phase == "join" else _cut(context)


def _cut(context: JobContext[TranscriptionParams]) -> FanOut:
    params = context.params
    bench = Workbench(context, Bucket.AI)
    recording = recording_of(bench, upload=params.upload, video=params.video, step=_FETCHING)
    tools = Commands(context, bench.folder)
    heard = sound.extract(tools, recording, lambda share: bench.say(_EXTRACTING, share))
    recording.path.unlink()
    parts = divided(heard.seconds, heard.silences)
    audible = [part for part in parts if not is_silent(part, heard.silences)]
    if not audible:
        raise PermanentError("transcription_nothing_said")
    _require_budget(context, sum(part.seconds for part in audible))
    children = []
    for number, part in enumerate(audible, 1):
        bench.say(_CUTTING, (number - 1) / len(audible))
        path = sound.cut(tools, heard, part, f"part-{number:04d}.flac")
        key = bench.put(path.name, path, sound.CONTENT_TYPE).key
        path.unlink()
        seconds = round(part.seconds, 3)
        made = {"key": key, "number": number, "seconds": seconds, "language": params.language}
        children.append(Child(f"{number:04d}", PART_KIND, made))
    context.save_checkpoint(
        {
            "seconds": heard.seconds,
            "parts": [[part.start, part.end] for part in audible],
            "silent": len(parts) - len(audible),
            "recording": str(recording.upload),
        }
    )
    context.log.info("%.0f s in %d parts", heard.seconds, len(audible))
    return FanOut(children, until_percent=_LISTENING.end)


def _require_budget(context: JobContext[Any], seconds: float) -> None:
    """Nothing is begun that the budget would end in the middle."""
    configured = configuration.language().speech
    if configured is None:
        raise PermanentError("model_not_configured", model="SPEECH_BASE_URL")
    ledger.require(context.tenant_id, money.speech_cost(configured, seconds))


def _join(context: JobContext[TranscriptionParams]) -> Done:
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="")
    cut, children = context.checkpoint, context.children()
    spans = [Span(*times) for times in cut["parts"]]
    parts = list(zip(children, spans, strict=True))
    gaps = [span for child, span in parts if child.result["unusable"]]
    if len(gaps) == len(parts):
        raise PermanentError("language_reply_invalid", tries=TRIES * len(parts))
    heard = [(child, span) for child, span in parts if not child.result["unusable"]]
    segments = [found for child, span in heard for found in _segments(bench, child, span)]
    bench.say(_JOINING, 0)
    if not segments:
        raise PermanentError("transcription_nothing_said")
    if gaps:
        envelope.review_required = True
        envelope.warn("transcript_gaps", count=len(gaps))
    envelope.engine = heard[0][0].result["model"]
    shown = subtitles.captions(segments)
    texts = {
        WEBVTT: (subtitles.as_webvtt(shown), "text/vtt; charset=utf-8"),
        SUBRIP: (subtitles.as_subrip(shown), "application/x-subrip"),
        SEGMENTS: (_document(segments), "application/json"),
    }
    for name, (text, kind) in texts.items():
        path = bench.folder / name
        path.write_text(text, encoding="utf-8")
        bench.put(name, path, kind)
    unsure = sum(one.confidence is not None and one.confidence < UNSURE_BELOW for one in segments)
    if unsure:
        envelope.review_required = True
        envelope.warn("transcript_unsure", count=unsure)
    captions = _captions(context, envelope, texts[WEBVTT][0])
    context.log.info("%d segments, %d of them unsure", len(segments), unsure)
    result = {
        "duration_s": round(cut["seconds"], 3),
        "language": context.params.language or _language(children),
        "segments": len(segments),
        "cues": len(shown),
        "characters": sum(len(one.text) for one in segments),
        "unsure": unsure,
        "parts": len(spans),
        "silent_parts": cut["silent"],
        "gaps": [[round(span.start, 3), round(span.end, 3)] for span in gaps],
        "webvtt": WEBVTT,
        "subrip": SUBRIP,
        "segments_file": SEGMENTS,
        "captions": captions,
        "video": None if context.params.video is None else str(context.params.video),
        "recording": cut["recording"],
        "spent": spent_by([child.job_id for child in children], context.tenant_id),
    }
    return Done(envelope.wrap(result), bench.artifacts)


def _segments(bench: Workbench, child: ChildResult, span: Span) -> list[Segment]:
    """What was said in a part, on the clock of the whole."""
    key = child.output_prefix + SEGMENTS
    listed = json.loads(bench.objects.read(key))
    return [
        Segment(round(span.start + start, 3), round(min(span.start + end, span.end), 3), text, sure)
        for start, end, text, sure in listed
        if span.start + start < span.end
    ]


def _document(segments: Sequence[Segment]) -> str:
    found = [
        {"start_s": one.start, "end_s": one.end, "text": one.text, "confidence": one.confidence}
        for one in segments
    ]
    return json.dumps({"segments": found}, ensure_ascii=False, indent=1)


def _language(children: Sequence[ChildResult]) -> str:
    """What the model heard in most of the parts."""
    heard = Counter(child.result["language"] for child in children if child.result["segments"])
    return str(heard.most_common(1)[0][0]) if heard else ""


def _captions(
    context: JobContext[TranscriptionParams], envelope: Envelope, text: str
) -> dict[str, Any] | None:
    """Give the lecture its captions; what speaks against it ends no job that was paid for."""
    params = context.params
    if not params.captions or params.video is None or params.language is None:
        return None
    context.raise_if_cancelled()
    reason = None
    try:
        video = lecture_of(context.tenant_id, params.video)
        refuse_if_by_hand(video, params.language)
        if str(video.upload_id) != context.checkpoint["recording"]:
            reason = "recording_replaced"
        else:
            caption_put(
                tenant=Tenant.objects.get(pk=context.tenant_id),
                video_id=video.pk,
                language=params.language,
                data=text.encode(),
                label=LABELS[params.language],
            )
    except AppError as error:
        if error.retryable:
            raise
        reason = error.code
    if reason is not None:
        envelope.warn("captions_not_applied", reason=reason)
    return {
        "applied": reason is None,
        "language": params.language,
        "label": LABELS[params.language],
    }
