"""What the platform would run for a recording: its own decisions, its own commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from academy.media.probe import Prober
from academy.video import chunks, command, complexity, copying, ladder, lecture
from academy.video.packets import Packets, outside_media
from tests.perf.video.measure import Command, check
from tests.support import media

PROFILE: Final = "standard"
SOUND: Final = "sound"


@dataclass(frozen=True)
class Recording:
    """A source, the plan that encodes all of it, and where its pictures lie."""

    path: Path
    plan: ladder.Plan
    packets: Packets
    outside: tuple[tuple[int, int], ...] | None

    @property
    def size(self) -> tuple[int, int]:
        """Pixels, as shown."""
        assert self.plan.source.video is not None
        return self.plan.source.video.display_size

    @property
    def frames(self) -> int:
        """How many frames each rung has."""
        return self.plan.expected_frames


@dataclass(frozen=True)
class Decision:
    """The plan that the platform would follow, and why; ``whole`` says where a copy is cut."""

    plan: ladder.Plan
    whole: chunks.Chunk | None
    reasons: tuple[str, ...]


def probed(path: Path) -> Recording:
    """Look at a recording as `video.transcode` does."""
    plan = ladder.plan(Prober(media.binaries()).probe(path))
    assert plan.source.video is not None
    found = Packets()
    listing = command.packets(media.binaries().ffprobe, path, plan.source.video.index)
    for line in check(listing).splitlines():
        found.add(line)
    return Recording(path, plan, found, outside_media(path))


def decided(recording: Recording) -> Decision:
    """Whether the top rung is copied, and which rungs are then made."""
    plan = recording.plan
    verdict = copying.judge(plan, PROFILE, recording.packets, recording.path, recording.outside)
    if not verdict.copies:
        return Decision(plan, None, (verdict.reason,))
    whole = chunks.Chunk(
        number=0, first=0, end=verdict.frames, is_last=True, seek=None,
        ranges=((0, plan.source.size),),
        cuts=chunks.segment_starts(plan.grid, verdict.keys),
    )  # fmt: skip
    kept = complexity.of_copy(plan, verdict.kbps)
    reasons = tuple(filter(None, (verdict.reason, kept.reason)))
    return Decision(replace(kept.plan, copied=plan.rungs[0].name), whole, reasons)


def direct(
    recording: Recording, folder: Path, *, decision: Decision | None = None
) -> list[Command]:
    """The one process of a short recording: everything encoded, or as it was decided."""
    plan, whole = (recording.plan, None) if decision is None else (decision.plan, decision.whole)
    argv = command.encode(media.binaries().ffmpeg, plan, recording.path, chunk=whole)
    return [Command(tuple(argv), folder, playlist=folder / f"{plan.rungs[-1].name}.m3u8")]


def cut(recording: Recording) -> tuple[chunks.Chunk, ...]:
    """The chunks of a lecture of which every rung is encoded."""
    source = recording.plan.source
    return chunks.divide(
        recording.plan.grid, recording.frames, recording.packets,
        start=source.start, size=source.size, outside=recording.outside,
    )  # fmt: skip


def undivided_pieces(recording: Recording, parts: Sequence[chunks.Chunk]) -> list[lecture.Piece]:
    """One piece for each chunk, with all rungs: what dividing alone costs."""
    names = tuple(rung.name for rung in recording.plan.rungs)
    return [lecture.Piece(f"chunk-{part.number:04d}", part.number, names) for part in parts]


def real_pieces(recording: Recording, parts: Sequence[chunks.Chunk]) -> list[lecture.Piece]:
    """The pieces that the platform sends out: the first minutes have their first rung apart."""
    made = lecture.pieces(recording.plan, tuple(parts))
    return [piece for piece in made if piece.chunk is not None]


def divided(
    recording: Recording,
    parts: Sequence[chunks.Chunk],
    pieces: Sequence[lecture.Piece],
    folder: Path,
) -> list[Command]:
    """A process for each piece, and the two that take the sound out and encode it."""
    ffmpeg, plan = media.binaries().ffmpeg, recording.plan
    made: list[Command] = []
    if plan.audio_index is not None:
        taken = folder / lecture.SOUND
        demux = command.demux(ffmpeg, plan, recording.path, pictures=None, sound=taken)
        sound = command.encode_sound(ffmpeg, plan, taken)
        made = [
            Command(tuple(demux), folder),
            Command(tuple(sound), folder / SOUND, needs=(0,)),
        ]
    for piece in pieces:
        assert piece.chunk is not None
        argv = command.encode_chunk(
            ffmpeg, plan, parts[piece.chunk], recording.path, rungs=piece.rungs
        )
        made.append(Command(tuple(argv), folder / piece.name))
    return made
