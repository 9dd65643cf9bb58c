"""`ai.speech_segments` from the submission to a lecture's player, and what strangers upload."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from academy.ai.estimates import estimate
from academy.ai.speech import handler
from academy.ai.speech.limits import MODEL
from academy.ai.speech.results import SpeechResult
from academy.ai.speech.source import Recording
from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.documents.workbench import Workbench
from academy.inference import registry
from academy.jobs.cancel import job_cancel
from academy.jobs.keeper import LeaseKeeper
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from academy.video import outline
from academy.video.models import Video
from tests.support import media, speech
from tests.support.jobs import drain, make_tenant, run
from tests.support.speech import RATE, Talk, boundary_errors, talk, wav, with_noise

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
GATE_SECONDS = 0.5


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture(autouse=True)
def _model() -> None:
    """Skip where no installed package carries the network."""
    try:
        registry.path(MODEL)
    except registry.NotConfiguredError:
        pytest.skip("silero-vad@6 is not registered: make models")


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> tuple[Talk, Path]:
    """Six sentences with pauses between them, under the noise of a room."""
    speech.needs_a_voice()
    made = with_noise(talk([1.5, 6, 1.2, 9, 1.4, 5, 2], seed=11), 20)
    return made, wav(tmp_path_factory.mktemp("lesson") / "lesson.wav", made.sound)


def uploaded(tenant: Tenant, path: Path, purpose: str = "audio") -> Upload:
    bucket = Bucket.AI if purpose == "audio" else Bucket.VIDEO
    upload_id = new_id()
    key = f"t/{tenant.pk}/uploads/{upload_id}/source"
    data = path.read_bytes()
    store(bucket).put_bytes(key, data, "application/octet-stream")
    return Upload.objects.for_tenant(tenant).create(
        id=upload_id, bucket=bucket.value, key=key, filename=path.name, size=max(1, len(data)),
        content_type="audio/wav", purpose=purpose, state=UploadState.COMPLETE,
        completed_at=clock.now(), expires_at=clock.now(),
    )  # fmt: skip


def submitted(tenant: Tenant, **params: Any) -> Job:
    order = Order("ai.speech_segments", dict(params))
    return job_submit(by=Submitter(tenant, "test"), order=order)


def heard(tenant: Tenant, path: Path, **params: Any) -> Job:
    job = submitted(tenant, upload=str(uploaded(tenant, path).pk), **params)
    run(job)
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    assert job.result is not None
    SpeechResult.model_validate(job.result)
    return job.result


def spoken_of(result: dict[str, Any]) -> list[tuple[float, float]]:
    return [
        (one["start_s"], one["end_s"])
        for one in result["result"]["segments"]
        if one["kind"] == "speech"
    ]


def warnings_of(job: Job) -> list[str]:
    return [one["code"] for one in result_of(job)["warnings"]]


def test_a_recording_is_divided_where_somebody_speaks(
    tenant: Tenant, lesson: tuple[Talk, Path], tmp_path: Path
) -> None:
    made, path = lesson
    job = heard(tenant, path, chapters=3)
    result = result_of(job)
    assert job.queue == "ai-premium"
    assert (result["device"], result["model"]) == ("cpu", registry.identity(MODEL))
    assert max(boundary_errors(spoken_of(result), made.spoken)) <= GATE_SECONDS
    found = result["result"]
    assert abs(found["duration_s"] - made.seconds) < 0.05
    segments = found["segments"]
    assert segments[0]["start_s"] == 0
    assert segments[-1]["end_s"] == found["duration_s"]
    assert all(a["end_s"] == b["start_s"] for a, b in pairwise(segments))
    assert found["speech_s"] == pytest.approx(
        sum(end - begin for begin, end in made.spoken), abs=6 * GATE_SECONDS
    )
    assert len(found["skippable"]) == 3
    starts = [one["start_s"] for one in found["chapters"]]
    assert len(starts) == 3
    assert not any(begin < start < end for start in starts for begin, end in made.spoken)
    assert not result["warnings"]
    stored = {one["name"]: one["key"] for one in job.artifacts}
    assert set(stored) == {"segments.json", "timeline.png"}
    store(Bucket.AI).get_file(stored["segments.json"], tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text())["segments"] == segments


def test_a_lecture_is_given_its_chapters_and_its_silences(
    tenant: Tenant, lesson: tuple[Talk, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, sound = lesson
    path = tmp_path / "lesson.mp4"
    media.ffmpeg(
        *media.pictures("160x90", "5", made.seconds), "-i", str(sound), *media.H264, *media.AAC,
        "-shortest", str(path),
    )  # fmt: skip
    videos = {}
    for profile in ("standard", "encrypted"):
        order = Order("video.transcode", {
            "upload": str(uploaded(tenant, path, "video").pk), "title": "1강", "profile": profile,
        })  # fmt: skip
        videos[profile] = job_submit(by=Submitter(tenant, "test"), order=order)
    drain("video")
    monkeypatch.setattr(handler, "INLINE_SEGMENTS", 2)
    for profile, transcode in videos.items():
        video = Video.objects.for_tenant(tenant).select_related("job").get(job=transcode)
        asked = {"video": str(video.pk), "chapters": 2}
        assert estimate(tenant=tenant, kind="ai.speech_segments", params=asked).price == 1
        job = submitted(tenant, **asked)
        run(job)
        found = result_of(job)["result"]
        assert (found["segments"], found["video"]) == (None, str(video.pk)), profile
        row = outline.outline_of(video)
        assert row is not None
        assert row.heard_by == job.pk
        silences = outline.silences_of(video, row)
        pauses = [
            (a[1], b[0]) for a, b in pairwise(made.spoken)
            if b[0] - a[1] > 3
        ]  # fmt: skip
        assert max(boundary_errors(silences, pauses)) <= GATE_SECONDS
        assert len(outline.chapters_of(video, row)) == 2


def test_silence_noise_and_music_are_said_to_hold_no_speech(tenant: Tenant, tmp_path: Path) -> None:
    noise = np.random.default_rng(4).standard_normal(8 * RATE).astype(np.float32) * 0.1
    sounds = {
        "speech_soundless": np.zeros(8 * RATE, dtype=np.float32),
        "speech_none_found": np.concatenate([noise, speech.music(8)]),
    }
    for code, sound in sounds.items():
        job = heard(tenant, wav(tmp_path / f"{code}.wav", sound), chapters=4)
        assert warnings_of(job) == [code]
        found = result_of(job)["result"]
        assert (found["speech_s"], found["silence_share"]) == (0, 1.0)
        assert (found["chapters"], found["skippable"]) == ([], [])
        assert result_of(job)["review_required"]


def wave_header(channels: int, rate: int, declared: int) -> bytes:
    """A WAV header that says what it likes."""
    frame = channels * 2
    about = struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, 16)
    whole = struct.pack("<I", min(declared + 36, 0xFFFFFFFF))
    data = b"data" + struct.pack("<I", declared)
    return b"RIFF" + whole + b"WAVEfmt " + struct.pack("<I", 16) + about + data


def test_what_is_no_recording_is_refused_by_name(tenant: Tenant, tmp_path: Path) -> None:
    noise = np.random.default_rng(5).bytes(40_000)
    silent = media.clip(tmp_path / "b.mp4", size="160x90", seconds=1, with_sound=False)
    refused = {
        "video_source_changed": b"",
        "video_not_media": ("오늘 수업은 쉽니다.\n" * 40).encode(),
        "video_not_media ": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n",
        "video_not_media  ": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "speech_layout_unsupported": wave_header(64, 384_000, len(noise)) + noise,
        "speech_no_sound": silent.read_bytes(),
    }
    for number, (code, content) in enumerate(refused.items()):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(content)
        job = heard(tenant, path)
        assert (job.state, job.error_code) == (JobState.FAILED, code.strip()), number


def test_damaged_recordings_are_heard_as_far_as_they_go(
    tenant: Tenant, lesson: tuple[Talk, Path], tmp_path: Path
) -> None:
    made, path = lesson
    pcm = path.read_bytes()[-made.sound.size * 2 :]
    lying = tmp_path / "lying.wav"
    lying.write_bytes(wave_header(1, RATE, 0xFFFFFFFF) + pcm)
    many = tmp_path / "many.wav"
    sound = np.frombuffer(pcm, dtype="<i2")
    many.write_bytes(wave_header(12, RATE, 24 * len(sound)) + np.repeat(sound, 12).tobytes())
    hours = tmp_path / "hours.wav"
    hours.write_bytes(wave_header(1, RATE, 12 * 3600 * 32_000) + pcm)
    for whole in (lying, hours, many):
        result = result_of(heard(tenant, whole))
        assert max(boundary_errors(spoken_of(result), made.spoken)) <= GATE_SECONDS
    flac = tmp_path / "whole.flac"
    media.ffmpeg("-i", str(path), str(flac))
    cut = tmp_path / "cut.flac"
    cut.write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])
    job = heard(tenant, cut)
    assert warnings_of(job) == ["speech_file_damaged"]
    found = result_of(job)["result"]
    assert 0.3 * made.seconds < found["duration_s"] < 0.7 * made.seconds
    assert result_of(job)["warnings"][0]["params"]["missing_seconds"] > 0.3 * made.seconds


def test_a_job_is_refused_before_anything_is_stored(tenant: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    mine, other = uploaded(tenant, path), uploaded(make_tenant(), path)
    Upload.objects.for_tenant(tenant).filter(pk=mine.pk).update(purpose="pdf")

    def code_of(**params: Any) -> str:
        with pytest.raises(AppError) as refused:
            submitted(tenant, **params)
        return refused.value.code

    assert code_of(upload=str(other.pk)) == "upload_not_found"
    assert code_of(upload=str(mine.pk)) == "upload_wrong_purpose"
    assert code_of(video=str(new_id())) == "video_not_found"
    assert code_of(upload=str(mine.pk), video=str(new_id())) == "params_invalid"
    assert code_of() == "params_invalid"
    assert code_of(upload=str(mine.pk), threshold=1) == "params_invalid"
    Upload.objects.for_tenant(tenant).filter(pk=mine.pk).update(purpose="audio")
    assert code_of(upload=str(mine.pk), tier="lite") == "tier_not_offered"
    assert not Job.objects.for_tenant(tenant).exists()


def test_without_the_model_the_job_says_that_it_is_not_configured(
    tenant: Tenant, tmp_path: Path, settings: Any
) -> None:
    settings.MODEL_REGISTRY = str(tmp_path / "none.json")
    registry.forget()
    try:
        job = heard(tenant, wav(tmp_path / "a.wav", np.zeros(RATE, dtype=np.float32)))
    finally:
        registry.forget()
    assert (job.state, job.error_code) == (JobState.FAILED, "model_not_configured")


def test_a_cancelled_job_ends_while_it_hears_and_leaves_no_decoder(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.JOB_LEASE_SECONDS = 3
    path = wav(tmp_path / "a.wav", np.zeros(2 * RATE, dtype=np.float32))
    job = submitted(tenant, upload=str(uploaded(tenant, path).pk))
    never = f"{60 + int(new_id().hex[-6:], 16) / 1e8:.8f}"
    read = Workbench.read

    def cancelled_meanwhile(bench: Any, *arguments: Any, **options: Any) -> Any:
        job_cancel(tenant=tenant, job_id=job.pk)
        return read(bench, *arguments, **options)

    monkeypatch.setattr(Recording, "decoding", lambda _: ["/bin/sleep", never])
    monkeypatch.setattr(Workbench, "read", cancelled_meanwhile)
    run(job, LeaseKeeper(tick_seconds=0.2))
    assert job.state == JobState.CANCELLED
    left = [one.info["cmdline"] for one in psutil.process_iter(["cmdline"])]
    assert not [argv for argv in left if argv and never in argv]


def test_what_goes_on_for_longer_than_it_says_is_refused(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = wav(tmp_path / "a.wav", np.zeros(4 * RATE, dtype=np.float32))
    monkeypatch.setattr(handler, "MAX_HOURS", 0)
    monkeypatch.setattr(handler, "_SLACK_SECONDS", 2)
    job = heard(tenant, path)
    assert (job.state, job.error_code) == (JobState.FAILED, "video_too_long")
