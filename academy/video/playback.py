"""Links that play a video without an account, for a limited time.

A player token stands for one video, one policy version, an expiry, and the audience that the
academy named: a viewer and a watermark. A media token stands for one video, the one output it
points to, a policy version, a viewing and an expiry. Both are an HMAC-SHA-256 under a key derived
from SECRET_KEY, without which the platform does not boot: there is no unsigned mode to fall back
to. A token opens nothing but the files of that output, and nothing once the video points elsewhere,
is deleted, has another policy, or the viewing has ended.

Segments are read from the object store or a CDN, which know nothing of policies: what ends their
links is the clock. Players that renew them get links of a few minutes (see `window`); others get
links that last for the lecture.
"""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from academy.core import clock
from academy.core.errors import AppError
from academy.core.storage import Bucket, ObjectStore, store
from academy.video import captions, cdn, early, encryption, served
from academy.video.manifest import POSTER
from academy.video.models import Video, Viewing
from academy.video.playlist import MASTER

PLAYER_LIFETIME: Final = timedelta(days=7)
SESSION_LIFETIME: Final = timedelta(hours=12)
"""Of a playing page; it starts a new viewing when it is open for longer."""
LONGEST_MEDIA_LIFETIME: Final = timedelta(hours=12)
VIEWER_CHARS: Final = 64
WATERMARK_CHARS: Final = 60

# Expiries end on full quarters of an hour, so that a page that is loaded again finds its cache.
_QUANTUM_SECONDS = 900
_MAC_BYTES = 20
_NOBODY = UUID(int=0)
_MEDIA_PURPOSE, _AROUND = "media", "around"
_AROUND_SUFFIXES = (".jpg", ".vtt")
_MEDIA = struct.Struct(f">16sII16sI{_MAC_BYTES}s")
_PLAYER = struct.Struct(">IIBB")

# Every name that the encoder gives, and nothing else: no separator, no parent folder.
_FILE_NAME = re.compile(
    r"[a-z0-9-]{1,16}(_[A-Za-z0-9-]{1,16})?\.(m3u8|m4s|mp4|jpg|vtt|key)\Z", re.ASCII
)


@dataclass(frozen=True)
class Audience:
    """For whom a player link is: texts of the academy's own, which mean nothing here.

    An empty viewer is anybody, whose watching is not recorded.
    """

    viewer: str = ""
    watermark: str = ""


ANYBODY: Final = Audience()


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
    """When links to it, and those in it, stop working, in seconds since 1970."""
    policy: int = 1
    renewed: bool = False
    """Whether its reader comes back for new links before these have expired."""
    video: Video = field(kw_only=True, compare=False)
    is_early: bool = False
    """Whether it belongs to a lecture that was not finished when the link was made."""

    @property
    def is_text(self) -> bool:
        """Whether the file is served; the rest is redirected to."""
        return served.is_text(self.name)

    @property
    def is_lasting(self) -> bool:
        """Whether the text served is the same for as long as its links work."""
        return served.is_lasting(self.name)

    @property
    def is_key(self) -> bool:
        """Whether it is a key of an encrypted video, which the API alone gives out."""
        return encryption.is_key_name(self.name)

    def address(self, name: str | None = None) -> str:
        """A link to this file, or another of the same output, that works as long as this one."""
        key = self._key(name or self.name)
        if (network := cdn.configured()) and self.store.alias is Bucket.VIDEO:
            return network.address(key, expires=self.expires, policy=self.policy)
        return self.store.presign_get(key, max(1, self.seconds_left))

    @property
    def seconds_left(self) -> int:
        """How long those links work from now."""
        return self.expires - int(clock.now().timestamp())

    def _key(self, name: str) -> str:
        """Playlists of a divided lecture name segments from the bucket's root: `/t/…`."""
        return name.removeprefix("/") if name.startswith("/") else self.prefix + name

    def read_text(self) -> str:
        """The text, as it is to be served.

        The master names media playlists, which come through here again. A media playlist names
        segments, whose addresses are signed now and lead straight to the object store: a viewer
        costs this process one request for each rendition, not one for each segment. Raises
        AppError(``not_found``), StorageError.
        """
        return served.text(
            self.video,
            self.name,
            read=lambda name: self.store.read(self.prefix + name).decode(),
            address=self.address,
        )

    def read_key(self) -> bytes:
        """The key. Raises AppError: ``not_found``, ``video_key_unavailable``."""
        return served.key(self.video, self.name, is_early=self.is_early)


