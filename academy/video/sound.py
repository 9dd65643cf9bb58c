"""The finished sound of a lecture as one file, for those who listen to it: speech, captions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from academy.core.storage import Bucket, ObjectStore, store
from academy.video import download, encryption, playlist
from academy.video.models import Video


def size(video: Video) -> int | None:
    """Bytes of a ready lecture's sound rendition; None where it has no sound."""
    sound = (video.manifest or {}).get("audio")
    return None if sound is None else int(sound["size"])


def fetch(video: Video, target: Path, *, on_bytes: Callable[[int], None]) -> int:
    """Write the sound of a ready lecture that has some to ``target``, an MP4; its size in bytes.

    It begins where the lecture begins, so that a moment of one is a moment of the other. What an
    encrypted lecture plays is decrypted. ``on_bytes`` is given the bytes so far, in the calling
    thread and several times a second; what it raises ends the download. Raises StorageError,
    AppError(``video_key_unavailable``).
    """
    assert video.manifest is not None
    objects = store(Bucket(video.bucket))
    name = video.manifest["audio"]["playlist"]
    listed = playlist.parse_media(objects.read(video.output_prefix + name).decode())
    keys = [
        one.removeprefix("/") if one.startswith("/") else video.output_prefix + one
        for one in (listed.init, *listed.names)
    ]
    if not video.manifest.get("encrypted"):
        return download.fetch_joined(objects, keys, target, on_bytes=on_bytes)
    opened = _Opened(objects, _decryptors(video, keys[1:]))
    return download.fetch_joined(opened, keys, target, on_bytes=on_bytes)


def _decryptors(video: Video, keys: list[str]) -> dict[str, Callable[[bytes], bytes]]:
    """What decrypts each segment; made before threads read them, for it asks the database."""
    cipher = encryption.SegmentCipher(
        tenant=video.tenant_id, digest=video.digest, segments_per_key=encryption.SEGMENTS_PER_KEY
    )
    return {key: cipher.decryptor(key.rpartition("/")[2]) for key in keys}


class _Opened:
    """A store whose encrypted segments are read as they were."""

    def __init__(
        self, objects: ObjectStore, decryptors: dict[str, Callable[[bytes], bytes]]
    ) -> None:
        self._objects = objects
        self._decryptors = decryptors

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object; of a segment only all."""
        read = partial(self._objects.read, key)
        decryptor = self._decryptors.get(key)
        return read(start, length) if decryptor is None else decryptor(read())
