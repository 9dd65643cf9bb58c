"""What ffprobe's answer means, and the commands made of it."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.jobs.errors import PermanentError
from academy.media import probe, whitelist
from academy.media.binaries import ToneMapper
from academy.media.source import Source
from academy.video import command, ladder

PICTURE: dict[str, Any] = {
    "index": 0, "codec_type": "video", "codec_name": "h264", "profile": "High",
    "width": 1920, "height": 1080, "pix_fmt": "yuv420p", "sample_aspect_ratio": "1:1",
    "field_order": "progressive", "r_frame_rate": "30/1", "avg_frame_rate": "30/1",
    "duration": "60.0", "color_range": "tv", "disposition": {"default": 1},
}  # fmt: skip
SOUND: dict[str, Any] = {
    "index": 1, "codec_type": "audio", "codec_name": "aac", "channels": 1,
    "sample_rate": "44100", "disposition": {"default": 1}, "tags": {"language": "kor"},
}  # fmt: skip
FORMAT = {"format_name": "mov,mp4,m4a,3gp,3g2,mj2", "duration": "60.02"}


def parsed(*streams: dict[str, Any], **container: Any) -> Source:
    return probe.parse({"format": FORMAT | container, "streams": list(streams)}, size=1000)


def refused(source: Source) -> str:
    with pytest.raises(PermanentError) as error:
        probe.check(source)
    return error.value.code


def test_a_plain_recording_is_read() -> None:
    source = parsed(PICTURE, SOUND)
    probe.check(source)
    assert source.video is not None
    assert (source.duration, source.video.display_size, source.video.average_rate) == (
        60.02, (1920, 1080), Fraction(30),
    )  # fmt: skip
    assert source.main_audio is not None
    assert (source.main_audio.language, source.main_audio.channels) == ("kor", 1)


@pytest.mark.parametrize(
    ("matrix", "turn", "size"),
    [(-90, 90, (1080, 1920)), (90, 270, (1080, 1920)), (180, 180, (1920, 1080)),
     (-180, 180, (1920, 1080)), (0, 0, (1920, 1080))],
)  # fmt: skip
def test_the_display_matrix_turns_the_picture(
    matrix: int, turn: int, size: tuple[int, int]
) -> None:
    source = parsed(PICTURE | {"side_data_list": [{"rotation": matrix}]})
    assert source.video is not None
    assert (source.video.rotation, source.video.display_size) == (turn, size)


def test_cover_art_is_no_picture_track() -> None:
    cover = PICTURE | {"codec_name": "mjpeg", "disposition": {"attached_pic": 1}}
    source = parsed(SOUND, cover | {"index": 2})
    assert source.video is None
    probe.check(source)


def test_matroska_states_durations_as_tags() -> None:
    track = {name: value for name, value in PICTURE.items() if name != "duration"}
    source = parsed(track | {"tags": {"DURATION": "00:01:02.500000000"}})
    assert source.video is not None
    assert source.video.duration == 62.5


@pytest.mark.parametrize("aspect", ["0:1", "N/A", "1:100", None])
def test_nonsense_pixel_shapes_count_as_square(aspect: str | None) -> None:
    source = parsed(PICTURE | {"sample_aspect_ratio": aspect})
    assert source.video is not None
    assert source.video.pixel_aspect == 1


def test_each_reason_to_refuse_has_its_code() -> None:
    assert refused(parsed()) == "video_no_streams"
    assert refused(parsed(PICTURE | {"width": 16384, "height": 8192})) == "video_too_many_pixels"
    assert refused(parsed(PICTURE, duration=str(9 * 3600))) == "video_too_long"
    assert refused(parsed(PICTURE | {"width": 0})) == "video_damaged"
    assert refused(parsed(PICTURE, duration="N/A")) == "video_damaged"
    assert refused(parsed(PICTURE | {"codec_name": "unknown"})) == "video_unsupported_format"


_STATED = sorted(set(PICTURE) - {"index", "codec_type", "width", "height", "disposition"})


@given(
    st.dictionaries(st.sampled_from(_STATED), st.text(max_size=12)),
    st.sampled_from(["N/A", "nan", "inf", "-1", "x", "1e400"]),
)
def test_no_text_in_a_field_is_taken_for_a_figure(fields: dict[str, str], duration: str) -> None:
    source = parsed(PICTURE | fields, duration=duration)
    assert source.duration == 0.0
    if source.video is not None:
        assert source.video.average_rate >= 0
        assert ladder.frame_rate(source.video) > 0


# ---------------------------------------------------------------- the command


def encode(source: Source, **options: Any) -> list[str]:
    return command.encode("/bin/ffmpeg", ladder.plan(source), Path("/in/a.mp4"), **options)


def graph(argv: list[str]) -> str:
    return argv[argv.index("-filter_complex") + 1]


def test_the_same_source_always_gives_the_same_command() -> None:
    assert encode(parsed(PICTURE, SOUND)) == encode(parsed(PICTURE, SOUND))


def test_every_input_is_fenced_in_before_it_is_opened() -> None:
    for argv in (
        encode(parsed(PICTURE, SOUND)),
        command.poster("/bin/ffmpeg", Path("/in/a.mp4"), "p.jpg", width=1280),
        command.sound_card("/bin/ffmpeg", Path("/in/a.mp4"), 0, "p.jpg"),
        command.check_segment("/bin/ffmpeg", Path("/in/a.mp4")),
    ):
        before = argv[: argv.index("/in/a.mp4")]
        for option, value in zip(*[iter(whitelist.media_options())] * 2, strict=True):
            assert before[before.index(option) + 1] == value


def test_the_picture_is_decoded_once_and_scaled_in_a_cascade() -> None:
    argv = encode(parsed(PICTURE, SOUND))
    assert argv.count("-i") == 1
    assert graph(argv).count("split=2") == 3
    assert graph(argv).count("fps=fps=30") == 1
    assert [p.split(":")[0] for p in graph(argv).split("scale=")[1:]] == [
        "1920", "1280", "854", "640",
    ]  # fmt: skip
    # x264's output differs with the number of threads: one for every rung.
    assert [argv[argv.index(f"-threads:v:{n}") + 1] for n in range(4)] == ["1"] * 4


def test_key_frames_and_segments_lie_on_the_grid_at_ntsc_rates() -> None:
    ntsc = {"r_frame_rate": "30000/1001", "avg_frame_rate": "30000/1001"}
    argv = encode(parsed(PICTURE | ntsc, SOUND))
    assert argv[argv.index("-hls_time") + 1] == "4004000us"
    assert argv[argv.index("-force_key_frames:v:0") + 1] == "expr:eq(mod(n,60),0)"
    # The sound starts at the same moment as the picture: 30 frames of 1001/30000 s.
    assert "asetpts=PTS+48048" in graph(argv)


def test_an_interlaced_picture_is_deinterlaced_and_a_progressive_one_is_not() -> None:
    source = parsed(PICTURE)
    assert "bwdif" in graph(encode(replace(source, interlaced=True)))
    assert "bwdif" not in graph(encode(source))


def test_hdr_is_tone_mapped_with_what_the_build_has() -> None:
    hdr = parsed(PICTURE | {"color_transfer": "smpte2084", "color_space": "bt2020nc"})
    assert "tonemap" in graph(encode(hdr, tone_mapper=ToneMapper.ZSCALE))
    assert "out_transfer=bt709" in graph(encode(hdr, tone_mapper=ToneMapper.SCALE))
    with pytest.raises(ValueError, match="tone mapper"):
        encode(hdr)


def test_full_range_and_standard_definition_colours_are_kept_true() -> None:
    full = graph(encode(parsed(PICTURE | {"color_range": "pc"})))
    assert "scale=in_range=pc:out_range=tv" in full
    small = graph(encode(parsed(PICTURE | {"width": 640, "height": 480})))
    assert "colorspace=smpte170m" in small
    assert "colorspace=bt709" in full


def test_a_source_without_sound_has_no_sound_output() -> None:
    assert command.AUDIO_NAME not in json.dumps(encode(parsed(PICTURE)))
