"""Every kind of recording that people bring, made small: what comes of it, whole and in pieces.

Each is a lesson that flashes and beeps at the same known moments, so that one look at what was made
shows whether a picture, a second or the sound's place was lost. `docs/reference/video-inputs.md`
lists the same rows.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from academy.core.storage import Bucket, store
from academy.media.probe import Prober
from academy.tenants.models import Tenant
from academy.video import chunks, playlist
from academy.video.handlers import transcode
from academy.video.models import Video
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import media
from tests.support.jobs import drain, make_tenant
from tests.support.media import AAC, H264, LESSON_SECONDS, ffmpeg, lesson, lesson_pictures

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

DOCS = Path(__file__).resolve().parents[2] / "docs/reference/video-inputs.md"
#: An AAC frame at 48 kHz, by which an encoder may smear the onset of a beep.
_AAC_FRAME = 1024 / 48_000


@dataclass(frozen=True)
class Row:
    """One kind of source, and what must come out of it."""

    name: str
    make: Callable[[Path], Path]
    file: str = "a.mp4"
    size: tuple[int, int] = (320, 180)
    rate: str = "30"
    sound: bool = True
    divided: bool = False
    """Whether it is also encoded in pieces, and both results compared."""
    tags: tuple[str, str] = ("smpte170m", "tv")
    """The matrix and the range that the output states."""
    slack: int = 0
    """By how many frames it may be longer: containers that cannot say what their encoders put in
    front show it."""

    @property
    def documented(self) -> str:
        """Its line in the reference page."""
        made = f"{self.size[0]}x{self.size[1]}, {self.rate} frames a second"
        made += "" if self.sound else ", no sound rendition"
        return f"| {self.name} | {made} | {'whole and in pieces' if self.divided else 'whole'} |"

    @property
    def frames(self) -> int:
        return round(LESSON_SECONDS * Fraction(self.rate))


def _plain(**options: Any) -> Callable[[Path], Path]:
    return lambda path: lesson(path, **options)


def _turned(degrees: int) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        flat = lesson(path.with_suffix(".flat.mp4"))
        ffmpeg("-display_rotation", str(-degrees), "-i", str(flat), "-c", "copy", str(path))
        return path

    return make


def _turned_in_fragments(path: Path) -> Path:
    whole = _turned(90)(path.with_suffix(".whole.mp4"))
    moved = ["-movflags", "frag_keyframe+empty_moov+default_base_moof"]
    ffmpeg("-i", str(whole), "-c", "copy", *moved, str(path))
    return path


def _variable(path: Path) -> Path:
    """As a screen recorder writes: twenty pictures a second, then a few, then many."""
    thinned = "select='lt(t,2)+between(t,2,4)*not(mod(n,5))+gte(t,4)'"
    return lesson(path, then=thinned, extra=["-fps_mode", "vfr"])


def _fields(order: str, *, tagged: bool) -> Callable[[Path], Path]:
    top = ["-flags", "+ilme+ildct", "-x264-params", f"{order}=1"] if tagged else []
    return _plain(rate="50", then=f"interlace=scan={order}:lowpass=off", video=[*H264, *top])


def _hdr(transfer: str) -> Callable[[Path], Path]:
    tags = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    params = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"
    encoder = ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"]
    return _plain(
        size="160x90",
        rate="15",
        then=f"format=yuv420p10le,{params}",
        video=[*encoder, "-x265-params", f"log-level=error:keyint=60:{tags}"],
    )


def _late_sound(path: Path) -> Path:
    ffmpeg(
        *lesson_pictures(), "-itsoffset", "0.5",
        "-f", "lavfi", "-i", media.lesson_sound(begin=0.5), *H264, "-g", "50", *AAC, str(path),
    )  # fmt: skip
    return path


def _late_start(path: Path) -> Path:
    """A clock that starts at 100 s, as a camera's that was already running."""
    whole = lesson(path.with_suffix(".whole.mkv"))
    ffmpeg("-i", str(whole), "-c", "copy", "-output_ts_offset", "100", str(path))
    return path


def _edited(path: Path) -> Path:
    """A cut at the front that only an edit list knows of: two seconds are not to be shown."""
    whole = lesson(path.with_suffix(".whole.mp4"), seconds=LESSON_SECONDS + 2)
    ffmpeg("-ss", "2", "-i", str(whole), "-c", "copy", "-avoid_negative_ts", "disabled", str(path))
    return path


