"""Registers the test kinds, spread over the queues so that every pool has something to do."""

from __future__ import annotations

from typing import Any

from academy.core.catalogue import Entry
from academy.core.catalogue import register as register_entries
from academy.core.storage import Bucket
from academy.jobs import kinds
from tests.support.kinds import params

_ENTRIES = (
    Entry(
        "test_transient", 503,
        "시험용 일시 오류입니다({failed}/{times}).",
        "A transient failure made by a test ({failed} of {times}).",
        "자동으로 다시 시도합니다.",
        "It is tried again by itself.",
        retryable=True,
    ),
    Entry(
        "test_permanent", 422,
        "시험용 영구 오류입니다: {reason}",
        "A permanent failure made by a test: {reason}",
        "매개변수를 고쳐 다시 실행해 주세요.",
        "Edit the parameters and run it again.",
    ),
    Entry(
        "test_recipient_refused", 422,
        "시험용 수신자가 거부되었습니다.",
        "The test provider refused the recipient.",
        "수신자를 확인해 주세요.",
        "Check the recipient.",
    ),
)  # fmt: skip


def _spec(
    name: str, queue: str, parameters: type[kinds.Params], handler: str, **options: Any
) -> kinds.KindSpec[Any]:
    return kinds.KindSpec(
        name=name,
        version=1,
        queue=queue,
        params=parameters,
        handler=f"tests.support.kinds.handlers:{handler}",
        **{"bucket": Bucket.STORAGE, "timeout_seconds": 3_600, **options},
    )


def register() -> None:
    """Make the kinds known; a second call changes nothing."""
    register_entries(*_ENTRIES)
    for spec in (
        _spec("test.ok", "ai-lite", params.OkParams, "ok"),
        _spec("test.talk", "ai-lite", params.TalkParams, "talk"),
        _spec("test.sleep", "video", params.SleepParams, "sleep"),
        _spec("test.room", "video", params.RoomParams, "needs_room"),
        _spec("test.timeout", "video", params.SleepParams, "sleep", timeout_seconds=2),
        _spec("test.encode", "ai-premium", params.EncodeParams, "encode"),
        _spec("test.transient", "ai-basic", params.TransientParams, "transient"),
        _spec("test.permanent", "ai-lite", params.PermanentParams, "permanent"),
        _spec("test.poison", "ai-basic", params.PoisonParams, "poison"),
        _spec("test.fan_out", "ai-lite", params.FanOutParams, "fan_out"),
        _spec("test.part", "ai-basic", params.PartParams, "part", internal=True),
        _spec("test.output", "video", params.OutputParams, "output"),
        _spec("test.effect", "messaging", params.EffectParams, "effect", max_attempts=50),
    ):
        kinds.register(spec)
