"""Recordings that are broken, and files that are none: what is saved, and what is refused and why.

`docs/reference/video-inputs.md` lists the same rows.
"""

from __future__ import annotations

import http.server
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from academy.core.errors import error_body
from academy.core.storage import Bucket, store
from academy.jobs.errors import PermanentError
from academy.media.probe import Prober
from academy.tenants.models import Tenant
from academy.video.models import Video, VideoState
from tests.integration.test_video_inputs import DOCS, divide_short, fetched, transcoded
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import media
from tests.support.jobs import make_tenant, run
from tests.support.media import H264, ffmpeg, lesson

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

_FRONT = ("-movflags", "+faststart")


@dataclass(frozen=True)
class Broken:
    """A lesson that is damaged, and what of it must be saved."""

    name: str
    make: Callable[[Path], Path]
    seconds: tuple[float, float]
    """At least and at most so much is saved."""
    flashes: tuple[int, ...]
    """Which of the four flashes must still be at their places."""
    file: str = "a.mp4"
    states_length: bool = True
    """Whether the container says how long the whole was; else nobody can know that it was cut."""


def _cut(share: float, **options: object) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        whole = lesson(path.with_name(f"whole{path.suffix}"), **options)  # type: ignore[arg-type]
        data = whole.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return make


def _noisy(path: Path) -> Path:
    """A tenth of the bytes between the first flash and the last is noise."""
    return media.scrambled(path, lesson(path.with_name("whole.mp4"), extra=_FRONT), 0.55, 0.6)


BROKEN = (
    Broken("cut off, index in front", _cut(0.6, extra=_FRONT), (3, 6.5), (0, 1)),
    Broken("cut off, Matroska", _cut(0.6), (3, 6.5), (0, 1), "a.mkv"),
    Broken("cut off, MPEG-TS", _cut(0.6), (3, 6.5), (0, 1), "a.ts", states_length=False),
    Broken("noise in the middle", _noisy, (7.9, 8.1), (0, 1, 3)),
)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.mark.parametrize("in_pieces", [False, True], ids=["direct", "divided"])
@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one.name)
def test_of_a_broken_recording_everything_sound_is_saved_and_stays_in_place(
    tenant: Tenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: Broken,
    in_pieces: bool,
) -> None:
    source = broken.make(tmp_path / broken.file)
    if in_pieces:
        divide_short(monkeypatch, direct_seconds=3)
    video = transcoded(tenant, source)
    assert video.job.children.exists() is in_pieces

    damage = video.manifest["damage"]
    if broken.states_length:
        assert damage["saved_seconds"] == pytest.approx(video.duration, abs=0.001)
        assert damage["expected_seconds"] == pytest.approx(media.LESSON_SECONDS, abs=0.1)
    least, most = broken.seconds
    assert least <= video.duration <= most
    folder = fetched(video, tmp_path / "out")
    seen = media.shown(folder, video.manifest["renditions"][0]["playlist"], "audio.m3u8")
    assert len(seen.frames) == video.manifest["frames"]
    for number in broken.flashes:
        at = media.FLASHES[number] + seen.frames[0]
        assert any(abs(time - at) < 0.034 for time in seen.flashes), seen.flashes
        assert any(abs(time - at) < 0.022 for time in seen.beeps), seen.beeps


# ---------------------------------------------------------------- what is refused


@dataclass(frozen=True)
class Refused:
    """A file that cannot be used, and the code that says why."""

    name: str
    make: Callable[[Path], object]
    code: str
    file: str = "a.mp4"

    @property
    def documented(self) -> str:
        """Its line in the reference page."""
        return f"| {self.name} | `{self.code}` |"