def _tracks(path: Path) -> Path:
    """A first track that is silent, and a second that is marked as the one to play."""
    ffmpeg(
        *lesson_pictures(), "-f", "lavfi", "-i", f"anullsrc=d={LESSON_SECONDS}",
        "-f", "lavfi", "-i", media.lesson_sound(), "-map", "0", "-map", "1", "-map", "2",
        *H264, *AAC, "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=kor",
        "-disposition:a:0", "0", "-disposition:a:1", "default", str(path),
    )  # fmt: skip
    return path


def _surround(path: Path) -> Path:
    sound = ["-f", "lavfi", "-i", media.lesson_sound(layout="5.1")]
    ffmpeg(*lesson_pictures(), *sound, *H264, "-c:a", "ac3", str(path))
    return path


def _hundred(path: Path) -> Path:
    """One picture and 99 sound tracks."""
    sound = ["-f", "lavfi", "-i", media.lesson_sound()]
    single = path.with_suffix(".single.mkv")
    ffmpeg(*lesson_pictures(), *sound, *H264, "-c:a", "ac3", "-b:a", "32k", "-ac", "1", str(single))
    ffmpeg("-i", str(single), "-map", "0:v", *["-map", "0:a"] * 99, "-c", "copy", str(path))
    return path


def _recorded_live(path: Path) -> Path:
    """What a browser's recorder makes: no duration, no index."""
    whole = lesson(path.with_suffix(".whole.mkv"), video=VP8, audio=OPUS)
    ffmpeg("-i", str(whole), "-c", "copy", "-live", "1", str(path))
    return path


FAST = ["-deadline", "realtime", "-cpu-used", "8"]
VP8 = ["-c:v", "libvpx", *FAST, "-b:v", "400k"]
VP9 = ["-c:v", "libvpx-vp9", *FAST, "-b:v", "400k"]
OPUS = ["-c:a", "libopus"]
DIVX = ["-c:v", "mpeg4", "-bf", "2", "-q:v", "5", "-vtag", "DIVX", "-c:a", "libmp3lame"]
BFRAMES = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-bf",
    "3",
    "-b-pyramid",
    "normal",
    "-g",
    "70",
]

ROWS = (
    Row("H.264 and AAC in MP4, index at the end", _plain(video=BFRAMES), divided=True),
    Row("index in front", _plain(extra=["-movflags", "+faststart"])),
    Row(
        "fragmented MP4",
        _plain(extra=["-movflags", "frag_keyframe+empty_moov"]),
        divided=True,
        slack=1,
    ),
    Row("portrait", _plain(size="180x320"), size=(180, 320)),
    Row("rotation by 90°", _turned(90), size=(180, 320), divided=True),
    Row(
        "rotation by 90° in fragmented MP4",
        _turned_in_fragments,
        size=(180, 320),
        divided=True,
        slack=1,
    ),
    Row("rotation by 180°", _turned(180)),
    Row("rotation by 270°", _turned(270), size=(180, 320)),
    Row("variable frame rate", _variable, rate="24", divided=True, slack=1),
    Row("120 frames a second", _plain(rate="120"), rate="60"),
    Row("10 frames a second", _plain(rate="10"), rate="10"),
    Row("interlaced, top field first", _fields("tff", tagged=True), rate="25", divided=True),
    Row("interlaced, bottom field first", _fields("bff", tagged=True), rate="25"),
    Row("interlaced, and not marked as such", _fields("tff", tagged=False), rate="25"),
    Row(
        "HDR (PQ), 10-bit HEVC", _hdr("smpte2084"), size=(160, 90), rate="15", tags=("bt709", "tv")
    ),
    Row(
        "HDR (HLG), 10-bit HEVC",
        _hdr("arib-std-b67"),
        size=(160, 90),
        rate="15",
        tags=("bt709", "tv"),
        divided=True,
    ),
    Row("odd size", _plain(size="321x181", pixels="yuv444p", video=["-c:v", "libx264"])),
    Row("pixels that are not square", _plain(size="160x180", then="setsar=2")),
    Row("H.264 4:4:4", _plain(pixels="yuv444p", video=["-c:v", "libx264"]), divided=True),
    Row("H.264 10-bit", _plain(pixels="yuv420p10le", video=["-c:v", "libx264"])),
    Row(
        "full range",
        _plain(then="scale=out_range=pc", video=[*H264, "-color_range", "pc"]),
        divided=True,
    ),
    Row("no sound", _plain(audio=None), sound=False, divided=True),
    Row("several sound tracks", _tracks),
    Row("5.1 sound", _surround, "a.mkv"),
    Row("sound that starts later", _late_sound, divided=True),
    Row("a clock that does not start at 0", _late_start, "a.mkv", divided=True),
    Row("an edit list", _edited, divided=True),
    Row("MPEG-TS", _plain(video=BFRAMES), "a.ts", divided=True, slack=1),
    Row("Matroska", _plain(video=BFRAMES), "a.mkv", divided=True),
    Row(
        "QuickTime, ProRes and PCM",
        _plain(video=["-c:v", "prores"], audio=["-c:a", "pcm_s16le"]),
        "a.mov",
    ),
    Row("WebM, VP9 and Opus", _plain(video=VP9, audio=OPUS), "a.webm", divided=True),
    Row("WebM of a browser's recorder, without a duration", _recorded_live, "a.webm", divided=True),
    Row(
        "AVI, MPEG-4 with B-frames and MP3",
        _plain(video=DIVX, audio=[]),
        "a.avi",
        divided=True,
        slack=1,
    ),
    Row("FLV", _plain(video=BFRAMES), "a.flv", divided=True, slack=1),
    Row("Windows Media", _plain(video=["-c:v", "wmv2"], audio=["-c:a", "wmav2"]), "a.wmv", slack=1),
    Row(
        "MPEG program stream",
        _plain(rate="25", video=["-c:v", "mpeg2video"], audio=["-c:a", "mp2"]),
        "a.mpg",
        rate="25",
    ),
    Row("100 tracks", _hundred, "a.mkv"),
)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inputs")


