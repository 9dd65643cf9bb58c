"""Recordings and lectures as text and captions: cut, sent in parts, joined, applied with care."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from academy.ai.estimates import estimate
from academy.ai.language import money
from academy.ai.language.models import Call, CallState
from academy.ai.language.transcription import cutting
from academy.ai.language.transcription.kind import TRANSCRIPTION
from academy.ai.language.transcription.results import TranscriptionResult
from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.jobs import admission
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from academy.video import webvtt
from academy.video.captions import caption_put, caption_text, captions_list
from academy.video.models import Video
from tests.support import lectures, media
from tests.support.jobs import drain, let_wait_pass, make_tenant
from tests.support.language_double import Asked, LanguageDouble, Plan, serving
from tests.support.rest import error_of, key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

# Four seconds of sound, one of silence; from 20 to 33 s there is nothing.
TALK = "0.4*sin(2*PI*300*t)*lt(mod(t,5),4)*(lt(t,20)+gt(t,33))"
SECONDS = 45.0


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "PART_SECONDS", 10.0)
    monkeypatch.setattr(cutting, "SHORTEST_SECONDS", 7.0)
    monkeypatch.setattr(cutting, "LONGEST_SECONDS", 12.0)


@pytest.fixture
def double(settings: Any) -> Iterator[LanguageDouble]:
    with serving(LanguageDouble()) as found:
        settings.LANGUAGE = found.language()
        found.answers(said)
        yield found


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.m4a"
    sound = f"aevalsrc=exprs='{TALK}':s=16000:d={SECONDS}"
    media.ffmpeg("-f", "lavfi", "-i", sound, "-c:a", "aac", str(path))
    return path


def said(asked: Asked) -> Plan:
    """Something at the beginning of each part, and how long the part is."""
    assert asked.file.startswith(b"fLaC")
    told = f"길이 {length_of(asked.file):.1f}"
    return Plan([
        {"start": 0.5, "end": 2.0, "text": told, "avg_logprob": -0.1},
        {"start": 3.0, "end": 3.8, "text": "우물우물", "avg_logprob": -2.0},
    ])  # fmt: skip


def length_of(flac: bytes) -> float:
    done = subprocess.run(
        [media.binaries().ffmpeg, "-v", "error", "-i", "pipe:0", "-f", "s16le", "pipe:1"],
        input=flac, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return len(done.stdout) / 2 / 16_000


def uploaded(tenant: Tenant, path: Path, purpose: str = "audio") -> Upload:
    bucket = Bucket.AI if purpose == "audio" else Bucket.VIDEO
    upload_id = new_id()
    key = f"t/{tenant.pk}/uploads/{upload_id}/source"
    store(bucket).put_file(key, path, "application/octet-stream")
    return Upload.objects.for_tenant(tenant).create(
        id=upload_id, bucket=bucket.value, key=key, filename=path.name, size=path.stat().st_size,
        content_type="audio/mp4", purpose=purpose, state=UploadState.COMPLETE,
        completed_at=clock.now(), expires_at=clock.now(),
    )  # fmt: skip


def submitted(tenant: Tenant, **params: Any) -> Job:
    order = Order(TRANSCRIPTION.name, {name: str(one) if name in {"upload", "video"} else one
                                       for name, one in params.items()})  # fmt: skip
    return job_submit(by=Submitter(tenant, "test"), order=order)


def ended(tenant: Tenant, **params: Any) -> Job:
    job = submitted(tenant, **params)
    assert job.queue == "ai-basic"
    drain("ai-basic")
    job.refresh_from_db()
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    TranscriptionResult.model_validate(job.result)
    result: dict[str, Any] = job.result["result"]
    return result


def text_of(job: Job, name: str) -> str:
    (key,) = [one["key"] for one in job.artifacts if one["name"] == name]
    return store(Bucket.AI).read(key).decode()


def lecture(tenant: Tenant, talk: Path, folder: Path) -> Video:
    """A lecture that is ready, of which only the sound is real."""
    video = lectures.ready(tenant, seconds=SECONDS)
    media.ffmpeg(
        "-i", str(talk), "-c", "copy", "-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "60",
        "-hls_playlist_type", "vod", "-hls_fmp4_init_filename", "audio_init.mp4",
        "-hls_segment_filename", str(folder / "audio_%05d.m4s"), str(folder / "audio.m3u8"),
    )  # fmt: skip
    files = sorted(folder.glob("audio*"))
    for path in files:
        store(Bucket.VIDEO).put_file(video.output_prefix + path.name, path, "video/mp4")
    size = sum(path.stat().st_size for path in files if path.suffix != ".m3u8")
    manifest = {**(video.manifest or {}), "audio": {"playlist": "audio.m3u8", "size": size}}
    Video.objects.for_tenant(tenant).filter(pk=video.pk).update(manifest=manifest)
    return video


def test_a_recording_is_cut_at_silences_and_joined_on_its_own_clock(double, tenant, talk):
    job = ended(tenant, upload=uploaded(tenant, talk).pk, language="ko")
    result = result_of(job)
    spans = job.checkpoint["parts"]
    assert result["duration_s"] == pytest.approx(SECONDS, abs=0.2)
    assert (result["parts"], result["silent_parts"]) == (len(spans), 1)
    for start, _ in spans[1:]:
        assert start % 5 > 3.9, "every cut lies in a silence"
    assert not any(start >= 20 and end <= 33 for start, end in spans), "silence is not sent"

    segments = json.loads(text_of(job, "transcript.json"))["segments"]
    assert [one["start_s"] for one in segments] == pytest.approx(
        [start + at for start, _ in spans for at in (0.5, 3.0)], abs=0.002
    )
    for (start, end), one in zip(spans, segments[::2], strict=True):
        assert float(one["text"].split()[1]) == pytest.approx(end - start, abs=0.1)
    cues = webvtt.parse(text_of(job, "transcript.vtt"))
    assert [cue.start / 1000 for cue in cues] == pytest.approx(
        [one["start_s"] for one in segments], abs=0.002
    )
    assert [cue.lines for cue in webvtt.parse(text_of(job, "transcript.srt"))] == [
        cue.lines for cue in cues
    ]
    assert (result["unsure"], job.result["review_required"]) == (len(spans), True)
    assert result["captions"] is None
    assert result["spent"]["calls"] == len(spans) == len(double.asked)
    sent = sum(end - start for start, end in spans)
    assert result["spent"]["seconds"] == pytest.approx(sent, abs=0.01)
    costs = [call.cost_micro for call in Call.objects.for_tenant(tenant)]
    assert sum(costs) == pytest.approx(money.MICRO * 6 * sent / 60, rel=0.001)
    assert all(asked.fields["language"] == "ko" for asked in double.asked)


def test_a_part_that_fails_is_sent_again_alone(double, tenant, talk):
    double.answers(said, Plan(status=503), said)
    job = submitted(tenant, upload=uploaded(tenant, talk).pk)
    drain("ai-basic")
    (late,) = Job.unscoped.filter(parent=job, state="retry_wait")
    let_wait_pass(late)
    admission.promote_retries()
    drain("ai-basic")
    job.refresh_from_db()
    result = result_of(job)
    assert len(double.asked) == result["parts"] + 1
    assert result["language"] == "korean"
    states = [call.state for call in Call.objects.for_tenant(tenant).order_by("created_at")]
    assert states.count(CallState.FREE) == 1


def test_a_lecture_is_given_captions_that_are_marked_and_may_be_replaced(
    double, tenant, talk, tmp_path
):
    video = lecture(tenant, talk, tmp_path)
    known = estimate(tenant=tenant, kind=TRANSCRIPTION.name, params={"video": str(video.pk)})
    assert (known.units, known.price) == (1, 15)
    job = ended(tenant, video=video.pk, language="ko", captions=True)
    result = result_of(job)
    assert result["captions"] == {"applied": True, "language": "ko", "label": "한국어 (auto)"}
    (caption,) = captions_list(video=video)
    assert (caption.language, caption.label) == ("ko", "한국어 (auto)")
    assert "길이" in caption_text(video=video, language="ko")

    again = ended(tenant, video=video.pk, language="ko", captions=True)
    assert result_of(again)["captions"]["applied"]
    assert captions_list(video=video).count() == 1


BY_HAND = b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nby hand\n"


def test_what_a_teacher_wrote_is_never_replaced(double, tenant, talk, tmp_path):
    video = lecture(tenant, talk, tmp_path)
    job = submitted(tenant, video=video.pk, language="ko", captions=True)
    caption_put(tenant=tenant, video_id=video.pk, language="ko", data=BY_HAND)
    drain("ai-basic")
    job.refresh_from_db()
    assert result_of(job)["captions"]["applied"] is False
    warning = {"code": "captions_not_applied", "params": {"reason": "captions_by_hand"}}
    assert warning in job.result["warnings"]
    assert "by hand" in caption_text(video=video, language="ko")
    body = {
        "kind": TRANSCRIPTION.name,
        "params": {"video": str(video.pk), "language": "ko", "captions": True},
    }
    error = error_of(key_client(tenant).post("/api/v1/jobs", body), 409)
    assert error["code"] == "captions_by_hand"
    scopes = ("jobs:read", "jobs:write", "videos:read")
    error = error_of(key_client(tenant, *scopes).post("/api/v1/jobs", body), 403)
    assert error["code"] == "scope_missing"


def test_captions_of_a_recording_that_was_replaced_meanwhile_are_not_applied(
    double, tenant, talk, tmp_path
):
    video = lecture(tenant, talk, tmp_path)
    other = lectures.uploaded(tenant)

    def replaced(asked: Asked) -> Plan:
        Video.objects.for_tenant(tenant).filter(pk=video.pk).update(upload_id=other.pk)
        connection.close()
        return said(asked)

    double.answers(replaced)
    job = ended(tenant, video=video.pk, language="en", captions=True)
    assert result_of(job)["captions"] == {
        "applied": False, "language": "en", "label": "English (auto)",
    }  # fmt: skip
    warning = {"code": "captions_not_applied", "params": {"reason": "recording_replaced"}}
    assert warning in job.result["warnings"]
    assert not captions_list(video=video).exists()


def test_what_cannot_be_heard_is_refused_before_anything_is_spent(double, tenant, tmp_path):
    silent, mute, junk = (tmp_path / name for name in ("silent.m4a", "mute.mp4", "junk.m4a"))
    media.ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:d=5", "-c:a", "aac", str(silent))
    media.clip(mute, seconds=1, size="64x64", with_sound=False)
    junk.write_bytes(b"#EXTM3U\nhttp://169.254.169.254/latest\n" * 10)
    for path, code in (
        (silent, "transcription_nothing_said"),
        (mute, "speech_no_sound"),
        (junk, "video_not_media"),
    ):
        job = ended(tenant, upload=uploaded(tenant, path).pk)
        assert (job.state, job.error_code) == (JobState.FAILED, code)
    assert not double.asked
    assert not Call.objects.for_tenant(tenant).exists()


def test_nothing_is_begun_that_the_budget_would_end_in_the_middle(double, tenant, talk, settings):
    settings.LANGUAGE = double.language(tenant_budget=Decimal("1.5"))
    job = ended(tenant, upload=uploaded(tenant, talk).pk)
    assert (job.state, job.error_code) == (JobState.FAILED, "language_budget_spent")
    assert not double.asked


def test_a_part_that_the_model_does_not_understand_is_a_gap_that_is_said(double, tenant, talk):
    nothing = Plan(body=b'{"text": "hello"}')
    double.answers(nothing, nothing, said)
    job = ended(tenant, upload=uploaded(tenant, talk).pk)
    result = result_of(job)
    assert result["gaps"] == [[round(at, 3) for at in job.checkpoint["parts"][0]]]
    assert {"code": "transcript_gaps", "params": {"count": 1}} in job.result["warnings"]
    assert job.result["review_required"]
    assert len(double.asked) == result["parts"] + 1 == result["spent"]["calls"]


def test_a_model_that_sends_no_segments_at_all_ends_the_job_with_a_reason(double, tenant, talk):
    double.answers(Plan(body=b'{"text": "hello"}'))
    job = ended(tenant, upload=uploaded(tenant, talk).pk)
    assert (job.state, job.error_code) == (JobState.FAILED, "language_reply_invalid")


def test_another_academys_recording_and_a_service_that_is_off_are_refused(
    double, tenant, talk, settings
):
    foreign = uploaded(make_tenant(), talk)
    with pytest.raises(AppError) as refused:
        submitted(tenant, upload=foreign.pk)
    assert refused.value.code == "upload_not_found"
    with pytest.raises(AppError) as refused:
        submitted(tenant, upload=foreign.pk, captions=True)
    assert refused.value.code == "params_invalid"
    settings.LANGUAGE = double.language(speech=None)
    with pytest.raises(AppError) as refused:
        submitted(tenant, upload=uploaded(tenant, talk).pk)
    assert (refused.value.code, refused.value.params) == (
        "model_not_configured", {"model": "SPEECH_BASE_URL"},
    )  # fmt: skip
