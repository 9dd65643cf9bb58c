"""A short recording: one ffmpeg encodes all of it, and its segments go up as they appear."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypedDict

from academy.jobs.context import Done
from academy.jobs.errors import PermanentError, TransientError
from academy.video import binaries, command, ladder, playlist, validate
from academy.video.chunks import Chunk
from academy.video.handlers import economy, packaging, publish
from academy.video.handlers.steps import TRANSCODING, VALIDATING
from academy.video.handlers.workbench import EMPTY_TRACK, Follow, Workbench
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
        output, damage, reasons = _made(bench, plan, source, uploader)
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
        return publish.publish(
            bench, plan, output, damage, uploader,
            media=[*media, *(one.name for one in sprites)],
            extra=[STORYBOARD] if told else [],
            about={
                "reasons": reasons,
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


def _made(
    bench: Workbench, plan: ladder.Plan, source: Path, uploader: SegmentUploader
) -> tuple[validate.Output, validate.Damage | None, list[str]]:
    """Encode and check. Where a copied rung is not as it must be, once more without copying."""
    thrifty, whole, why = economy.copy_of_recording(bench, plan, source)
    bench.context.log.info("%s", why)
    if whole is not None:
        try:
            errors = _encode(bench, thrifty, source, None, whole)
            economy.refuse_damage(errors)
            return *_validate(bench, thrifty, errors, whole), [why]
        except (PermanentError, TransientError) as error:
            bench.context.raise_if_cancelled()
            after = f"{thrifty.copied} is encoded after all: {error}"
            bench.context.log.warning("%s", after)
            for path in bench.folder.iterdir():
                path.unlink()
            why = after
    errors = _encode(bench, plan, source, uploader)
    return *_validate(bench, plan, errors), [why]


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