def _written(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _naming(text: str) -> Callable[[Path], object]:
    """A text that names a recording that lies beside it, and an address of this machine."""

    def make(path: Path) -> None:
        secret = lesson(path.with_name("canary.mp4"), seconds=1)
        address = path.with_name("canary.url").read_text()
        path.write_text(text.format(file=secret, url=address))

    return make


def _half_a_day(path: Path) -> None:
    """Twelve pictures, an hour apart."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x72:r=1/3600:d=43200", *H264, str(path))


def _claims_half_a_day(path: Path) -> None:
    """Two seconds of pictures in a Matroska file whose header says twelve hours."""
    data = bytearray(lesson(path, seconds=2, audio=None).read_bytes())
    place = data.index(b"\x44\x89\x88") + 3
    assert struct.unpack_from(">d", data, place) == pytest.approx((2000,), abs=50)
    struct.pack_into(">d", data, place, 12 * 3600 * 1000)
    path.write_bytes(data)


def _bomb(path: Path) -> None:
    color = "color=c=black:s=8192x4864:r=1:d=1"
    ffmpeg("-f", "lavfi", "-i", color, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", str(path))


def _hidden_bomb(path: Path) -> None:
    """Pictures that are 4096 times larger than the container says."""
    pictures = media.lesson_pictures("128x72", "5", 2)
    ffmpeg(*pictures, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", str(path))
    data = path.read_bytes()
    size = struct.pack(">HH", 72, 128)
    assert data.count(size) >= 10
    path.write_bytes(data.replace(size, struct.pack(">HH", 65_000, 65_000)))


_HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{file}\n#EXTINF:4,\n{url}\n#EXT-X-ENDLIST\n"
_DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    '<AdaptationSet><Representation id="0" mimeType="video/mp4"><BaseURL>{url}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>"
)
_SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"

REFUSED = (
    Refused("nothing but text", _written(b"This is not a video.\n" * 50), "video_not_media"),
    Refused("an HLS playlist", _naming(_HLS), "video_not_media"),
    Refused("a concat script", _naming("ffconcat version 1.0\nfile '{file}'\n"), "video_not_media"),
    Refused("a DASH manifest", _naming(_DASH), "video_not_media"),
    Refused("a session description (SDP)", _naming(_SDP), "video_not_media"),
    Refused(
        "a picture",
        lambda path: ffmpeg(
            *media.pictures("64x64", "1", 1), "-frames:v", "1", "-f", "image2", str(path)
        ),
        "video_not_media",
    ),
    Refused(
        "a container that is not on the list",
        lambda path: ffmpeg(*media.sound(1), "-f", "aiff", str(path)),
        "video_unsupported_format",
    ),
    Refused(
        "a codec that is not on the list",
        lambda path: lesson(path, seconds=1, video=["-c:v", "ffv1"]),
        "video_unsupported_format",
        "a.mkv",
    ),
    Refused("index missing", _cut(0.6), "video_damaged"),
    Refused("more than 8 hours", _half_a_day, "video_too_long"),
    Refused("a header that claims 12 hours", _claims_half_a_day, "video_too_long", "a.mkv"),
    Refused("more than 8192x4608 pixels", _bomb, "video_too_many_pixels", "a.avi"),
    Refused("more pixels than the headers say", _hidden_bomb, "video_damaged", "a.avi"),
)


EMPTY = Refused("no bytes", Path.touch, "video_empty")


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[list[str]]:
    """A web server of this machine that keeps the requests made of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        (tmp_path / "canary.url").write_text(f"http://127.0.0.1:{server.server_port}/secret.ts")
        yield asked
        server.shutdown()
        thread.join()


def test_the_reference_page_lists_the_same_rows() -> None:
    lines = DOCS.read_text().splitlines()
    refused = [line for line in lines if line.endswith("` |")]
    assert refused == [one.documented for one in (*REFUSED, EMPTY)]
    for broken in BROKEN:
        assert any(line.startswith(f"| {broken.name} |") for line in lines), broken.name


@pytest.mark.parametrize("refused", REFUSED, ids=lambda one: one.name)
def test_what_cannot_be_used_is_refused_with_a_reason_and_nothing_else_is_read(
    tenant: Tenant, tmp_path: Path, canary: list[str], refused: Refused
) -> None:
    path = tmp_path / refused.file
    refused.make(path)
    job = submit(tenant, uploaded(tenant, path))
    run(job)
    assert (job.state, job.error_code) == ("failed", refused.code)
    said = error_body(job.error_code, job.error_params)["message"]
    assert said["ko"] != said["en"]
    assert "?" not in said["ko"] + said["en"]
    assert Video.objects.for_tenant(tenant).get(job=job).state is VideoState.FAILED
    assert list(store(Bucket.VIDEO).keys(f"t/{tenant.pk}/jobs/")) == []
    assert canary == []


def test_a_file_of_no_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / EMPTY.file
    EMPTY.make(path)
    with pytest.raises(PermanentError, match=EMPTY.code):
        Prober(media.binaries()).probe(path)