def media_link(
    video: Video,
    name: str | None = None,
    *,
    viewing: Viewing | None = None,
    window: int = 0,
    lifetime: timedelta | None = None,
) -> Link:
    """The address of one file of a video, or of what plays it: its master playlist.

    Of a video that is not ready that is the playlist of its beginning (see early.py).
    A link to a poster or a text opens nothing that plays: pages show those before a viewing begins.
    `window`: segments are linked to for so many seconds, and the player fetches their playlist
    again before these are over; 0: for as long as the link itself, for players that never do.
    """
    expires = _expiry(lifetime or lasting(video))
    fields = _media_fields(
        video.pk, expires, video.policy_version, _NOBODY if viewing is None else viewing.pk, window
    )
    is_early = not video.output_prefix
    name = name or (early.MASTER if is_early else MASTER)
    purpose = _AROUND if name.endswith(_AROUND_SUFFIXES) else _MEDIA_PURPOSE
    mac = _mac(purpose, *fields, _bound_to(video, is_early=is_early))
    token = _encode(b"".join((*fields, mac)))
    return _link(reverse("player:media", args=[token, name]), expires)


def _bound_to(video: Video, *, is_early: bool) -> bytes:
    """What a media token is good for: one output, or what one job is making."""
    return f"early {video.job_id}".encode() if is_early else video.output_prefix.encode()


def lasting(video: Video) -> timedelta:
    """How long a link must live to play a video to its end, with pauses, without being renewed."""
    return min(timedelta(seconds=2 * (video.duration or 0), hours=1), LONGEST_MEDIA_LIFETIME)


def poster_link(video: Video) -> Link:
    """The address of the poster of a video that is ready."""
    return media_link(video, POSTER)


def player_link(
    video: Video, audience: Audience = ANYBODY, *, lifetime: timedelta = PLAYER_LIFETIME
) -> Link:
    """The page that plays the video, or says how far it is."""
    expires = _expiry(lifetime)
    viewer, watermark = audience.viewer.encode(), audience.watermark.encode()
    signed = _PLAYER.pack(expires, video.policy_version, len(viewer), len(watermark))
    signed += viewer + watermark
    token = _encode(signed + _mac("player", video.pk.bytes, signed))
    return _link(f"{reverse('player:page', args=[video.pk])}?token={token}", expires)


def media_open(token: str, name: str) -> MediaFile:
    """The file that a media address stands for.

    Raises AppError: ``playback_link_invalid`` (also for a video that has gone or points
    elsewhere), ``playback_link_expired``, ``playback_revoked``, ``playback_gone``,
    ``playback_viewing_ended``, ``not_found`` for a name that no output has.
    """
    data = _decode(token)
    if len(data) != _MEDIA.size:
        raise AppError("playback_link_invalid")
    identity, expires, policy, viewing, window, mac = _MEDIA.unpack(data)
    video = Video.unscoped.select_related("job").filter(pk=UUID(bytes=identity)).first()
    if video is None:
        raise AppError("playback_link_invalid")
    fields = _media_fields(video.pk, expires, policy, UUID(bytes=viewing), window)
    is_early = not video.output_prefix or any(
        _is_signed(mac, purpose, fields, video, early=True) for purpose in (_MEDIA_PURPOSE, _AROUND)
    )
    purpose = _MEDIA_PURPOSE
    if name.endswith(_AROUND_SUFFIXES) and _is_signed(mac, _AROUND, fields, video, early=is_early):
        purpose = _AROUND
    _check(mac, _mac(purpose, *fields, _bound_to(video, is_early=is_early)), expires)
    _may_play(video, policy)
    if UUID(bytes=viewing) != _NOBODY:
        _is_open(UUID(bytes=viewing))
    if not _FILE_NAME.match(name) or not _is_offered(name, is_early=is_early):
        raise AppError("not_found")
    return MediaFile(
        store(Bucket(video.bucket)), video.output_prefix, name,
        _window_end(window, expires), policy, renewed=window > 0, video=video, is_early=is_early,
    )  # fmt: skip


