"""Links that play a video without an account, for a limited time.

A media token stands for one video, the one output it points to, and an expiry; a player token for
one video and an expiry. Both are an HMAC-SHA-256 under a key derived from SECRET_KEY, without
which the platform does not boot: there is no unsigned mode to fall back to. A token opens nothing
but the files of that output, and nothing once the video points elsewhere.
"""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from academy.core import clock
from academy.core.errors import AppError
from academy.core.storage import Bucket, ObjectStore, store
from academy.video.manifest import POSTER
from academy.video.models import Video
from academy.video.playlist import MASTER, with_addresses

MEDIA_LIFETIME: Final = timedelta(hours=12)
"""A long lecture, paused over lunch."""
PLAYER_LIFETIME: Final = timedelta(days=7)

# Expiries end on full quarters of an hour, so that a page that is loaded again finds its cache.
_QUANTUM_SECONDS = 900
_MAC_BYTES = 20
_MEDIA = struct.Struct(f">16sI{_MAC_BYTES}s")
_PLAYER = struct.Struct(f">I{_MAC_BYTES}s")

# Every name that the encoder gives, and nothing else: no separator, no parent folder.
_FILE_NAME = re.compile(r"[a-z0-9]{1,16}(_[a-z0-9]{1,10})?\.(m3u8|m4s|mp4|jpg)\Z")


@dataclass(frozen=True)
class Link:
    """A signed address, absolute, and the moment it stops working."""

    url: str
    expires_at: datetime


@dataclass(frozen=True)
class MediaFile:
    """One file of a video's output."""

    store: ObjectStore
    prefix: str
    name: str
    expires: int
    """When the link to it stops working, in seconds since 1970."""

    @property
    def is_playlist(self) -> bool:
        """Whether the file names others; those are served, the rest is redirected to."""
        return self.name.endswith(".m3u8")

    def address(self, name: str | None = None) -> str:
        """A link to this file, or another of the same output, that works as long as this one."""
        seconds = self.expires - int(clock.now().timestamp())
        return self.store.presign_get(self._key(name or self.name), max(1, seconds))

    def _key(self, name: str) -> str:
        """Playlists of a divided lecture name segments from the bucket's root: `/t/…`."""
        return name.removeprefix("/") if name.startswith("/") else self.prefix + name

    def read_playlist(self) -> str:
        """The playlist, as it is to be served.

        The master names media playlists, which come through here again. A media playlist names
        segments, whose addresses are signed now and lead straight to the object store: a viewer
        costs this process one request for each rendition, not one for each segment. Raises
        StorageError.
        """
        text = self.store.read(self.prefix + self.name).decode()
        return text if self.name == MASTER else with_addresses(text, self.address)


def media_link(video: Video, name: str = MASTER) -> Link:
    """The address of one file of a video that is ready."""
    expires = _expiry(MEDIA_LIFETIME)
    mac = _mac("media", video.pk.bytes, struct.pack(">I", expires), video.output_prefix.encode())
    token = _encode(_MEDIA.pack(video.pk.bytes, expires, mac))
    return _link(reverse("player:media", args=[token, name]), expires)


def poster_link(video: Video) -> Link:
    """The address of the poster of a video that is ready."""
    return media_link(video, POSTER)


def player_link(video: Video) -> Link:
    """The page that plays the video, or says how far it is."""
    expires = _expiry(PLAYER_LIFETIME)
    mac = _mac("player", video.pk.bytes, struct.pack(">I", expires))
    path = reverse("player:page", args=[video.pk])
    return _link(f"{path}?token={_encode(_PLAYER.pack(expires, mac))}", expires)


def media_open(token: str, name: str) -> MediaFile:
    """The file that a media address stands for.

    Raises AppError: ``playback_link_invalid`` (also for a video that has gone or points
    elsewhere), ``playback_link_expired``, ``not_found`` for a name that no output has.
    """
    identity, expires, mac = _unpack(_MEDIA, token)
    video = Video.unscoped.filter(pk=UUID(bytes=identity)).first()
    if video is None or not video.output_prefix:
        raise AppError("playback_link_invalid")
    signed = _mac("media", identity, struct.pack(">I", expires), video.output_prefix.encode())
    _check(mac, signed, expires)
    if not _FILE_NAME.match(name):
        raise AppError("not_found")
    return MediaFile(store(Bucket(video.bucket)), video.output_prefix, name, expires)


def player_open(video_id: UUID, token: str) -> Video:
    """The video that a player link is for.

    Raises AppError: ``playback_link_invalid`` (also for a video that does not exist),
    ``playback_link_expired``.
    """
    expires, mac = _unpack(_PLAYER, token)
    _check(mac, _mac("player", video_id.bytes, struct.pack(">I", expires)), expires)
    video = Video.unscoped.select_related("job").filter(pk=video_id).first()
    if video is None:
        raise AppError("playback_link_invalid")
    return video


def _mac(purpose: str, *parts: bytes) -> bytes:
    """The parts before the last have fixed lengths, so that no two messages are the same bytes."""
    return salted_hmac(
        f"academy.video.playback.{purpose}", b"".join(parts), algorithm="sha256"
    ).digest()[:_MAC_BYTES]


def _check(given: bytes, signed: bytes, expires: int) -> None:
    if not constant_time_compare(given, signed):
        raise AppError("playback_link_invalid")
    if clock.now().timestamp() >= expires:
        raise AppError("playback_link_expired")


def _expiry(lifetime: timedelta) -> int:
    seconds = int((clock.now() + lifetime).timestamp())
    return -(-seconds // _QUANTUM_SECONDS) * _QUANTUM_SECONDS


def _link(path: str, expires: int) -> Link:
    return Link(settings.PUBLIC_BASE_URL + path, datetime.fromtimestamp(expires, UTC))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpack(layout: struct.Struct, token: str) -> tuple[Any, ...]:
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        fields = layout.unpack(data)
    except (ValueError, struct.error):
        raise AppError("playback_link_invalid") from None
    if _encode(data) != token:
        # Base64 has spare bits: only the one spelling that was given out is a token.
        raise AppError("playback_link_invalid")
    return fields
