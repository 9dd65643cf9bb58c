"""Read captions as people have them, SRT or WebVTT in whatever encoding, and write WebVTT.

The readers on PyPI skip what they do not understand or take it for text, and none of them says in
which line it stands; a teacher who is told "line 812" can mend the file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

MAX_CUES: Final = 20_000
_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMES = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t]+(.*))?[ \t]*\Z")
# Something that was meant to be the times of a cue.
_LIKE_TIMES = re.compile(r"-+>|\d+:\d{2}[:.,]\d")
_SETTING = re.compile(r"(vertical|line|position|size|align):\S+\Z")
_SRT_TAG = re.compile(r"</?(?:b|i|u)>", re.IGNORECASE)
_SRT_NOISE = re.compile(r"</?font[^>]*>|\{\\[^}]*\}", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")
_CLOCK_HERTZ = 90_000


class CaptionsError(ValueError):
    """The text is no captions: why, as a code of the catalogue, and in which line from 1."""

    def __init__(self, code: str, line: int) -> None:
        super().__init__(f"{code} in line {line}")
        self.code = code
        self.line = line


@dataclass(frozen=True)
class Cue:
    """One caption, shown from ``start`` to ``end`` milliseconds."""

    start: int
    end: int
    lines: tuple[str, ...]
    settings: str = ""


@dataclass(frozen=True)
class _Block:
    """Lines without an empty one between them, and the number of the first."""

    number: int
    lines: list[str]


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, or the CP949 of Korean editors.

    Raises CaptionsError.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise CaptionsError("captions_not_text", 1)


def parse(text: str) -> list[Cue]:
    """The captions in a text, in order of time. Raises CaptionsError for the first flaw."""
    lines = _LINE_END.split(text)
    first = lines[0]
    if first == "WEBVTT" or first.startswith(("WEBVTT ", "WEBVTT\t")):
        cues = list(_webvtt(lines))
    else:
        cues = list(_srt(lines))
    if not cues:
        raise CaptionsError("captions_empty", len(lines))
    if len(cues) > MAX_CUES:
        raise CaptionsError("captions_too_long", len(lines))
    return sorted(cues, key=lambda cue: (cue.start, cue.end))


def dumps(cues: Sequence[Cue]) -> str:
    """The captions as WebVTT."""
    parts = ["WEBVTT\n"]
    for cue in cues:
        settings = f" {cue.settings}" if cue.settings else ""
        times = f"{_timestamp(cue.start)} --> {_timestamp(cue.end)}{settings}"
        parts.append("\n".join(("", times, *cue.lines, "")))
    return "".join(parts)


def placed(text: str, base: Fraction) -> str:
    """Stored captions on the timeline of a stream that starts at ``base`` seconds (RFC 8216)."""
    head, _, rest = text.partition("\n")
    ticks = round(base * _CLOCK_HERTZ)
    return f"{head}\nX-TIMESTAMP-MAP=MPEGTS:{ticks},LOCAL:00:00:00.000\n{rest}"


def _webvtt(lines: Sequence[str]) -> Iterator[Cue]:
    for position, block in enumerate(_blocks(lines)):
        first = block.lines[0]
        if position == 0 or first == "NOTE" or first.startswith(("NOTE ", "NOTE\t")):
            # The header, or a comment.
            continue
        if first.rstrip() in {"STYLE", "REGION"}:
            # Looks are the player's affair.
            continue
        at = 0 if "-->" in first else 1
        cue = _cue(block, at)
        text = block.lines[at + 1 :]
        for offset, line in enumerate(text, block.number + at + 1):
            if "-->" in line:
                raise _no_gap(offset)
        if text:
            yield Cue(cue.start, cue.end, tuple(text), cue.settings)


def _srt(lines: Sequence[str]) -> Iterator[Cue]:
    open_cue: Cue | None = None
    for block in _blocks(lines, strip=True):
        at = 1 if block.lines[0].strip().isdecimal() and len(block.lines) > 1 else 0
        if not _LIKE_TIMES.search(block.lines[at]):
            # Some editors leave an empty line within a caption.
            if open_cue is None:
                raise _no_times(block.number + at)
            open_cue = Cue(
                open_cue.start, open_cue.end, (*open_cue.lines, *_plain(block.lines)),
            )  # fmt: skip
            continue
        cue = _cue(block, at)
        text = block.lines[at + 1 :]
        for offset, line in enumerate(text, block.number + at + 1):
            if "-->" in line:
                raise _no_gap(offset)
        if open_cue is not None and open_cue.lines:
            yield open_cue
        open_cue = Cue(cue.start, cue.end, tuple(_plain(text)))
    if open_cue is not None and open_cue.lines:
        yield open_cue


def _blocks(lines: Sequence[str], *, strip: bool = False) -> Iterator[_Block]:
    block: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip() if strip else line:
            block.append(line)
        elif block:
            yield _Block(number - len(block), block)
            block = []


def _cue(block: _Block, at: int) -> Cue:
    """The times of a block, which stand in its line ``at``."""
    number = block.number + at
    found = _TIMES.match(block.lines[at]) if at < len(block.lines) else None
    if found is None:
        raise _no_times(min(number, block.number + len(block.lines) - 1))
    start, end = (
        _milliseconds(number, found.groups()[:4]),
        _milliseconds(number, found.groups()[4:8]),
    )
    if end <= start:
        raise CaptionsError("captions_backwards", number)
    settings = [word for word in (found[9] or "").split() if _SETTING.match(word)]
    return Cue(start, end, (), " ".join(settings))


def _milliseconds(number: int, parts: Sequence[str | None]) -> int:
    hours, minutes, seconds = (int(part or 0) for part in parts[:3])
    if minutes > 59 or seconds > 59:
        raise _no_times(number)
    fraction = (parts[3] or "").ljust(3, "0")
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + int(fraction)


def _plain(lines: Sequence[str]) -> list[str]:
    """Lines of SRT as WebVTT: what is no tag is text, whatever signs it holds."""
    made = []
    for line in lines:
        clean = _SRT_NOISE.sub("", line)
        parts, end = [], 0
        for tag in _SRT_TAG.finditer(clean):
            parts += [escaped(clean[end : tag.start()]), tag[0].lower()]
            end = tag.end()
        made.append("".join([*parts, escaped(clean[end:])]))
    return [line for line in made if line.strip()]


def escaped(text: str) -> str:
    """Plain text as the text of a cue."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timestamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"


def _no_times(number: int) -> CaptionsError:
    return CaptionsError("captions_no_times", number)


def _no_gap(number: int) -> CaptionsError:
    return CaptionsError("captions_no_gap", number)