def divide_short(monkeypatch: pytest.MonkeyPatch, *, direct_seconds: float = 5) -> None:
    """Have recordings of a few seconds divided into chunks of four."""
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 4)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", direct_seconds)


def fetched(video: Video, folder: Path) -> Path:
    """The output as a player would see it, whether its segments lie beside it or in pieces."""
    folder.mkdir()
    objects = store(Bucket.VIDEO)
    made = [*video.manifest["renditions"], video.manifest["audio"]]
    for name in (one["playlist"] for one in made if one):
        text = objects.read(video.output_prefix + name).decode()

        def local(key: str) -> str:
            whole = key[1:] if key.startswith("/") else video.output_prefix + key
            objects.get_file(whole, folder / key.rsplit("/", 1)[-1])
            return key.rsplit("/", 1)[-1]

        (folder / name).write_text(playlist.with_addresses(text, local))
    return folder


def transcoded(tenant: Tenant, path: Path) -> Video:
    """Run a file through all of its jobs; it must succeed."""
    job = submit(tenant, uploaded(tenant, path))
    drain("video")
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    return Video.objects.for_tenant(tenant).get(job=job)


def test_the_reference_page_lists_the_same_rows() -> None:
    listed = [line for line in DOCS.read_text().splitlines() if line.endswith("whole |")]
    listed += [line for line in DOCS.read_text().splitlines() if line.endswith("in pieces |")]
    assert sorted(listed) == sorted(row.documented for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_comes_of_every_kind_of_recording(
    tenant: Tenant, tmp_path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch, row: Row
) -> None:
    folder = sources / re.sub(r"\W+", "-", row.name)
    folder.mkdir()
    source = row.make(folder / row.file)

    video = transcoded(tenant, source)
    assert not video.job.children.exists()
    seen = _as_promised(video, row, tmp_path / "direct")

    if row.divided:
        divide_short(monkeypatch)
        divided = transcoded(tenant, source)
        assert divided.job.children.count() >= 2 + row.sound
        again = _as_promised(divided, row, tmp_path / "divided")
        assert len(again.frames) == len(seen.frames)
        assert again.flashes == pytest.approx(seen.flashes, abs=0.001)
        assert again.beeps == pytest.approx(seen.beeps, abs=0.001)


def test_an_avi_that_states_no_order_is_encoded_whole(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    divide_short(monkeypatch)
    reordered = [*H264, "-bf", "1", "-g", "70"]
    row = Row("AVI, H.264 with B-frames", _plain(video=reordered), "a.avi", slack=1)
    video = transcoded(tenant, row.make(tmp_path / row.file))
    assert not video.job.children.exists()
    _as_promised(video, row, tmp_path / "out")


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_picture_stands_upright(tenant: Tenant, tmp_path: Path, degrees: int) -> None:
    white = "drawbox=w=iw/2:h=ih/2:c=white:t=fill"
    flat = tmp_path / "flat.mp4"
    ffmpeg("-f", "lavfi", "-i", f"color=c=black:s=128x72:r=10:d=1,{white}", *H264, str(flat))
    source = tmp_path / "a.mp4"
    ffmpeg("-display_rotation", str(-degrees), "-i", str(flat), "-c", "copy", str(source))
    video = transcoded(tenant, source)
    folder = fetched(video, tmp_path / "out")
    corners = subprocess.run(
        [media.binaries().ffmpeg, "-v", "error", "-i", video.manifest["renditions"][0]["playlist"],
         "-vf", "scale=2:2:flags=area,format=gray", "-frames:v", "1", "-f", "rawvideo", "-"],
        cwd=folder, check=True, capture_output=True, timeout=60,
    ).stdout  # fmt: skip
    # Top left, top right, bottom left, bottom right: a turn to the right moves it to the right.
    assert [value > 128 for value in corners].index(True) == {0: 0, 90: 1, 180: 3, 270: 2}[degrees]
    assert sum(value > 128 for value in corners) == 1


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", ["-c:a", "libmp3lame"]),
        ("a.wav", ["-c:a", "pcm_s16le"]),
        ("a.flac", ["-c:a", "flac"]),
        ("a.ogg", ["-c:a", "libopus"]),
    ],
)
def test_a_sound_recording_becomes_one_rendition(
    tenant: Tenant, tmp_path: Path, name: str, options: list[str]
) -> None:
    source = tmp_path / name
    ffmpeg("-f", "lavfi", "-i", media.lesson_sound(), *options, str(source))
    video = transcoded(tenant, source)
    assert video.manifest["renditions"] == []
    assert video.duration == pytest.approx(LESSON_SECONDS, abs=0.1)
    assert store(Bucket.VIDEO).head(f"{video.output_prefix}poster.jpg") is not None


