"""A short recording: one ffmpeg encodes all of it, and its segments go up as they appear."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple, TypedDict

from academy.jobs.context import Done
from academy.jobs.errors import JobError, PermanentError, TransientError
from academy.media import binaries
from academy.media.commands import EMPTY_TRACK, Follow
from academy.video import command, encoders, ladder, playlist, quality, validate
from academy.video.chunks import Chunk
from academy.video.handlers import comparison, economy, fallback, packaging, publish
from academy.video.handlers.steps import TRANSCODING, VALIDATING
from academy.video.handlers.workbench import Workbench
from academy.video.params import TranscodeParams
from academy.video.storyboard import STORYBOARD
from academy.video.upload import SegmentUploader


def encode(bench: Workbench, plan: ladder.Plan, source: Path) -> Done:
    """Encode, check and publish a whole recording."""
    names = [rung.name for rung in plan.rungs]
    if plan.audio_index is not None:
        names.append(command.AUDIO_NAME)
    about = _about(bench)
    cipher = packaging.cipher(bench, about["digest"], about["segments_per_key"])
    with SegmentUploader(
        bench.objects, bench.context.output_prefix, bench.folder, dict.fromkeys(names, 0),
        encryptor=None if cipher is None else cipher.encryptor,
    ) as uploader:  # fmt: skip
        made = _made(bench, plan, source, uploader)
        plan, output = made.plan, made.output
        if output.pictures:
            top = output.pictures[0].media
            # A tenth in: past the title card and the wait for the last student.
            name = top.names[len(top.names) // 10]
            publish.poster(bench, bench.piece(bench.folder / top.init, bench.folder / name))
        else:
            assert plan.audio_index is not None
            publish.sound_card(bench, source, plan.audio_index)
        media = [name for rendition in output.renditions for name in rendition.files]
        for rendition in output.renditions if cipher is not None else ():
            key = packaging.key_names(rendition.name, about["segments_per_key"])
            text = playlist.media(rendition.media, key=key)
            (bench.folder / rendition.playlist_name).write_text(text)
        sprite = packaging.sprite_of_whole(bench, plan, output.pictures)
        sprites = [] if sprite is None else [sprite]
        told = packaging.write_storyboard(bench, sprites)
        compared = comparison.of_recording(bench, plan, output.pictures, source)
        return publish.publish(
            bench, plan, output, made.damage, uploader,
            media=[*media, *(one.name for one in sprites)],
            extra=[STORYBOARD] if told else [],
            about={
                "reasons": list(made.reasons),
                "quality": compared,
                "warnings": quality.warnings(compared),
                "digest": about["digest"],
                "encrypted": cipher is not None,
                "storyboard": STORYBOARD if told else None,
            },
        )  # fmt: skip


class _About(TypedDict):
    digest: str
    segments_per_key: int


def _about(bench: Workbench) -> _About:
    """Under which name its keys are kept; none where it is not encrypted."""
    params: TranscodeParams = bench.context.params
    every = packaging.segments_per_key(params.profile)
    name = f"recording {params.upload}"
    return _About(
        digest=hashlib.sha256(name.encode()).hexdigest() if every else "", segments_per_key=every
    )


class _Made(NamedTuple):
    """What was encoded, by which plan, and why by that one."""

    plan: ladder.Plan
    output: validate.Output
    damage: validate.Damage | None
    reasons: tuple[str, ...]


def _made(bench: Workbench, plan: ladder.Plan, source: Path, uploader: SegmentUploader) -> _Made:
    """Encode and check, in the way that costs least; where that fails, in the next, here and now.

    NVENC gives way to x264, and a copied rung that is not as it must be to an encoded one.
    """
    plan, reasons = encoders.assigned(plan, divided=False)
    thrifty, whole = economy.decide_short(bench, plan, source)
    reasons = (*reasons, *thrifty.reasons)
    for reason in reasons:
        bench.context.log.info("%s", reason)
    if plan.encoder is not ladder.Encoder.X264:
        try:
            return _Made(*_tried(bench, thrifty.plan, source, whole), reasons)
        except JobError as error:
            if error.code not in fallback.OF_THE_ENCODER:
                raise
            encoders.forget()
            why = f"encoded with x264 after all; with NVENC: {error}"
            reasons = (*thrifty.reasons, _given_up(bench, why))
    if whole is not None:
        try:
            return _Made(*_tried(bench, ladder.on_x264(thrifty.plan), source, whole), reasons)
        except (PermanentError, TransientError) as error:
            why = f"{thrifty.plan.copied} is encoded after all: {error}"
            kept = tuple(reason for reason in reasons if reason not in thrifty.reasons)
            reasons = (*kept, _given_up(bench, why))
    return _Made(*_tried(bench, ladder.on_x264(plan), source, None, uploader), reasons)


def _tried(
    bench: Workbench,
    plan: ladder.Plan,
    source: Path,
    whole: Chunk | None,
    uploader: SegmentUploader | None = None,
) -> tuple[ladder.Plan, validate.Output, validate.Damage | None]:
    """One way, with its plan. Raises TransientError where another way may do better."""
    errors = _encode(bench, plan, source, uploader, whole)
    if whole is not None:
        economy.refuse_damage(errors)
    output, damage = _validate(bench, plan, errors, whole)
    if damage is not None and plan.encoder is not ladder.Encoder.X264:
        raise TransientError("video_output_invalid", problem="pictures are missing")
    return plan, output, damage


def _given_up(bench: Workbench, why: str) -> str:
    """Make room for the next way."""
    bench.context.raise_if_cancelled()
    bench.context.log.warning("%s", why)
    for path in bench.folder.iterdir():
        path.unlink()
    return why


def _encode(
    bench: Workbench,
    plan: ladder.Plan,
    source: Path,
    uploader: SegmentUploader | None,
    whole: Chunk | None = None,
) -> int:
    """Run the encoder; returns how many errors it met in the source.

    Without an uploader nothing goes up while it runs: what has been sent cannot be made again.
    """
    bench.say(TRANSCODING, 0)
    argv = command.encode(
        bench.tools.ffmpeg,
        plan,
        source,
        tone_mapper=binaries.tone_mapper(bench.tools.ffmpeg) if plan.tonemap else None,
        chunk=whole,
    )
    key, total = ("frame", plan.expected_frames) if plan.rungs else ("out_time_us", 0)
    follow = Follow(
        key,
        total or plan.expected_seconds * 1e6,
        lambda share, eta: bench.say(TRANSCODING, share, eta=eta),
    )
    outcome = bench.follow(
        argv,
        reads=[source],
        cpu_seconds=900 + int(60 * plan.expected_seconds),
        on_line=follow.line,
        on_tick=None if uploader is None else uploader.scan,
        on_gpu=plan.encoder is ladder.Encoder.NVENC,
    )
    if outcome.returncode != 0 and EMPTY_TRACK in outcome.said and _main(bench, plan).exists():
        # A sound track that is declared and holds nothing: the pictures are complete.
        return 0
    bench.judge(outcome)
    return outcome.errors


def _validate(
    bench: Workbench, plan: ladder.Plan, errors: int, whole: Chunk | None = None
) -> tuple[validate.Output, validate.Damage | None]:
    bench.say(VALIDATING, 0)
    if not _main(bench, plan).exists():
        # The encoder is content, and yet not one frame of the source could be decoded.
        raise PermanentError("video_damaged")
    try:
        output = validate.check(plan, bench.folder, whole)
    except validate.OutputInvalidError as error:
        raise TransientError("video_output_invalid", problem=error.problem) from error
    ends = [
        (rendition.media.init, name)
        for rendition in output.renditions
        for name in dict.fromkeys((rendition.media.names[0], rendition.media.names[-1]))
    ]
    for number, (init, name) in enumerate(ends):
        bench.check_decodes(bench.folder / init, bench.folder / name)
        bench.say(VALIDATING, (number + 1) / len(ends))
    damage = validate.damage(plan, output, errors)
    if damage is not None:
        bench.context.log.warning(
            "damaged source: %.1f of %.1f s saved, %d errors",
            damage.saved_seconds, damage.expected_seconds, damage.errors,
        )  # fmt: skip
    return output, damage


def _main(bench: Workbench, plan: ladder.Plan) -> Path:
    name = plan.rungs[0].name if plan.rungs else command.AUDIO_NAME
    return bench.folder / f"{name}.m3u8"
