"""Reading fragmented MP4 and HLS playlists, on bytes made here."""

from __future__ import annotations

import struct
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.video import fmp4, playlist


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def trun(
    samples: int, *, durations: list[int] | None = None, first_flags: int | None = None
) -> bytes:
    flags = 0x1 | (0x100 if durations else 0) | (0x4 if first_flags is not None else 0)
    body = struct.pack(">BBHIi", 0, flags >> 16, flags & 0xFFFF, samples, 0)
    if first_flags is not None:
        body += struct.pack(">I", first_flags)
    return box(b"trun", body, *(struct.pack(">I", one) for one in durations or ()))


def fragment(
    decode_time: int, run: bytes, *, duration: int = 512, flags: int = 0x01010000
) -> bytes:
    tfhd = box(b"tfhd", struct.pack(">IIII", 0x020028, 1, duration, flags))
    tfdt = box(b"tfdt", struct.pack(">IQ", 0x01000000, decode_time))
    return box(b"moof", box(b"traf", tfhd, tfdt, run)) + box(b"mdat", b"x" * 10)


SYNC = 0x02000000


def test_samples_and_ticks_of_all_fragments_are_added_up() -> None:
    data = fragment(1000, trun(3, first_flags=SYNC)) + fragment(2536, trun(2, durations=[500, 524]))
    assert fmp4.read_fragment(data) == fmp4.Fragment(
        samples=5,
        decode_time=1000,
        duration=3 * 512 + 1024,
        starts_with_sync=True,
        shown_time=1000,
    )


def test_the_first_picture_that_is_shown_need_not_be_the_first_that_is_decoded() -> None:
    # Durations and signed composition offsets of three samples: shown at 1030, 1020 and 1120.
    table = struct.pack(">IiIiIi", 50, 30, 50, -30, 50, 20)
    run = box(b"trun", struct.pack(">IIi", 0x01000901, 3, 0), table)
    read = fmp4.read_fragment(fragment(1000, run, flags=SYNC))
    assert (read.shown_time, read.duration) == (1020, 150)


def test_a_segment_that_starts_between_key_frames_is_seen() -> None:
    assert not fmp4.read_fragment(fragment(0, trun(3))).starts_with_sync


@pytest.mark.parametrize("length", [1, 7, 30, 60, 90])
def test_a_segment_that_is_cut_off_is_refused(length: int) -> None:
    data = fragment(0, trun(3, first_flags=SYNC))
    with pytest.raises(fmp4.Fmp4Error):
        fmp4.read_fragment(data[:length])


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail_in_another_way(data: bytes) -> None:
    for read in (fmp4.read_fragment, fmp4.read_init):
        try:
            read(data)
        except fmp4.Fmp4Error:
            continue


def test_the_codec_is_read_from_the_decoder_configuration() -> None:
    avc = box(b"avcC", b"\x01\x64\x00\x28\xff")
    entry = box(b"avc1", bytes(24), struct.pack(">HH", 1920, 1080), bytes(50), avc)
    stsd = box(b"stsd", struct.pack(">II", 0, 1), entry)
    mdhd = box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 15360, 0), bytes(4))
    moov = box(b"moov", box(b"trak", box(b"mdia", mdhd, box(b"minf", box(b"stbl", stsd)))))
    assert fmp4.read_init(moov) == fmp4.Init("avc1.640028", 15360, 1920, 1080)


@pytest.mark.parametrize(
    ("av1c", "codec"),
    [
        (b"\x81\x08\x0c\x00", "av01.0.08M.08"),
        (b"\x81\x2d\xcc\x00", "av01.1.13H.10"),
        (b"\x81\x48\x60\x00", "av01.2.08M.12"),
    ],
)
def test_the_codec_of_av1_is_read_from_its_configuration(av1c: bytes, codec: str) -> None:
    entry = box(b"av01", bytes(24), struct.pack(">HH", 1920, 1080), bytes(50), box(b"av1C", av1c))
    stsd = box(b"stsd", struct.pack(">II", 0, 1), entry)
    mdhd = box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 15360, 0), bytes(4))
    moov = box(b"moov", box(b"trak", box(b"mdia", mdhd, box(b"minf", box(b"stbl", stsd)))))
    assert fmp4.read_init(moov) == fmp4.Init(codec, 15360, 1920, 1080)


MEDIA = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MAP:URI="720p_init.mp4"
#EXTINF:4.000000,
720p_00000.m4s
#EXTINF:1.500000,
720p_00001.m4s
"""


def test_a_playlist_without_its_end_says_so() -> None:
    read = playlist.parse_media(MEDIA)
    assert read.durations == (Decimal("4.000000"), Decimal("1.500000"))
    assert (read.init, read.seconds, read.ended) == ("720p_init.mp4", 5.5, False)
    assert playlist.parse_media(MEDIA + "#EXT-X-ENDLIST\n").ended


@pytest.mark.parametrize("text", ["", "hello", "#EXTM3U\n", MEDIA.replace("720p_00001.m4s\n", "")])
def test_what_is_no_complete_playlist_is_refused(text: str) -> None:
    with pytest.raises(playlist.PlaylistError):
        playlist.parse_media(text)


def picture(name: str, height: int) -> playlist.PictureRendition:
    return playlist.PictureRendition(
        f"{name}.m3u8", "avc1.64001F", height * 16 // 9, height, Fraction(30000, 1001), 900, 800
    )


def test_the_master_playlist_names_every_rendition_once() -> None:
    sound = playlist.SoundRendition("audio.m3u8", "mp4a.40.2", "ko", 130, 120)
    text = playlist.master([picture("720p", 720), picture("360p", 360)], sound)
    assert text.count("#EXT-X-STREAM-INF") == 2
    assert text.count('TYPE=AUDIO,GROUP-ID="audio",NAME="Sound",LANGUAGE="ko"') == 1
    assert (
        "#EXT-X-STREAM-INF:BANDWIDTH=900,AVERAGE-BANDWIDTH=800,"
        'CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"\n'
        "720p.m3u8\n"
    ) in text


def test_without_sound_no_group_is_named_and_without_pictures_the_sound_is_the_variant() -> None:
    assert "AUDIO" not in playlist.master([picture("720p", 720)], None)
    sound = playlist.SoundRendition("audio.m3u8", "mp4a.40.2", "", 130, 120)
    text = playlist.master([], sound)
    assert text.endswith('CODECS="mp4a.40.2"\naudio.m3u8\n')
    with pytest.raises(playlist.PlaylistError):
        playlist.master([], None)
