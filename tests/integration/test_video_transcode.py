"""video.transcode as workers run it: real ffmpeg, object store and database."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import connection

from academy.core import clock
from academy.core.errors import AppError, error_body
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.jobs import room
from academy.jobs.cancel import job_cancel
from academy.jobs.context import JobContext
from academy.jobs.models import Job
from academy.jobs.replay import job_replay
from academy.jobs.selectors import job_logs
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.media import binaries, commands
from academy.media.probe import Prober
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from academy.video import playback, playlist
from academy.video.models import Video, VideoState
from tests.support import media
from tests.support.jobs import make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough for its encoder to be met at work."""
    folder = tmp_path_factory.mktemp("long")
    clip = media.clip(folder / "a.mp4", size="1280x720", seconds=2)
    return media.repeated(folder / "long.mp4", clip, 45)


def uploaded(tenant: Tenant, path: Path, **fields: Any) -> Upload:
    """A complete upload with the bytes of a file."""
    upload_id = new_id()
    key = f"t/{tenant.pk}/uploads/{upload_id}/source"
    data = path.read_bytes()
    store(Bucket.VIDEO).put_bytes(key, data, "video/mp4")
    values: dict[str, Any] = {
        "id": upload_id, "bucket": "video", "key": key, "filename": path.name,
        "size": max(1, len(data)), "content_type": "video/mp4", "purpose": "video",
        "state": UploadState.COMPLETE, "completed_at": clock.now(), "expires_at": clock.now(),
    } | fields  # fmt: skip
    return Upload.objects.for_tenant(tenant).create(**values)


def submit(tenant: Tenant, upload: Upload, title: str = "Lesson 1") -> Job:
    order = Order("video.transcode", {"upload": str(upload.pk), "title": title})
    return jobs_submit(by=Submitter(tenant, "test"), orders=[order])[0]


def transcoded(tenant: Tenant, path: Path) -> tuple[Job, Video]:
    """Run a file through the whole job; it must succeed."""
    job = submit(tenant, uploaded(tenant, path))
    run(job)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    return job, Video.objects.for_tenant(tenant).get(job=job)


def fetched(video: Video, folder: Path) -> Path:
    """Every object of a video's output, in a folder."""
    folder.mkdir()
    objects = store(Bucket.VIDEO)
    for key in objects.keys(video.output_prefix):
        objects.get_file(key, folder / key.removeprefix(video.output_prefix))
    return folder


