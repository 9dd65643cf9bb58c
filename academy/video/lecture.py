"""The plan of a lecture that is encoded in chunks, as data: `plan.json`.

One worker decides and writes it down; whoever encodes a chunk or joins them reads it, and so does
a person who wants to know why a lecture was encoded as it was.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter

from academy.video.chunks import Chunk
from academy.video.command import AUDIO_NAME
from academy.video.complexity import Sample
from academy.video.ladder import (
    AV1_CRF,
    AV1_PRESET,
    CRF,
    PHONE_SIDE,
    PRESET,
    Codec,
    Encoder,
    Plan,
    on_x264,
)

PLAN: Final = "plan.json"
RECODED_PLAN: Final = "plan-recoded.json"
REPLANNED_PLAN: Final = "plan-anew.json"
PICTURES: Final = "pictures.mp4"
SOUND: Final = "sound.mka"
FORMAT_VERSION: Final = 1
_EARLY_CHUNKS: Final = 2
_RECODED: Final = "recoded"


@dataclass(frozen=True)
class SourceObject:
    """An object that holds a track to encode from, and its size in bytes."""

    key: str
    size: int


@dataclass(frozen=True)
class Piece:
    """What one job of the flow encodes: some rungs of one chunk, or (no chunk) all of the sound."""

    name: str
    chunk: int | None
    rungs: tuple[str, ...]


@dataclass(frozen=True)
class LecturePlan:
    """All decisions about one lecture. ``digest`` names what its pieces depend on."""

    version: int
    digest: str
    encoder: str
    plan: Plan
    chunks: tuple[Chunk, ...]
    pieces: tuple[Piece, ...]
    pictures: SourceObject | None
    sound: SourceObject | None
    reasons: tuple[str, ...]
    """In plain words, for people."""
    samples: tuple[Sample, ...] = ()
    """What was weighed to decide which rungs are made; none where nobody looked."""
    segments_per_key: int = 0
    """How many segments an AES-128 key serves; 0: the segments are not encrypted."""
    replanned: bool = False
    """Whether this plan stands for one whose encoder was not to be had: there is no third."""

    @property
    def frames(self) -> int:
        """Frames of each rung; 0 without pictures."""
        return self.chunks[-1].end if self.chunks else 0

    def piece(self, name: str) -> Piece:
        """The piece with that name; KeyError where the plan has none."""
        for piece in self.pieces:
            if piece.name == name:
                return piece
        raise KeyError(name)

    def encoder_of(self, piece: Piece) -> Encoder | None:
        """What must encode a piece; None where nothing of it is H.264 that is encoded."""
        coded = {rung.name for rung in self.plan.rungs if rung.codec is Codec.H264}
        made = coded.intersection(piece.rungs) - {self.plan.copied}
        return self.plan.encoder if made else None

    def chunk(self, piece: Piece) -> Chunk:
        """The chunk that a piece of the picture belongs to."""
        if piece.chunk is None:
            raise ValueError(f"piece {piece.name} has no pictures")
        return self.chunks[piece.chunk]


_adapter = TypeAdapter(LecturePlan)


def dumps(lecture: LecturePlan) -> bytes:
    """The plan as JSON that a person can read."""
    return json.dumps(_adapter.dump_python(lecture, mode="json"), indent=1).encode()


def loads(data: bytes) -> LecturePlan:
    """Read a plan; pydantic's ValidationError when it is none of this version."""
    return _adapter.validate_json(data)


def pieces(plan: Plan, chunks: tuple[Chunk, ...]) -> tuple[Piece, ...]:
    """What is encoded, in the order in which it is worth having.

    The first minute at a size that every phone plays, the sound, without which nothing of it plays,
    the second minute, and then everything else: a student can begin long before the last chunk is
    done.
    """
    early = early_rung(plan)
    rungs = tuple(rung.name for rung in plan.rungs)
    found = [
        Piece(f"early-{chunk.number:04d}", chunk.number, (early,))
        for chunk in chunks[:_EARLY_CHUNKS]
        if early is not None and len(rungs) > 1
    ]
    begun = len(found)
    if plan.audio_index is not None:
        found.insert(min(1, begun), Piece(AUDIO_NAME, None, ()))
    for chunk in chunks:
        wanted = tuple(name for name in rungs if chunk.number >= begun or name != early)
        found.append(Piece(f"chunk-{chunk.number:04d}", chunk.number, wanted))
    return tuple(found)


def recoded(lecture: LecturePlan, why: str) -> LecturePlan:
    """The plan without its copied rung: that is encoded too, and cut at the same frames.

    Everything else that is finished stays as it is. ``why`` is added to the reasons.
    """
    copied = lecture.plan.copied
    if copied is None:
        raise ValueError("no rung of this plan is copied")
    kept = [
        replace(piece, rungs=tuple(rung for rung in piece.rungs if rung != copied))
        for piece in lecture.pieces
    ]
    return replace(
        lecture,
        plan=replace(lecture.plan, copied=None),
        pieces=(
            *(piece for piece in kept if piece.rungs or piece.chunk is None),
            *(
                Piece(f"{_RECODED}-{chunk.number:04d}", chunk.number, (copied,))
                for chunk in lecture.chunks
            ),
        ),
        reasons=(*lecture.reasons, f"{copied} is encoded after all: {why}"),
    )


def replanned(lecture: LecturePlan, *, encoder: str, source: str, why: str) -> LecturePlan:
    """The plan as a host without a graphics card would have made it: the same cuts, by x264.

    ``encoder`` and ``source`` are what its digest is made of. ``why`` is added to the reasons.
    """
    anew = replace(
        lecture,
        plan=on_x264(lecture.plan),
        encoder=encoder,
        reasons=(*lecture.reasons, f"planned anew for x264: {why}"),
        replanned=True,
    )
    return with_digest(anew, source)


def early_rung(plan: Plan) -> str | None:
    """The rung that is made first: the largest of at most 480 lines, else the smallest."""
    small = [rung for rung in plan.rungs if rung.short_side <= PHONE_SIDE]
    chosen = small[0] if small else (plan.rungs[-1] if plan.rungs else None)
    return None if chosen is None else chosen.name


def identity(source: str, plan: Plan, encoder: str) -> str:
    """The digest under which pieces are kept and found again.

    ``source`` names the bytes that were uploaded. Whatever changes a single byte of the output is
    in it: the same digest means that a finished piece can be used as it is.
    """
    # Whether a rung is copied is no part of it: where a copy is refused, all else stays good.
    whole = TypeAdapter(Plan).dump_python(replace(plan, copied=None), mode="json")
    about = [source, encoder, PRESET, CRF, AV1_PRESET, AV1_CRF, whole]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def with_digest(lecture: LecturePlan, source: str) -> LecturePlan:
    """The plan with its identity filled in; the chunk boundaries are part of it."""
    base = identity(source, lecture.plan, lecture.encoder)
    cuts: list[Any] = [
        [chunk.first, chunk.end, chunk.is_last, *chunk.cuts] for chunk in lecture.chunks
    ]
    # Pieces that are encrypted are other bytes; those that are not keep their old identity.
    about = [base, cuts, lecture.segments_per_key] if lecture.segments_per_key else [base, cuts]
    digest = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    return replace(lecture, digest=digest)
