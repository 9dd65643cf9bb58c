"""HLS playlists (RFC 8216): read the media playlists that ffmpeg wrote, write the master."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

MASTER = "master.m3u8"
_EXTINF = re.compile(r"#EXTINF:(\d+(?:\.\d+)?),")
_MAP = re.compile(r'#EXT-X-MAP:URI="([^"]+)"')


class PlaylistError(ValueError):
    """The text is not a complete media playlist."""


@dataclass(frozen=True)
class MediaPlaylist:
    """A finished media playlist: durations in seconds as written, names in order."""

    durations: tuple[Decimal, ...]
    names: tuple[str, ...]
    init: str
    ended: bool

    @property
    def seconds(self) -> float:
        """The sum of all segments."""
        return float(sum(self.durations))


@dataclass(frozen=True)
class PictureRendition:
    """What the master playlist says of one rung. Bandwidths in bit/s, the sound's included."""

    uri: str
    codecs: str
    width: int
    height: int
    rate: Fraction
    peak: int
    average: int


@dataclass(frozen=True)
class SoundRendition:
    """What the master playlist says of the sound."""

    uri: str
    codec: str
    language: str
    peak: int
    average: int
    channels: int = 2


def parse_media(text: str) -> MediaPlaylist:
    """Read a media playlist. Raises PlaylistError."""
    lines = [line.strip() for line in text.splitlines()]
    if not lines or lines[0] != "#EXTM3U":
        raise PlaylistError("not a playlist")
    init = next((found[1] for line in lines if (found := _MAP.match(line))), "")
    durations = tuple(Decimal(found[1]) for line in lines if (found := _EXTINF.match(line)))
    names = tuple(line for line in lines if line and not line.startswith("#"))
    if not init or len(names) != len(durations) or not names:
        raise PlaylistError("no init segment, or segments and durations do not pair up")
    return MediaPlaylist(durations, names, init, "#EXT-X-ENDLIST" in lines)


def media(
    playlist: MediaPlaylist,
    *,
    kind: str = "VOD",
    target: int | None = None,
    key: Callable[[int], str] | None = None,
) -> str:
    """The text of a media playlist.

    An EVENT one may have no end yet and grows; then ``target`` (seconds, no less than any segment
    that will come) must be given, because it may never change. Of an encrypted rendition ``key``
    gives the key's address for the number of a segment; the init segment is not encrypted.
    """
    target = math.ceil(max(playlist.durations)) if target is None else target
    lines = [
        "#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:0", f"#EXT-X-PLAYLIST-TYPE:{kind}",
        "#EXT-X-INDEPENDENT-SEGMENTS", f'#EXT-X-MAP:URI="{playlist.init}"',
    ]  # fmt: skip
    before = None
    listed = zip(playlist.durations, playlist.names, strict=True)
    for number, (duration, name) in enumerate(listed):
        if key is not None and (address := key(number)) != before:
            # Without an IV of its own the number of the segment is it.
            lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="{address}"')
            before = address
        lines += [f"#EXTINF:{duration},", name]
    if playlist.ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class CaptionRendition:
    """What the master playlist says of captions in one language."""

    uri: str
    language: str
    label: str


def with_captions(master: str, captions: Sequence[CaptionRendition]) -> str:
    """A master playlist with these captions to choose from."""
    if not captions:
        return master
    lines = []
    offered = [_captions_line(caption) for caption in captions]
    for line in master.splitlines():
        if line.startswith("#EXT-X-STREAM-INF:"):
            lines += [*offered, f'{line},SUBTITLES="captions"']
            offered = []
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _captions_line(caption: CaptionRendition) -> str:
    # A quoted string can hold neither a quote nor a line break.
    label = re.sub(r'["\r\n]', "", caption.label)
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="{label}",DEFAULT=NO,'
        f'AUTOSELECT=YES,FORCED=NO,LANGUAGE="{caption.language}",URI="{caption.uri}"'
    )


def captions(name: str, seconds: float) -> str:
    """The media playlist of captions that are one WebVTT file for the whole video."""
    return (
        f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{math.ceil(seconds)}\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:{seconds:.6f},\n{name}\n#EXT-X-ENDLIST\n"
    )


def with_addresses(text: str, address: Callable[[str], str]) -> str:
    """A media playlist whose file names are replaced by what `address` makes of them."""
    lines = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            lines.append(address(line))
        else:
            lines.append(_MAP.sub(lambda found: f'#EXT-X-MAP:URI="{address(found[1])}"', line))
    return "\n".join(lines) + "\n"


def master(pictures: Sequence[PictureRendition], sound: SoundRendition | None) -> str:
    """The master playlist. A source without pictures gives one that plays the sound alone."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if not pictures:
        if sound is None:
            raise PlaylistError("a master playlist needs a rendition")
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={sound.peak},AVERAGE-BANDWIDTH={sound.average},"
            f'CODECS="{sound.codec}"'
        )
        lines.append(sound.uri)
        return "\n".join(lines) + "\n"
    if sound is not None:
        language = f'LANGUAGE="{sound.language}",' if sound.language else ""
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Sound",{language}DEFAULT=YES,'
            f'AUTOSELECT=YES,CHANNELS="{sound.channels}",URI="{sound.uri}"'
        )
    for picture in pictures:
        codecs = picture.codecs if sound is None else f"{picture.codecs},{sound.codec}"
        group = "" if sound is None else ',AUDIO="audio"'
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={picture.peak},AVERAGE-BANDWIDTH={picture.average},"
            f'CODECS="{codecs}",RESOLUTION={picture.width}x{picture.height},'
            f"FRAME-RATE={float(picture.rate):.3f}{group}"
        )
        lines.append(picture.uri)
    return "\n".join(lines) + "\n"
