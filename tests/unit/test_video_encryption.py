"""Segments are AES-128 as players know it, and content keys open only where they belong."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pytest_django import Settings

from academy.core.errors import AppError
from academy.video import encryption, playlist

OLD, NEW = "old-secret-".ljust(40, "o"), "new-secret-".ljust(40, "n")


@pytest.fixture
def secrets(settings: Settings) -> Settings:
    settings.VIDEO_KEY_SECRETS = [OLD]
    return settings


def test_a_sealed_key_opens_for_its_own_place_alone(secrets: Settings) -> None:
    sealed = encryption.seal(b"k" * 16, b"tenant:digest:0")
    assert b"k" * 16 not in sealed
    assert encryption.unseal(sealed, b"tenant:digest:0") == b"k" * 16
    with pytest.raises(AppError, match="video_key_unavailable"):
        encryption.unseal(sealed, b"tenant:digest:1")
    with pytest.raises(AppError, match="video_key_unavailable"):
        encryption.unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), b"tenant:digest:0")


def test_a_key_opens_while_its_secret_is_known_and_no_longer(secrets: Settings) -> None:
    sealed = encryption.seal(b"k" * 16, b"about")
    secrets.VIDEO_KEY_SECRETS = [NEW, OLD]
    assert encryption.unseal(sealed, b"about") == b"k" * 16
    assert encryption.seal(b"k" * 16, b"about")[1:5] != sealed[1:5]
    secrets.VIDEO_KEY_SECRETS = [NEW]
    with pytest.raises(AppError, match="video_key_unavailable"):
        encryption.unseal(sealed, b"about")


def test_a_playlist_names_the_init_segment_before_any_key_and_each_key_once() -> None:
    listed = playlist.parse_media(
        '#EXTM3U\n#EXT-X-MAP:URI="360p_init.mp4"\n'
        + "".join(f"#EXTINF:4.0,\n360p_{number:05d}.m4s\n" for number in range(5))
        + "#EXT-X-ENDLIST\n"
    )
    text = playlist.media(listed, key=encryption.key_of_segment("360p", 2))
    lines = [line for line in text.splitlines() if line.startswith(("#EXT-X-MAP", "#EXT-X-KEY"))]
    assert lines == [
        '#EXT-X-MAP:URI="360p_init.mp4"',
        *(f'#EXT-X-KEY:METHOD=AES-128,URI="360p_{period:05d}.key"' for period in range(3)),
    ]
    assert playlist.parse_media(text) == listed


def test_segments_are_cbc_with_their_number_as_vector(
    secrets: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "_content_key", lambda *about: bytes([about[2]]) * 16)
    cipher = encryption.SegmentCipher(tenant=None, digest="d", segments_per_key=2)  # type: ignore[arg-type]
    data = bytes(range(256)) * 3
    sealed = {name: cipher.encryptor(name)(data) for name in (
        "720p_00002.m4s", "720p_00003.m4s", "720p_00004.m4s", "360p_00002.m4s"
    )}  # fmt: skip
    assert len(set(sealed.values())) == 4
    assert all(cipher.decrypted(name, value) == data for name, value in sealed.items())

    key = encryption._rendition_key(b"\x01" * 16, "720p")
    plain = Cipher(algorithms.AES(key), modes.CBC((3).to_bytes(16, "big"))).decryptor()
    padded = plain.update(sealed["720p_00003.m4s"]) + plain.finalize()
    assert padded == data + bytes([16]) * 16
