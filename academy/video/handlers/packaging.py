"""What is made around the pictures and the sound: encryption, and the storyboard's sprites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from academy.video import encryption, lecture, storyboard, validate
from academy.video.handlers.workbench import Workbench
from academy.video.ladder import Plan, Rung
from academy.video.models import Profile


def segments_per_key(profile: Profile) -> int:
    """How many segments a key serves in this profile; 0 where nothing is encrypted."""
    return encryption.SEGMENTS_PER_KEY if profile == Profile.ENCRYPTED else 0


def cipher(bench: Workbench, digest: str, segments_per_key: int) -> encryption.SegmentCipher | None:
    """What encrypts the segments of a lecture; None where they stay plain."""
    if not segments_per_key:
        return None
    return encryption.SegmentCipher(
        tenant=bench.context.tenant_id, digest=digest, segments_per_key=segments_per_key
    )


def key_names(rendition: str, segments_per_key: int) -> Callable[[int], str] | None:
    """For a playlist: the key of each segment; None where segments are plain."""
    if not segments_per_key:
        return None
    return encryption.key_of_segment(rendition, segments_per_key)


def sprite_of_piece(
    bench: Workbench,
    made: lecture.LecturePlan,
    piece: lecture.Piece,
    renditions: Sequence[validate.Rendition],
) -> storyboard.Sprite | None:
    """The sprite of a chunk, where this piece made its smallest rung."""
    found = _smallest(made.plan, renditions)
    if piece.chunk is None or found is None:
        return None
    rung, rendition = found
    chunk, rate = made.chunk(piece), made.plan.grid.rate
    start = chunk.first / rate
    end = (chunk.first + rendition.samples) / rate
    sprite = storyboard.sprite(
        rung, chunk.number, float(start), float(end), storyboard.EVERY_SECONDS
    )
    return _drawn(bench, sprite, rendition)


def sprite_of_whole(
    bench: Workbench, plan: Plan, renditions: Sequence[validate.Rendition]
) -> storyboard.Sprite | None:
    """The one sprite of a short recording."""
    found = _smallest(plan, renditions)
    if found is None:
        return None
    rung, rendition = found
    sprite = storyboard.sprite(
        rung, 0, 0.0, rendition.seconds, float(plan.grid.gop_frames / plan.grid.rate)
    )
    return _drawn(bench, sprite, rendition)


def write_storyboard(bench: Workbench, sprites: Sequence[storyboard.Sprite]) -> bool:
    """Write the storyboard of these sprites; False where there are none."""
    if sprites:
        (bench.folder / storyboard.STORYBOARD).write_text(storyboard.webvtt(sprites))
    return bool(sprites)


def _smallest(
    plan: Plan, renditions: Sequence[validate.Rendition]
) -> tuple[Rung, validate.Rendition] | None:
    if not plan.rungs:
        return None
    rung = plan.rungs[-1]
    rendition = next((one for one in renditions if one.name == rung.name), None)
    return None if rendition is None else (rung, rendition)


def _drawn(
    bench: Workbench, sprite: storyboard.Sprite, rendition: validate.Rendition
) -> storyboard.Sprite | None:
    """Draw it; None where that fails, which is no reason to fail a lecture."""
    pictures = bench.context.scratch / "smallest.mp4"
    with pictures.open("wb") as joined:
        for name in rendition.files:
            joined.write((bench.folder / name).read_bytes())
    argv = storyboard.draw(bench.tools.ffmpeg, sprite, pictures)
    outcome, _ = bench.capture(argv, reads=[pictures], writes=[bench.folder])
    pictures.unlink()
    target = Path(bench.folder / sprite.name)
    if outcome.returncode != 0 or not target.is_file():
        bench.context.log.warning("no storyboard: %s", " | ".join(outcome.stderr[-3:]))
        target.unlink(missing_ok=True)
        return None
    return sprite
