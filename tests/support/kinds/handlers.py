"""Handlers of the test kinds."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from pathlib import Path
from typing import Any

from academy.core import clock
from academy.core.storage import Bucket, store
from academy.jobs import effects, room
from academy.jobs.context import Artifact, Child, Done, FanOut, JobContext
from academy.jobs.errors import PermanentError, TransientError
from academy.jobs.models import EffectState
from tests.support.kinds import params, provider_client


def ok(context: JobContext[params.OkParams]) -> Done:
    return Done({"note": context.params.note, "attempt": context.attempt})


def talk(context: JobContext[params.TalkParams]) -> Done:
    wanted = context.params
    with context.span("talking", {"academy.lines": wanted.lines}):
        for _ in range(wanted.lines):
            context.log.info("it was said: %s", wanted.note)
    context.progress("talked", 90.0)
    if wanted.fail:
        raise LookupError(f"a mistake that quotes {wanted.note}")
    return Done({"lines": wanted.lines})


def sleep(context: JobContext[params.SleepParams]) -> Done:
    wanted = context.params
    _rest(context, wanted.seconds, beats=wanted.beats, deaf=wanted.deaf)
    return Done({"slept": wanted.seconds, "attempt": context.attempt})


def _rest(context: JobContext[Any], seconds: float, *, beats: int = 10, deaf: bool = False) -> None:
    stopped = threading.Event()
    with context.on_stop(stopped.set):
        for beat in range(beats if seconds else 0):
            left = seconds * (beats - beat) / beats
            context.progress("sleeping", 100.0 * beat / beats, eta_seconds=left)
            if deaf:
                threading.Event().wait(seconds / beats)
            else:
                stopped.wait(seconds / beats)
                context.raise_if_cancelled()


def needs_room(context: JobContext[params.RoomParams]) -> Done:
    room.require(context.params.size)
    return Done({"attempt": context.attempt})


def transient(context: JobContext[params.TransientParams]) -> Done:
    failed = int(context.checkpoint.get("failed", 0))
    times = context.params.times
    if failed < times:
        context.save_checkpoint({"failed": failed + 1})
        raise TransientError("test_transient", failed=failed + 1, times=times)
    return Done({"failed": failed, "attempt": context.attempt})


def encode(context: JobContext[params.EncodeParams]) -> Done:
    """The first text's vector, and what the processes of the worker have mapped."""
    from academy.inference import text  # noqa: PLC0415 - wants numpy and torch

    ends = clock.monotonic() + context.params.seconds
    rounds = 0
    while True:
        encoder = text.encoder()
        vectors = encoder.encode(context.params.texts, role="passage")
        rounds += 1
        context.raise_if_cancelled()
        if clock.monotonic() >= ends:
            break
    return Done(
        {
            "vector": vectors[0].tolist(),
            "rounds": rounds,
            "model": dict(encoder.model),
            "device": encoder.device,
            "pid": os.getpid(),
            "torch_here": _maps_torch(os.getpid()),
            "torch_in_parent": _maps_torch(os.getppid()),
        }
    )


def _maps_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def permanent(context: JobContext[params.PermanentParams]) -> Done:
    raise PermanentError("test_permanent", reason=context.params.reason)


def poison(context: JobContext[params.PoisonParams]) -> Done:
    if context.params.sudden:
        os.kill(os.getpid(), signal.SIGKILL)
    raise LookupError("a mistake nobody foresaw, made by a test")


def fan_out(context: JobContext[params.FanOutParams]) -> Done | FanOut:
    wanted = context.params
    if context.phase == "start":
        context.progress("splitting", 10.0)
        return FanOut([_child(wanted, index) for index in range(wanted.children)])
    children = context.children()
    return Done({"parts": len(children), "sum": sum(child.result["sum"] for child in children)})


def _child(wanted: params.FanOutParams, index: int) -> Child:
    key = f"part-{index:04d}"
    if wanted.nested and index == 0:
        return Child(key, "test.fan_out", {"children": 2, "part_seconds": wanted.part_seconds})
    own = {"index": index, "fail": index == wanted.fail_at, "seconds": wanted.part_seconds}
    return Child(key, "test.part", own)


def part(context: JobContext[params.PartParams]) -> Done:
    _rest(context, context.params.seconds)
    if context.params.fail:
        raise PermanentError("test_permanent", reason=f"part {context.params.index}")
    return Done({"sum": context.params.index})


def output(context: JobContext[params.OutputParams]) -> Done:
    """Objects that a checker can make again from the job's id and attempt alone."""
    wanted = context.params
    bucket = store(Bucket.STORAGE)
    artifacts = []
    for number in range(wanted.objects):
        context.raise_if_cancelled()
        data = content(str(context.job_id), number, wanted.bytes)
        key = f"{context.output_prefix}{number:04d}.bin"
        bucket.put_bytes(key, data, "application/octet-stream")
        digest = hashlib.sha256(data).hexdigest()
        artifacts.append(
            Artifact(f"{number:04d}.bin", key, "application/octet-stream", len(data), digest)
        )
        context.progress("writing", 100.0 * (number + 1) / wanted.objects)
        _rest(context, wanted.seconds / wanted.objects, beats=1)
    return Done({"objects": wanted.objects, "attempt": context.attempt}, artifacts)


def content(job_id: str, number: int, size: int) -> bytes:
    """The bytes of object ``number`` of a ``test.output`` job."""
    return hashlib.shake_256(f"{job_id}:{number}".encode()).digest(size)


def effect(context: JobContext[params.EffectParams]) -> Done:
    """One effect a recipient, through the ledger; raises while the provider cannot say."""
    occurrence = context.params.occurrence or str(context.job_id)
    provider = provider_client.from_environment()
    counts = {"sent": 0, "refused": 0}
    unknown: TransientError | None = None
    for number in range(context.params.recipients):
        context.raise_if_cancelled()
        message = provider_client.Message(str(context.tenant_id), occurrence, f"recipient-{number}")
        try:
            row = effects.perform(
                context,
                f"{occurrence}:{number}",
                send=lambda effect_id, message=message: provider.send(effect_id, message),
                ask=provider.ask,
            )
        except TransientError as error:
            # The others do not wait for one unclear answer.
            unknown = error
            continue
        counts["sent" if row.state == EffectState.SENT else "refused"] += 1
    if unknown is not None:
        raise unknown
    return Done(counts)