def test_the_default_track_is_heard_and_every_language_is_recorded(
    tenant: Tenant, tmp_path: Path
) -> None:
    source = Prober(media.binaries()).probe(_tracks(tmp_path / "a.mp4"))
    assert [track.language for track in source.audio] == ["eng", "kor"]
    assert source.main_audio == source.audio[1]


def _as_promised(video: Video, row: Row, folder: Path) -> media.Shown:
    manifest = video.manifest
    assert not manifest["damaged"], manifest["damage"]
    (top,) = manifest["renditions"]
    assert (top["width"], top["height"]) == row.size
    assert abs(manifest["frames"] - row.frames) <= row.slack
    assert (manifest["audio"] is not None) == row.sound

    fetched(video, folder)
    seen = media.shown(folder, top["playlist"], "audio.m3u8" if row.sound else None)
    assert len(seen.frames) == manifest["frames"]
    frame = float(1 / Fraction(row.rate))
    steps = [after - before for before, after in pairwise(seen.frames)]
    assert max(steps) - min(steps) < 0.001
    assert steps[0] == pytest.approx(frame, abs=0.001)
    assert seen.white == pytest.approx(235, abs=4)
    start = seen.frames[0]
    flashes = [time - start for time in seen.flashes]
    assert flashes == pytest.approx(media.FLASHES, abs=1.01 * frame)
    if row.sound:
        beeps = [time - start for time in seen.beeps]
        assert beeps == pytest.approx(media.FLASHES, abs=_AAC_FRAME * (1 + 2 * row.slack))
        assert beeps == pytest.approx(flashes, abs=frame)
    assert _colours(folder / top["playlist"]) == row.tags
    return seen


def _colours(path: Path) -> tuple[str, str]:
    done = subprocess.run(
        [media.binaries().ffprobe, "-v", "error", "-of", "json", "-select_streams", "v:0",
         "-show_entries", "stream=color_space,color_range,pix_fmt", path.name],
        cwd=path.parent, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    (stream,) = json.loads(done.stdout)["streams"]
    assert stream["pix_fmt"] == "yuv420p"
    return stream["color_space"], stream["color_range"]
