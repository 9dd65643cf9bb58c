"""`ai.transcription_part`: one part of a recording, sent to the speech model."""

from __future__ import annotations

import json
from typing import Final

from academy.ai.language import asking
from academy.ai.language.ports import SpeechReply, SpeechRequest
from academy.ai.language.transcription.params import PartParams
from academy.ai.language.transcription.results import SEGMENTS
from academy.ai.language.transcription.sound import CONTENT_TYPE
from academy.core.storage import Bucket
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.steps import Step

TRIES: Final = 2
_LISTENING: Final = Step("listening", 0, 100)


def run(context: JobContext[PartParams]) -> Done:
    """Have it written down. Raises what `asking.listen` raises."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    path = context.scratch / "sound.flac"
    bench.say(_LISTENING, 0)
    bench.objects.get_file(params.key, path)
    request = SpeechRequest(path, CONTENT_TYPE, params.seconds, params.language)
    reply = _reply(context, request)
    if reply is None:
        # The other parts are worth having: the whole says where this one is missing.
        return Done({"language": "", "model": "", "segments": 0, "unusable": True})
    target = bench.folder / SEGMENTS
    target.write_text(
        json.dumps(
            [[one.start, one.end, one.text, one.confidence] for one in reply.segments],
            ensure_ascii=False,
        ),
        encoding="utf-8",
    )
    bench.put(SEGMENTS, target, "application/json")
    result = {
        "language": reply.language,
        "model": reply.model,
        "segments": len(reply.segments),
        "unusable": False,
    }
    return Done(result, bench.artifacts)


def _reply(context: JobContext[PartParams], request: SpeechRequest) -> SpeechReply | None:
    """What the model heard; None where nothing that it sent could be used."""
    for _ in range(TRIES):
        try:
            return asking.listen(context, f"part-{context.params.number}", request)
        except asking.UnusableReplyError:
            continue
    return None
