"""What the API itself serves of a video: texts that name media, written or signed when asked for.

Media never pass through the API. These do: playlists, whose addresses are signed; the master, to
which captions are added; captions, which are placed on the stream's timeline; chapters; the
storyboard; and the playlists of a lecture that is not finished.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Final

from academy.core.errors import AppError
from academy.video import captions, early, encryption, outline, playlist, storyboard, webvtt
from academy.video.ladder import FrameGrid
from academy.video.manifest import base_of
from academy.video.models import Video

_SUFFIXES: Final = (".m3u8", ".vtt")


def is_text(name: str) -> bool:
    """Whether a file is served; the rest is redirected to."""
    return name.endswith(_SUFFIXES)


def is_lasting(name: str) -> bool:
    """Whether its text stays the same for as long as a link to it works."""
    changing = name == playlist.MASTER or name in early.NAMES
    if changing or name == outline.CHAPTERS_FILE:
        return False
    return is_text(name) and captions.language_of(name) is None


def text(
    video: Video, name: str, *, read: Callable[[str], str], address: Callable[[str], str]
) -> str:
    """The text of a file. ``read`` gives what is stored, ``address`` signs what a name stands for.

    Raises AppError(``not_found``), StorageError.
    """
    if name in early.NAMES:
        return _early(video, name, address)
    language = captions.language_of(name)
    if language is not None:
        seconds, base = _timeline(video)
        if name.endswith(".m3u8"):
            return playlist.captions(captions.file_name(language), seconds)
        return webvtt.placed(captions.caption_text(video=video, language=language), base)
    if name == outline.CHAPTERS_FILE:
        return outline.chapters_text(video)
    stored = read(name)
    if name == playlist.MASTER:
        return playlist.with_captions(stored, captions.renditions(video))
    if name == storyboard.STORYBOARD:
        return storyboard.with_addresses(stored, address)
    return playlist.with_addresses(stored, address)


def key(video: Video, name: str, *, is_early: bool) -> bytes:
    """The key of an encrypted rendition. Raises AppError."""
    digest = video.digest
    if is_early:
        found = early.outline(video)
        digest = "" if found is None else found.digest
    return encryption.key_read(tenant=video.tenant_id, digest=digest, name=name)


def _early(video: Video, name: str, address: Callable[[str], str]) -> str:
    found = early.of(video)
    if found is None or (name == early.SOUND and found.sound is None):
        raise AppError("not_found")
    made = found.text(name)
    if name == early.MASTER:
        return playlist.with_captions(made, captions.renditions(video))
    return playlist.with_addresses(made, address)


def _timeline(video: Video) -> tuple[float, Fraction]:
    """How long the video is, and where its segments' clock begins; seconds."""
    if video.manifest is not None:
        return video.duration or 0.0, base_of(video.manifest)
    found = early.outline(video)
    if found is None:
        raise AppError("not_found")
    return found.seconds, FrameGrid(found.rate).base_seconds