def played(folder: Path) -> str:
    """What ffmpeg has to complain of when it plays every rendition from the master playlist."""
    done = subprocess.run(
        [media.binaries().ffmpeg, "-v", "warning", "-nostdin", "-i", "master.m3u8",
         "-map", "0", "-f", "null", "-"],
        cwd=folder, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_lecture_becomes_aligned_renditions_that_play_without_a_warning(
    tenant: Tenant, tmp_path: Path
) -> None:
    source = media.clip(tmp_path / "lecture.mp4", size="1280x720", rate="15", seconds=9)
    job, video = transcoded(tenant, source)
    assert video.state is VideoState.READY
    assert video.output_prefix == f"t/{tenant.pk}/jobs/{job.pk}/a1/"
    manifest = video.manifest
    assert [(r["name"], r["width"], r["height"]) for r in manifest["renditions"]] == [
        ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360),
    ]  # fmt: skip
    assert (manifest["frames"], manifest["duration"], manifest["damaged"]) == (135, 9.0, False)

    folder = fetched(video, tmp_path / "out")
    assert played(folder) == ""
    media_playlists = [
        playlist.parse_media((folder / f"{name}.m3u8").read_text())
        for name in ("720p", "480p", "360p")
    ]
    assert len({one.durations for one in media_playlists}) == 1
    assert [float(one) for one in media_playlists[0].durations] == [4.0, 4.0, 1.0]
    assert all(one.ended for one in media_playlists)
    master = (folder / "master.m3u8").read_text()
    assert 'CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=15.000' in master
    assert (folder / "poster.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


def test_a_player_that_knows_only_the_address_plays_every_rendition(
    tenant: Tenant, tmp_path: Path, live_server: Any, settings: Any
) -> None:
    settings.PUBLIC_BASE_URL = live_server.url
    source = media.clip(tmp_path / "a.mp4", size="854x480", rate="10", seconds=9)
    _, video = transcoded(tenant, source)
    done = subprocess.run(
        [media.binaries().ffmpeg, "-v", "warning", "-nostdin",
         "-i", playback.media_link(video).url, "-map", "0", "-f", "null", "-"],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_the_manifest_lists_exactly_the_objects_that_are_there(
    tenant: Tenant, tmp_path: Path
) -> None:
    _, video = transcoded(tenant, media.clip(tmp_path / "a.mp4", size="320x180", seconds=5))
    folder = fetched(video, tmp_path / "out")
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    found = {path.name: path.stat().st_size for path in folder.iterdir()}
    found.pop("manifest.json")
    assert listed == found


def test_the_artifacts_are_what_a_person_may_want_to_look_at(
    tenant: Tenant, tmp_path: Path
) -> None:
    job, video = transcoded(tenant, media.clip(tmp_path / "a.mp4", size="320x180", seconds=5))
    names = [artifact["name"] for artifact in job.artifacts]
    assert names == ["master.m3u8", "poster.jpg", "manifest.json", "storyboard.vtt"]
    for artifact in job.artifacts:
        info = store(Bucket.VIDEO).head(artifact["key"])
        assert info is not None
        assert (info.size, info.content_type) == (artifact["size"], artifact["content_type"])
    assert job.result["video_id"] == str(video.pk)


def test_the_jobs_log_says_what_was_found_made_and_stored(
    tenant: Tenant, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    job, _ = transcoded(tenant, media.clip(tmp_path / "a.mp4", size="320x240", seconds=3))
    told = "\n".join(line.message for line in job_logs(job.pk) if "sandbox" not in line.message)
    assert re.fullmatch(
        r"fetched [\d.]+ MB in [\d.]+ s\n"
        r"source: mov\S*, h264 320x240 at 30\.00 fps, aac 1 ch, 3\.0 s, [\d.]+ MB\n"
        r"renditions: 240p up to \d+ kbit/s, 30 fps\n"
        r"240p is encoded: it is the only rung, [^\n]+\n"
        r"quality of 240p: SSIM 0\.\d+ over 3\.0 s at 0\.0 s\n"
        r"240p: 1 segments, [\d.]+ MB, \d+ kbit/s on average\n"
        r"audio: 1 segments, [\d.]+ MB, \d+ kbit/s on average\n"
        r"stored 11 files, [\d.]+ MB",
        told,
    ), told


def test_progress_passes_every_stage_and_never_goes_back(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, float]] = []
    monkeypatch.setattr(
        JobContext, "progress", lambda _, step, percent, **more: seen.append((step, percent))
    )
    transcoded(tenant, media.clip(tmp_path / "a.mp4", size="640x360", rate="15", seconds=8))
    assert list(dict.fromkeys(step for step, _ in seen)) == [
        "downloading", "probing", "transcoding", "validating", "thumbnail", "uploading",
    ]  # fmt: skip
    percents = [percent for _, percent in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_segments_are_stored_while_the_encoder_still_works(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[set[str]] = []

    def note(context: JobContext[Any], step: str, *_: Any, **more: Any) -> None:
        if step == "validating" and not stored:
            stored.append(set(store(Bucket.VIDEO).keys(context.output_prefix)))

    monkeypatch.setattr(JobContext, "progress", note)
    clip = media.clip(tmp_path / "a.mp4", size="640x360", seconds=8)
    job, _ = transcoded(tenant, media.repeated(tmp_path / "long.mp4", clip, 4))
    names = {key.rpartition("/")[2] for key in stored[0]}
    assert "360p_00000.m4s" in names
    # What makes a video visible comes last.
    assert not any(name.endswith((".m3u8", ".json")) for name in names)
    assert job.state == "succeeded"


def test_a_portrait_recording_with_rotation_is_turned(tenant: Tenant, tmp_path: Path) -> None:
    source = media.rotated(tmp_path / "phone.mp4", 90, size="640x360", seconds=4)
    _, video = transcoded(tenant, source)
    assert [(r["width"], r["height"]) for r in video.manifest["renditions"]] == [(360, 640)]
    folder = fetched(video, tmp_path / "out")
    assert played(folder) == ""


def test_a_variable_frame_rate_becomes_constant_and_loses_no_time(
    tenant: Tenant, tmp_path: Path
) -> None:
    _, video = transcoded(tenant, media.variable_rate(tmp_path / "screen.mp4", seconds=8))
    assert video.duration == pytest.approx(8.0, abs=0.15)
    assert video.manifest["damaged"] is False
    assert played(fetched(video, tmp_path / "out")) == ""


def test_odd_sizes_and_a_silent_source_are_no_problem(tenant: Tenant, tmp_path: Path) -> None:
    source = tmp_path / "odd.mkv"
    media.ffmpeg(
        *media.pictures("321x241", "25", 4), "-c:v", "libx264", "-preset", "ultrafast",
        "-pix_fmt", "yuv444p", str(source),
    )  # fmt: skip
    _, video = transcoded(tenant, source)
    assert [(r["name"], r["width"], r["height"]) for r in video.manifest["renditions"]] == [
        ("240p", 320, 240)
    ]
    assert video.manifest["audio"] is None
    assert played(fetched(video, tmp_path / "out")) == ""


def test_a_sound_track_that_holds_nothing_is_left_out(tenant: Tenant, tmp_path: Path) -> None:
    clip = media.clip(tmp_path / "a.mp4", size="320x180", seconds=4)
    _, video = transcoded(tenant, media.without_packets(tmp_path / "muted.mkv", clip, "a"))
    assert video.manifest["audio"] is None
    assert video.manifest["damaged"] is False
    assert played(fetched(video, tmp_path / "out")) == ""


def test_a_picture_track_that_holds_nothing_is_damage_beyond_saving(
    tenant: Tenant, tmp_path: Path
) -> None:
    clip = media.clip(tmp_path / "a.mp4", size="320x180", seconds=4)
    path = media.without_packets(tmp_path / "blind.mkv", clip, "v")
    job = submit(tenant, uploaded(tenant, path))
    run(job)
    assert (job.state, job.error_code) == ("failed", "video_damaged")


def test_a_sound_recording_gets_a_rendition_and_a_picture_of_its_wave(
    tenant: Tenant, tmp_path: Path
) -> None:
    source = tmp_path / "talk.m4a"
    media.ffmpeg(*media.sound(6), "-c:a", "aac", str(source))
    _, video = transcoded(tenant, source)
    assert video.manifest["renditions"] == []
    assert video.duration == pytest.approx(6.0, abs=0.1)
    folder = fetched(video, tmp_path / "out")
    assert (folder / "poster.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert played(folder) == ""


def test_a_truncated_recording_is_saved_as_far_as_it_goes(tenant: Tenant, tmp_path: Path) -> None:
    whole = media.clip(tmp_path / "whole.mp4", size="640x360", seconds=10)
    _, video = transcoded(tenant, media.truncated(tmp_path / "half.mp4", whole, 0.5))
    damage = video.manifest["damage"]
    assert video.manifest["damaged"] is True
    assert damage["expected_seconds"] == pytest.approx(10, abs=0.1)
    assert 3 < damage["saved_seconds"] < 7
    assert damage["errors"] > 0
    assert played(fetched(video, tmp_path / "out")) == ""


def test_noise_in_the_middle_is_damage_and_the_rest_plays(tenant: Tenant, tmp_path: Path) -> None:
    whole = media.clip(tmp_path / "whole.mp4", size="640x360", seconds=8)
    _, video = transcoded(tenant, media.scrambled(tmp_path / "bad.mp4", whole, 0.5, 0.6))
    assert video.manifest["damaged"] is True
    assert video.manifest["damage"]["errors"] > 0
    assert video.duration == pytest.approx(8, abs=0.2)
    assert played(fetched(video, tmp_path / "out")) == ""


def test_a_recording_of_noise_alone_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    media.ffmpeg(
        "-i", str(media.clip(tmp_path / "a.mp4", size="320x180", with_sound=False)), "-c", "copy",
        "-movflags", "+faststart", str(whole),
    )  # fmt: skip
    job = submit(tenant, uploaded(tenant, media.scrambled(tmp_path / "b.mp4", whole, 0.02, 1)))
    run(job)
    assert (job.state, job.error_code) == ("failed", "video_damaged")


def test_an_interlaced_recording_becomes_progressive(tenant: Tenant, tmp_path: Path) -> None:
    _, video = transcoded(tenant, media.interlaced(tmp_path / "fields.mp4"))
    assert video.manifest["source"]["video"]["interlaced"] is True
    folder = fetched(video, tmp_path / "out")
    done = subprocess.run(
        [media.binaries().ffmpeg, "-v", "info", "-nostdin", "-i", "480p.m3u8", "-vf", "idet",
         "-frames:v", "80", "-f", "null", "-"],
        cwd=folder, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    counts = re.findall(
        r"Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+) Progressive:\s*(\d+)", done.stderr
    )[-1]
    top, bottom, progressive = map(int, counts)
    assert progressive > 70
    # Of the source all are fields; of any encode a few pictures in motion look like some.
    assert top + bottom < 8


def test_an_hdr_recording_becomes_sdr(tenant: Tenant, tmp_path: Path) -> None:
    source = media.high_dynamic_range(tmp_path / "phone.mp4")
    _, video = transcoded(tenant, source)
    assert video.manifest["source"]["video"]["hdr"] is True
    folder = fetched(video, tmp_path / "out")
    made = Prober(media.binaries()).probe(folder / media_file(folder))
    assert made.video is not None
    assert (made.video.transfer, made.video.matrix, made.video.pixel_format) == (
        "bt709", "bt709", "yuv420p",
    )  # fmt: skip


def test_a_build_without_a_tone_mapper_refuses_hdr(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "tone_mapper", lambda _: None)
    job = submit(tenant, uploaded(tenant, media.high_dynamic_range(tmp_path / "phone.mp4")))
    run(job)
    assert (job.state, job.error_code) == ("failed", "video_hdr_unsupported")


def media_file(folder: Path) -> str:
    """One playable file of the first segment of the top rung."""
    top = playlist.parse_media((folder / "360p.m3u8").read_text())
    joined = folder / "joined.mp4"
    joined.write_bytes(b"".join((folder / name).read_bytes() for name in (top.init, top.names[0])))
    return joined.name


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGKILL, "video_worker_killed"),
        # ffmpeg then writes the end of its playlists, as if the half were the whole.
        (signal.SIGTERM, "video_worker_killed"),
        (signal.SIGSTOP, "video_stalled"),
    ],
)
def test_an_encoder_that_dies_or_hangs_is_tried_again(
    tenant: Tenant,
    long_recording: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    code: str,
) -> None:
    if number is signal.SIGSTOP:
        monkeypatch.setattr(commands, "STALL_SECONDS", 2.0)
    job = submit(tenant, uploaded(tenant, long_recording))
    runner = threading.Thread(target=_run_in_thread, args=(job,))
    runner.start()
    _wait_for_encoder().send_signal(number)
    runner.join(timeout=40)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("retry_wait", code)
    assert not [child for child in psutil.Process().children() if "ffmpeg" in child.name()]


def test_a_full_disk_is_no_fault_of_the_recording(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    job = submit(tenant, uploaded(tenant, media.clip(tmp_path / "a.mp4", seconds=2)))
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
        # More often than the attempts that a job has.
        for _ in range(7):
            run(job)
            assert (job.state, job.error_code, job.failures) == ("queued", "disk_full", 0)
            assert job.not_before > clock.now()
    room.forget()
    run(job)
    assert job.state == "succeeded", (job.error_code, job.error_params)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("text.mp4", b"This is not a video.\n" * 50, "video_not_media"),
        ("list.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///etc/passwd\n",
         "video_not_media"),
        ("concat.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n", "video_not_media"),
        ("call.mp4", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
         "video_not_media"),
        ("cut.mp4", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(4000), "video_damaged"),
        ("noise.mp4", bytes(range(256)) * 64, "video_not_media"),
    ],
)  # fmt: skip
def test_what_is_not_a_recording_fails_for_good_with_a_reason(
    tenant: Tenant, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    job = submit(tenant, uploaded(tenant, path))
    run(job)
    assert (job.state, job.error_code) == ("failed", code)
    said = error_body(job.error_code, job.error_params)
    assert "?" not in said["message"]["ko"] + said["message"]["en"]
    assert Video.objects.for_tenant(tenant).get(job=job).state is VideoState.FAILED
    assert list(store(Bucket.VIDEO).keys(f"t/{tenant.pk}/jobs/")) == []


def test_a_source_that_changed_after_the_upload_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    path = media.clip(tmp_path / "a.mp4", size="320x180", seconds=2)
    job = submit(tenant, uploaded(tenant, path, sha256_b64="x" * 43 + "="))
    run(job)
    assert (job.state, job.error_code) == ("failed", "video_source_changed")


def test_a_cancel_kills_the_encoder_within_five_seconds(
    tenant: Tenant, long_recording: Path
) -> None:
    job = submit(tenant, uploaded(tenant, long_recording))
    runner = threading.Thread(target=_run_in_thread, args=(job,))
    runner.start()
    encoder = _wait_for_encoder()
    asked = clock.monotonic()
    job_cancel(tenant=tenant, job_id=job.pk)
    runner.join(timeout=20)
    assert not runner.is_alive()
    assert clock.monotonic() - asked < 5
    assert not encoder.is_running() or encoder.status() == psutil.STATUS_ZOMBIE
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert Video.objects.for_tenant(tenant).get(job=job).state is VideoState.CANCELLED


def _run_in_thread(job: Job) -> None:
    try:
        run(job)
    finally:
        connection.close()


def _wait_for_encoder() -> psutil.Process:
    """The ffmpeg below this process that encodes."""
    deadline = clock.monotonic() + 20
    while clock.monotonic() < deadline:
        for child in psutil.Process().children(recursive=True):
            try:
                if "libx264" in child.cmdline() and "ffmpeg" in Path(child.exe()).name:
                    return child
            except psutil.Error:
                continue
        threading.Event().wait(0.1)
    raise AssertionError("no encoder started")


def test_a_replay_keeps_the_video_and_its_links(tenant: Tenant, tmp_path: Path) -> None:
    bad = tmp_path / "text.mp4"
    bad.write_bytes(b"not a video" * 100)
    failed = submit(tenant, uploaded(tenant, bad))
    run(failed)
    before = Video.objects.for_tenant(tenant).get(job=failed)
    good = uploaded(tenant, media.clip(tmp_path / "a.mp4", size="320x180", seconds=4))
    replayed = job_replay(
        by=Submitter(tenant, "test"),
        job_id=failed.pk,
        params={"upload": str(good.pk), "title": "Lesson 1, again"},
    )
    run(replayed)
    video = Video.objects.for_tenant(tenant).get(pk=before.pk)
    assert (video.job_id, video.title, video.state) == (
        replayed.pk, "Lesson 1, again", VideoState.READY,
    )  # fmt: skip
    assert Video.objects.for_tenant(tenant).count() == 1


def test_a_submission_is_refused_for_an_upload_that_cannot_be_used(
    tenant: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x" * 100)
    foreign = uploaded(make_tenant(), path)
    pending = uploaded(tenant, path, state=UploadState.PENDING, completed_at=None)
    picture = uploaded(tenant, path, purpose="image")
    codes = []
    for upload in (foreign, pending, picture):
        with pytest.raises(AppError) as refused:
            submit(tenant, upload)
        codes.append(refused.value.code)
    assert codes == ["upload_not_found", "upload_not_complete", "upload_wrong_purpose"]
    assert not Job.objects.for_tenant(tenant).exists()
    assert not Video.objects.for_tenant(tenant).exists()