def _is_signed(
    mac: bytes, purpose: str, fields: tuple[bytes, ...], video: Video, *, early: bool
) -> bool:
    return constant_time_compare(mac, _mac(purpose, *fields, _bound_to(video, is_early=early)))


def _is_offered(name: str, *, is_early: bool) -> bool:
    """An unfinished lecture has its own playlists, keys and captions, and nothing else by name."""
    if encryption.is_key_name(name) or captions.language_of(name) is not None:
        return True
    return (name in early.NAMES) is is_early


def player_open(video_id: UUID, token: str) -> tuple[Video, Audience]:
    """The video that a player link is for, and who may watch it there.

    Raises AppError: ``playback_link_invalid`` (also for a video that does not exist),
    ``playback_link_expired``, ``playback_revoked``, ``playback_gone``.
    """
    data = _decode(token)
    signed, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
    if len(signed) < _PLAYER.size:
        raise AppError("playback_link_invalid")
    expires, policy, viewer_size, watermark_size = _PLAYER.unpack_from(signed)
    texts = signed[_PLAYER.size :]
    if len(texts) != viewer_size + watermark_size:
        raise AppError("playback_link_invalid")
    _check(mac, _mac("player", video_id.bytes, signed), expires)
    video = Video.unscoped.select_related("job").filter(pk=video_id).first()
    if video is None:
        raise AppError("playback_link_invalid")
    _may_play(video, policy)
    return video, Audience(texts[:viewer_size].decode(), texts[viewer_size:].decode())


def viewing_grace() -> timedelta:
    """How long a viewing lasts without a word from its player.

    Browsers let hidden pages speak once a minute, so that the default of 15 s has to allow more
    than a few that are missing.
    """
    return timedelta(seconds=6 * settings.PLAYBACK_HEARTBEAT_SECONDS)


def _may_play(video: Video, policy: int) -> None:
    if video.deleted_at is not None:
        raise AppError("playback_gone")
    if video.policy_version != policy:
        raise AppError("playback_revoked")


def _is_open(viewing_id: UUID) -> None:
    """Refuse where the viewing has ended, or its player has fallen silent."""
    viewing = Viewing.unscoped.filter(pk=viewing_id).only("seen_at", "ended_at").first()
    if viewing is None:
        raise AppError("playback_link_invalid")
    if viewing.ended_at is not None:
        raise AppError("playback_viewing_ended", because=viewing.ended_because)
    if clock.now() - viewing.seen_at > viewing_grace():
        raise AppError("playback_viewing_ended", because="missed")


def _window_end(window: int, expires: int) -> int:
    """When the links that are made now end.

    On steps of half a window: all who read the same playlist within a step share its text, and
    each link lives for half a window at least.
    """
    if not window:
        return expires
    step = max(1, window // 2)
    return min(expires, (int(clock.now().timestamp()) // step + 2) * step)


def _media_fields(
    video: UUID, expires: int, policy: int, viewing: UUID, window: int
) -> tuple[bytes, ...]:
    return (
        video.bytes, struct.pack(">II", expires, policy), viewing.bytes, struct.pack(">I", window),
    )  # fmt: skip


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
    # A short life is not made much longer.
    step = min(_QUANTUM_SECONDS, max(1, int(lifetime.total_seconds()) // 4))
    return -(-seconds // step) * step


def _link(path: str, expires: int) -> Link:
    return Link(settings.PUBLIC_BASE_URL + path, datetime.fromtimestamp(expires, UTC))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(token: str) -> bytes:
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise AppError("playback_link_invalid") from None
    if _encode(data) != token:
        # Base64 has spare bits: only the one spelling that was given out is a token.
        raise AppError("playback_link_invalid")
    return data
