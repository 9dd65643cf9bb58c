"""What finished pieces are known by, and how they become one lecture.

The worker that made a piece measured every segment of it; the join works with these measurements
alone and opens no media. What it checks is what a player would stumble over: another init segment,
a gap in the timeline, rungs that are cut differently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from academy.video import fmp4, playlist
from academy.video.command import AUDIO_NAME
from academy.video.lecture import LecturePlan
from academy.video.validate import Output, Rendition


class PiecesInvalidError(Exception):
    """Pieces that cannot be joined: ``names`` must be made again; ``problem`` says why.

    ``missing`` tells those that are not there from those that do not fit.
    """

    def __init__(self, names: Sequence[str], problem: str, *, missing: bool = False) -> None:
        super().__init__(problem)
        self.names = tuple(names)
        self.problem = problem
        self.missing = missing


@dataclass(frozen=True)
class Part:
    """One rendition of one finished piece. Times in ticks of the init segment's clock."""

    piece: str
    prefix: str
    init: fmp4.Init
    init_name: str
    init_sha256: str
    init_size: int
    names: tuple[str, ...]
    durations: tuple[str, ...]
    sizes: tuple[int, ...]
    samples: int
    first_decode_time: int
    end_decode_time: int
    shown_time: int


def measured(rendition: Rendition, init_sha256: str) -> dict[str, Any]:
    """A checked rendition as the facts that are stored of it."""
    return {
        "codec": rendition.init.codec,
        "timescale": rendition.init.timescale,
        "width": rendition.init.width,
        "height": rendition.init.height,
        "init": rendition.media.init,
        "init_sha256": init_sha256,
        "init_size": rendition.init_size,
        "names": list(rendition.media.names),
        "durations": [str(duration) for duration in rendition.media.durations],
        "sizes": list(rendition.sizes),
        "samples": rendition.samples,
        "first_decode_time": rendition.first_decode_time,
        "end_decode_time": rendition.end_decode_time,
        "shown_time": rendition.shown_time,
    }


def part(piece: str, prefix: str, facts: Mapping[str, Any]) -> Part:
    """One rendition of a piece, read back from its facts."""
    return Part(
        piece=piece,
        prefix=prefix,
        init=fmp4.Init(facts["codec"], facts["timescale"], facts["width"], facts["height"]),
        init_name=facts["init"],
        init_sha256=facts["init_sha256"],
        init_size=facts["init_size"],
        names=tuple(facts["names"]),
        durations=tuple(facts["durations"]),
        sizes=tuple(facts["sizes"]),
        samples=facts["samples"],
        first_decode_time=facts["first_decode_time"],
        end_decode_time=facts["end_decode_time"],
        # Facts from before this was measured: rungs were all encoded then, and agreed.
        shown_time=facts.get("shown_time", facts["first_decode_time"]),
    )


def join(lecture: LecturePlan, parts: Mapping[str, Mapping[str, Part]]) -> Output:
    """The whole lecture from the parts of its pieces: ``parts[piece][rendition]``.

    The segments' names in it are keys from the bucket's root, with a leading slash. Raises
    PiecesInvalidError, which names the pieces at fault.
    """
    missing = [piece.name for piece in lecture.pieces if piece.name not in parts]
    if missing:
        raise PiecesInvalidError(missing, "not finished", missing=True)
    by_rung = {rung.name: _in_order(lecture, parts, rung.name) for rung in lecture.plan.rungs}
    for same_chunk in zip(*by_rung.values(), strict=True):
        _cut_alike(same_chunk)
    pictures = tuple(joined(name, found) for name, found in by_rung.items())
    sound = parts.get(AUDIO_NAME, {}).get(AUDIO_NAME)
    return Output(pictures, None if sound is None else joined(AUDIO_NAME, [sound]))


def _in_order(
    lecture: LecturePlan, parts: Mapping[str, Mapping[str, Part]], rung: str
) -> list[Part]:
    by_chunk = {
        piece.chunk: parts[piece.name][rung]
        for piece in lecture.pieces
        if piece.chunk is not None and rung in piece.rungs
    }
    return [by_chunk[chunk.number] for chunk in lecture.chunks]


def fits(before: Part, after: Part) -> bool:
    """Whether a part plays on where the one before it ends."""
    return (before.init_sha256, before.end_decode_time) == (
        after.init_sha256,
        after.first_decode_time,
    )


def joined(name: str, parts: Sequence[Part]) -> Rendition:
    """One rendition from its parts, in their order. Raises PiecesInvalidError."""
    first = parts[0]
    for before, after in pairwise(parts):
        if after.init_sha256 != first.init_sha256:
            raise PiecesInvalidError([after.piece], f"{name}: another init segment")
        if before.end_decode_time != after.first_decode_time:
            raise PiecesInvalidError(
                [before.piece, after.piece],
                f"{name}: {before.end_decode_time} is followed by {after.first_decode_time}",
            )
    return Rendition(
        name=name,
        init=first.init,
        media=playlist.MediaPlaylist(
            durations=tuple(Decimal(text) for one in parts for text in one.durations),
            names=tuple(f"/{one.prefix}{segment}" for one in parts for segment in one.names),
            init=f"/{first.prefix}{first.init_name}",
            ended=True,
        ),
        first_decode_time=first.first_decode_time,
        end_decode_time=parts[-1].end_decode_time,
        samples=sum(one.samples for one in parts),
        init_size=first.init_size,
        sizes=tuple(size for one in parts for size in one.sizes),
        shown_time=first.shown_time,
    )


def _cut_alike(rungs: Sequence[Part]) -> None:
    """Rungs that a player switches between must cut at the same frames."""
    if len({(one.durations, one.samples, one.shown_time) for one in rungs}) > 1:
        names = sorted({one.piece for one in rungs})
        raise PiecesInvalidError(names, f"{', '.join(names)}: rungs are cut differently")
