"""AES-128 for the profile `encrypted` (RFC 8216, section 4.3.2.4): keys, where they lie, segments.

A lecture has a content key for every few segments, and each of its renditions a key derived from
that, so that no two segments of a lecture share key and initialisation vector. Content keys lie in
the database, sealed under a secret that the database does not hold; players get them from the API
alone, never from the object store.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from django.conf import settings

from academy.core.errors import AppError
from academy.core.sealing import SealBrokenError, Sealer, hkdf
from academy.video.models import ContentKey

SEGMENTS_PER_KEY: Final = 15
"""About a minute: whoever learns one key sees that much of one rendition."""
KEY_BYTES: Final = 16
_BLOCK_BITS = 128
_KEY_SUFFIX = ".key"


def key_name(rendition: str, period: int) -> str:
    """The file by which a playlist asks for the key of a rendition in one period."""
    return f"{rendition}_{period:05d}{_KEY_SUFFIX}"


def key_of_segment(rendition: str, segments_per_key: int) -> Callable[[int], str]:
    """For playlists: the key file of the segment with a number."""
    return lambda number: key_name(rendition, number // segments_per_key)


def is_key_name(name: str) -> bool:
    """Whether a name is that of a key."""
    return name.endswith(_KEY_SUFFIX)


class SegmentCipher:
    """Encrypts and decrypts the segments of one lecture, whose keys are made as they are needed.

    Any number of workers may make the pieces of a lecture at once: they find the same keys.
    """

    def __init__(self, *, tenant: UUID, digest: str, segments_per_key: int) -> None:
        self._tenant = tenant
        self._digest = digest
        self._segments_per_key = segments_per_key
        self._content_keys: dict[int, bytes] = {}

    def encryptor(self, name: str) -> Callable[[bytes], bytes]:
        """What encrypts the segment of that name: AES-CBC with PKCS#7, its number as the IV.

        This asks the database; the function that it returns does not, and may run in any thread.
        """
        cipher = self._cipher(name)

        def encrypted(data: bytes) -> bytes:
            padder, encryptor = PKCS7(_BLOCK_BITS).padder(), cipher.encryptor()
            padded = padder.update(data) + padder.finalize()
            return encryptor.update(padded) + encryptor.finalize()

        return encrypted

    def decrypted(self, name: str, data: bytes) -> bytes:
        """The segment as it was. ValueError when the key or the data is another's."""
        return self.decryptor(name)(data)

    def decryptor(self, name: str) -> Callable[[bytes], bytes]:
        """What decrypts the segment of that name; like `encryptor` it alone asks the database."""
        cipher = self._cipher(name)

        def decrypted(data: bytes) -> bytes:
            decryptor, unpadder = cipher.decryptor(), PKCS7(_BLOCK_BITS).unpadder()
            padded = decryptor.update(data) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()

        return decrypted

    def _cipher(self, name: str) -> Cipher[modes.CBC]:
        rendition, number = _segment(name)
        period = number // self._segments_per_key
        if period not in self._content_keys:
            self._content_keys[period] = _content_key(self._tenant, self._digest, period)
        key = _rendition_key(self._content_keys[period], rendition)
        return Cipher(algorithms.AES(key), modes.CBC(number.to_bytes(KEY_BYTES, "big")))


def _content_key(tenant: UUID, digest: str, period: int) -> bytes:
    """The key of a period, made now where it has none."""
    about = _about(tenant, digest, period)
    rows = ContentKey.objects.for_tenant(tenant).filter(digest=digest, number=period)
    row = rows.first()
    if row is None:
        sealed = seal(os.urandom(KEY_BYTES), about)
        made = ContentKey(tenant_id=tenant, digest=digest, number=period, sealed=sealed)
        # Another worker may be making it at this moment: whoever is first has made it.
        ContentKey.unscoped.bulk_create([made], ignore_conflicts=True)
        row = rows.get()
    return unseal(row.sealed, about)


def key_read(*, tenant: UUID, digest: str, name: str) -> bytes:
    """The 16 bytes that a player asks for by the name of a key.

    Raises AppError: ``not_found``, ``video_key_unavailable``.
    """
    rendition, number = _segment(name)
    rows = ContentKey.objects.for_tenant(tenant).filter(digest=digest, number=number)
    row = rows.first()
    if not digest or row is None:
        raise AppError("not_found")
    content_key = unseal(row.sealed, _about(tenant, digest, number))
    return _rendition_key(content_key, rendition)


def keys_reseal(batch: int = 500) -> int:
    """Seal every key anew that lies under an older secret; returns how many."""
    resealed = 0
    for row in ContentKey.unscoped.order_by("pk").iterator(chunk_size=batch):
        if _sealer.is_current(row.sealed):
            continue
        about = _about(row.tenant_id, row.digest, row.number)
        sealed = seal(unseal(row.sealed, about), about)
        resealed += ContentKey.unscoped.filter(pk=row.pk).update(sealed=sealed)
    return resealed


def seal(key: bytes, about: bytes) -> bytes:
    """The key under the current secret, bound to what it is about."""
    return _sealer.seal(key, about)


def unseal(sealed: bytes | memoryview, about: bytes) -> bytes:
    """The key again, under whichever secret it was sealed.

    Raises AppError(``video_key_unavailable``) when that secret is gone, or the row was tampered
    with.
    """
    try:
        return _sealer.unseal(sealed, about)
    except SealBrokenError:
        raise AppError("video_key_unavailable") from None


_sealer = Sealer("academy.video.content-key", lambda: settings.VIDEO_KEY_SECRETS)


def _rendition_key(content_key: bytes, rendition: str) -> bytes:
    return hkdf(content_key, b"academy.video.rendition:" + rendition.encode(), KEY_BYTES)


def _about(tenant: UUID, digest: str, number: int) -> bytes:
    """A key that is moved to another tenant, lecture or period does not open."""
    return f"{tenant}:{digest}:{number}".encode()


def _segment(name: str) -> tuple[str, int]:
    """Rendition and number of ``NAME_00000.m4s``, or of a key's name."""
    rendition, _, rest = name.rpartition("_")
    number = rest.partition(".")[0]
    if not rendition or not number.isascii() or not number.isdigit():
        raise AppError("not_found")
    return rendition, int(number)
