"""The beginning of a lecture, playable while the rest of it is still being encoded.

The first pieces of a divided lecture are one rung that every phone plays. What of that rung is
finished without a hole, with the sound for it, is offered as an EVENT playlist: written from the
measurements of the pieces whenever it is asked for, it grows until the rung is complete and then
has an end. No segment is copied, and who began with it can go on to the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from django.db.models.fields.json import KeyTransform

from academy.core.storage import Bucket, StorageError, store
from academy.video import encryption, lecture, pieces, playlist
from academy.video.command import AUDIO_NAME
from academy.video.ladder import Rung
from academy.video.models import Video, VideoPiece, VideoState
from academy.video.validate import Rendition

MASTER: Final = "early.m3u8"
PICTURE: Final = "early_picture.m3u8"
SOUND: Final = "early_sound.m3u8"
NAMES: Final = frozenset({MASTER, PICTURE, SOUND})
_UNFINISHED: Final = frozenset({VideoState.WAITING, VideoState.PROCESSING})
# Sound is cut at its own frames, some milliseconds beside the pictures.
_SOUND_TOLERANCE = Decimal("0.5")


@dataclass(frozen=True)
class Outline:
    """What of a lecture's plan the early playlists need."""

    digest: str
    rung: Rung
    rate: Fraction
    pieces: tuple[str, ...]
    """The pieces that make the rung, in order of their chunks."""
    has_sound: bool
    language: str
    segments_per_key: int
    target: int
    """Seconds that no segment of the rung exceeds."""
    seconds: float
    """Of the whole lecture."""

    @property
    def needed(self) -> tuple[str, ...]:
        """The pieces without which nothing can be played."""
        return (self.pieces[0], AUDIO_NAME) if self.has_sound else (self.pieces[0],)


@dataclass(frozen=True)
class Early:
    """What can be played of an unfinished lecture."""

    outline: Outline
    picture: Rendition
    sound: Rendition | None

    @property
    def seconds(self) -> float:
        """How much can be played."""
        return self.picture.seconds

    def text(self, name: str) -> str:
        """One of the playlists; segments are named by keys (see playlist.with_addresses)."""
        if name == MASTER:
            return self._master()
        is_sound = name == SOUND
        rendition = self.sound if is_sound else self.picture
        if rendition is None:
            raise KeyError(name)
        target = math.ceil(max(rendition.media.durations)) if is_sound else self.outline.target
        key = None
        if self.outline.segments_per_key:
            key = encryption.key_of_segment(rendition.name, self.outline.segments_per_key)
        return playlist.media(rendition.media, kind="EVENT", target=target, key=key)

    def _master(self) -> str:
        sound = self.sound
        peak, average = (0, 0) if sound is None else (sound.peak, sound.average)
        return playlist.master(
            [
                playlist.PictureRendition(
                    uri=PICTURE,
                    codecs=self.picture.init.codec,
                    width=self.outline.rung.width,
                    height=self.outline.rung.height,
                    rate=self.outline.rate,
                    peak=self.picture.peak + peak,
                    average=self.picture.average + average,
                )
            ],
            None if sound is None else playlist.SoundRendition(
                uri=SOUND,
                codec=sound.init.codec,
                language=self.outline.language,
                peak=peak,
                average=average,
            ),
        )  # fmt: skip


def is_playable(video: Video) -> bool:
    """Whether the beginning of a video that is not ready can be played."""
    if video.state not in _UNFINISHED:
        return False
    found = outline(video)
    if found is None:
        return False
    rows = VideoPiece.objects.for_tenant(video.tenant_id).filter(digest=found.digest)
    made = rows.filter(name__in=found.needed).exclude(facts__has_key="refused")
    return made.count() == len(found.needed)


def of(video: Video) -> Early | None:
    """What can be played of a lecture now; None where that is nothing.

    It goes on working when the lecture is ready, for those who began before.
    """
    found = outline(video)
    if found is None:
        return None
    run = _run(found, _parts(video.tenant_id, found.digest, found.pieces, found.rung.name))
    if not run:
        return None
    is_complete = len(run) == len(found.pieces)
    picture = pieces.joined(found.rung.name, run)
    sound = None
    if found.has_sound:
        whole = _parts(video.tenant_id, found.digest, (AUDIO_NAME,), AUDIO_NAME).get(AUDIO_NAME)
        if whole is None:
            return None
        cut = whole if is_complete else _cut(whole, sum(picture.media.durations, Decimal(0)))
        sound = _with_end(pieces.joined(AUDIO_NAME, [cut]), is_complete)
    return Early(found, _with_end(picture, is_complete), sound)


def outline(video: Video) -> Outline | None:
    """What the plan of a divided lecture says; None where the video has no plan (yet)."""
    key = video.job.checkpoint.get("plan")
    if not isinstance(key, str):
        return None
    try:
        return _outline(key)
    except StorageError as error:
        if error.code != "object_missing":
            raise
        # The plan of a flow that ended long ago has been cleared away.
        return None


@lru_cache(maxsize=64)
def _outline(key: str) -> Outline | None:
    """A plan never changes under its key."""
    made = lecture.loads(store(Bucket.VIDEO).read(key))
    name = lecture.early_rung(made.plan)
    by_chunk = {piece.chunk: piece.name for piece in made.pieces if name in piece.rungs}
    if name is None or set(by_chunk) != {chunk.number for chunk in made.chunks}:
        return None
    grid = made.plan.grid
    frames = max((length for chunk in made.chunks for length in chunk.lengths), default=0)
    track = made.plan.source.main_audio
    return Outline(
        digest=made.digest,
        rung=next(rung for rung in made.plan.rungs if rung.name == name),
        rate=grid.rate,
        pieces=tuple(by_chunk[chunk.number] for chunk in made.chunks),
        has_sound=any(piece.name == AUDIO_NAME for piece in made.pieces),
        language="" if track is None or track.language == "und" else track.language,
        segments_per_key=made.segments_per_key,
        target=math.ceil(max(frames, grid.segment_frames) / grid.rate),
        seconds=float(made.frames / grid.rate),
    )


def _parts(
    tenant: UUID, digest: str, names: Sequence[str], rendition: str
) -> dict[str, pieces.Part]:
    """One rendition of the finished ones among these pieces; the others are not even read."""
    rows = VideoPiece.objects.for_tenant(tenant).filter(digest=digest, name__in=names)
    found: list[tuple[str, str, dict[str, Any] | None]] = list(
        rows.values_list(
            "name", "prefix", KeyTransform(rendition, KeyTransform("renditions", "facts"))
        )
    )
    return {name: pieces.part(name, prefix, facts) for name, prefix, facts in found if facts}


def _run(found: Outline, parts: dict[str, pieces.Part]) -> list[pieces.Part]:
    """The parts from the first one on, up to a hole or one that does not fit."""
    run: list[pieces.Part] = []
    for name in found.pieces:
        part = parts.get(name)
        if part is None or (run and not pieces.fits(run[-1], part)):
            break
        run.append(part)
    return run


def _cut(part: pieces.Part, seconds: Decimal) -> pieces.Part:
    """The sound up to a time, in whole segments."""
    end, kept = Decimal(0), 0
    for text in part.durations:
        end += Decimal(text)
        if end > seconds + _SOUND_TOLERANCE:
            break
        kept += 1
    kept = max(1, kept)
    return replace(
        part,
        names=part.names[:kept], durations=part.durations[:kept], sizes=part.sizes[:kept],
    )  # fmt: skip


def _with_end(rendition: Rendition, is_complete: bool) -> Rendition:
    return replace(rendition, media=replace(rendition.media, ended=is_complete))
