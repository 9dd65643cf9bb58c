"""The life of a lecture: deleted, restored, deleted for good, replaced, and what is left of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.storage import Bucket, ObjectStore, StorageError, store
from academy.jobs import outputs
from academy.jobs.models import Job
from academy.jobs.replay import job_replay
from academy.jobs.states import JobState
from academy.jobs.submit import Submitter
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from academy.video import chunks, deletion, orphans, playback, services, usage
from academy.video.handlers import transcode
from academy.video.models import Caption, ContentKey, Video, VideoPiece, VideoState
from tests.support import lectures, media
from tests.support.jobs import claim, drain, let_wait_pass, make_job, make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("buckets"),
]

GRACE = timedelta(days=7)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def fresh(video: Video) -> Video:
    return Video.unscoped.select_related("job", "purge_job", "upload").get(pk=video.pk)


def delete(video: Video) -> Video:
    return deletion.video_delete(tenant=video.tenant, video_id=video.pk, by="key:test")


def purge(video: Video) -> Job:
    """Have it deleted for good now, and run that job once."""
    delete(video)
    deletion.video_purge(tenant=video.tenant, video_id=video.pk)
    job = purge_job(video)
    run(job)
    return job


def purge_job(video: Video) -> Job:
    job = fresh(video).purge_job
    assert job is not None
    return job


def refused(code: str, act: Callable[[], Any]) -> None:
    with pytest.raises(AppError) as caught:
        act()
    assert caught.value.code == code


# ---------------------------------------------------------------- deleted, and back


def test_a_deleted_video_is_hidden_and_plays_no_more_at_once(tenant: Tenant) -> None:
    video = lectures.ready(tenant)
    path = playback.media_link(video).url.removeprefix(settings.PUBLIC_BASE_URL)
    assert Client().get(path).status_code == 200
    before = fresh(video).policy_version

    deleted = delete(video)

    assert deleted.state is VideoState.DELETED
    assert Client().get(path).status_code >= 400
    assert deleted.policy_version == before + 1
    assert deleted.deleted_at is not None
    assert deleted.purge_at == deleted.deleted_at + GRACE
    assert lectures.keys(tenant), "nothing is removed yet"


def test_deleting_twice_is_deleting_once(tenant: Tenant) -> None:
    video = lectures.ready(tenant)
    first = delete(video)
    with clock.shifted(timedelta(days=1)):
        second = delete(video)
    assert (second.deleted_at, second.purge_at) == (first.deleted_at, first.purge_at)
    assert second.policy_version == first.policy_version


def test_a_restored_video_plays_again_but_old_links_stay_ended(tenant: Tenant) -> None:
    video = lectures.ready(tenant)
    old = playback.media_link(video).url.removeprefix(settings.PUBLIC_BASE_URL)
    delete(video)
    back = deletion.video_restore(tenant=tenant, video_id=video.pk)
    assert (back.state, back.deleted_at, back.purge_at) == (VideoState.READY, None, None)
    new = playback.media_link(fresh(video)).url.removeprefix(settings.PUBLIC_BASE_URL)
    assert Client().get(new).status_code == 200
    assert Client().get(old).status_code >= 400
    assert deletion.video_restore(tenant=tenant, video_id=video.pk).state is VideoState.READY


def test_deleting_a_video_cancels_the_work_for_it(tenant: Tenant) -> None:
    waiting, parent = lectures.submitted(tenant), lectures.submitted(tenant)
    pieces = lectures.divided(parent.job)
    for video in (waiting, parent):
        delete(video)
        assert fresh(video).job.state == JobState.CANCELLED
    assert {Job.unscoped.get(pk=piece.pk).state for piece in pieces} == {JobState.CANCELLED}


# ---------------------------------------------------------------- for good


def test_after_the_grace_nothing_of_a_video_is_left(tenant: Tenant) -> None:
    digest = lectures.make_digest()
    video = lectures.ready(tenant, digest=digest)
    key = f"t/{tenant.pk}/videos/{video.pk}/captions/ko.vtt"
    store(Bucket.VIDEO).put_bytes(key, b"WEBVTT\n", "text/vtt")
    Caption.objects.for_tenant(tenant).create(
        video=video, language="ko", label="한국어", key=key, size=7
    )
    ContentKey.objects.for_tenant(tenant).create(digest=digest, number=0, sealed=b"x")
    delete(video)
    with clock.shifted(GRACE - timedelta(minutes=1)):
        deletion.purge_sweep()
        assert fresh(video).purge_job is None, "not before the grace has passed"
    with clock.shifted(GRACE + timedelta(minutes=1)):
        deletion.purge_sweep()
        assert deletion.purge_sweep() == 0, "one job for each video"
    let_wait_pass(purge_job(video))
    drain("video")

    gone = fresh(video)
    assert gone.purged_at is not None
    result = purge_job(gone).result
    assert (result["video"], result["purged"], result["objects"]) == (str(video.pk), True, 12)
    assert lectures.keys(tenant) == []
    assert (gone.state, gone.output_prefix, gone.size) == (VideoState.DELETED, "", 0)
    assert gone.upload.state == UploadState.DELETED
    for model in (VideoPiece, Caption, ContentKey):
        assert not model.objects.for_tenant(tenant).exists()
    refused("video_purge_begun", lambda: deletion.video_restore(tenant=tenant, video_id=video.pk))


def test_of_a_lecture_that_was_really_encoded_nothing_is_left_either(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 4)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 5)
    upload = lectures.uploaded(tenant)
    source = media.clip(tmp_path / "a.mp4", size="320x180", seconds=9).read_bytes()
    store(Bucket.VIDEO).put_bytes(upload.key, source, "video/mp4")
    Upload.objects.for_tenant(tenant).filter(pk=upload.pk).update(size=len(source))
    video = lectures.submitted(tenant, upload)
    drain("video")
    made = fresh(video)
    assert made.state is VideoState.READY, (made.job.error_code, made.job.error_params)
    assert VideoPiece.objects.for_tenant(tenant).filter(digest=made.digest).exists()
    assert made.size > 0
    assert usage.usage_of(tenant).seconds == pytest.approx(9, abs=0.2)
    with clock.shifted(timedelta(days=4)):
        orphans.pieces_sweep()
        plans = [orphan.reason for orphan in orphans.orphans(tenant=tenant.pk)]
    assert set(plans) == {orphans.Reason.FLOW_ENDED}, "nothing that plays is an orphan"
    purge(made)
    assert lectures.keys(tenant) == []


def test_a_purge_needs_a_deleted_video_and_happens_once(tenant: Tenant) -> None:
    video = lectures.ready(tenant)
    refused("video_not_deleted", lambda: deletion.video_purge(tenant=tenant, video_id=video.pk))
    delete(video)
    first = deletion.video_purge(tenant=tenant, video_id=video.pk)
    again = deletion.video_purge(tenant=tenant, video_id=video.pk)
    assert first.purge_job_id == again.purge_job_id is not None
    refused("video_purge_begun", lambda: deletion.video_restore(tenant=tenant, video_id=video.pk))


def test_pieces_and_the_upload_stay_while_another_video_uses_them(tenant: Tenant) -> None:
    digest, upload = lectures.make_digest(), lectures.uploaded(tenant)
    first = lectures.encode(lectures.submitted(tenant, upload), digest=digest)
    second = lectures.submitted(tenant, upload)
    pieces = {row.prefix for row in VideoPiece.objects.for_tenant(tenant)}
    # The second lecture finds the pieces of the first, and makes one of them again.
    last = lectures.divided(second.job, names=["chunk-0000"])[0]
    lectures.piece_made(last, digest=digest)
    lectures.joined(Job.unscoped.get(pk=second.job_id), digest=digest)
    shared = pieces & {row.prefix for row in VideoPiece.objects.for_tenant(tenant)}
    assert len(shared) == 1

    purge(first)
    left = lectures.keys(tenant)
    assert fresh(first).purged_at is not None
    assert upload.key in left
    assert any(key.startswith(next(iter(shared))) for key in left)
    assert not any(f"/jobs/{first.job_id}/" in key for key in left)

    purge(second)
    assert lectures.keys(tenant) == []


def test_another_academys_videos_are_never_touched(tenant: Tenant) -> None:
    digest = lectures.make_digest()
    mine = lectures.ready(tenant, digest=digest)
    other = make_tenant()
    theirs = lectures.ready(other, digest=digest)
    before = lectures.keys(other)
    purge(mine)
    assert lectures.keys(tenant) == []
    assert lectures.keys(other) == before
    assert fresh(theirs).state is VideoState.READY


def test_a_store_that_errors_means_another_try_and_never_done(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = lectures.ready(tenant)

    def broken(_: ObjectStore, prefix: str) -> int:
        raise StorageError("storage_unavailable", "delete_prefix", prefix)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "delete_prefix", broken)
        job = purge(video)
        assert (job.state, job.error_code) == (JobState.RETRY_WAIT, "storage_unavailable")
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "delete_prefix", lambda *_: 1)
        _due_again(job)
        assert (job.state, job.error_code) == (JobState.RETRY_WAIT, "video_delete_incomplete")
    assert fresh(video).purged_at is None
    _due_again(job)
    assert (job.state, lectures.keys(tenant)) == (JobState.SUCCEEDED, [])
    assert fresh(video).purged_at is not None


def _due_again(job: Job) -> None:
    Job.unscoped.filter(pk=job.pk).update(state="queued", not_before=clock.now())
    run(job)


def test_a_deletion_that_failed_for_good_is_tried_again_as_a_new_job(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = lectures.ready(tenant)

    def refuses(_: ObjectStore, prefix: str) -> int:
        raise StorageError("storage_refused", "delete_prefix", prefix)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "delete_prefix", refuses)
        failed = purge(video)
    assert failed.state == JobState.FAILED
    assert deletion.purge_sweep() == 0, "not at once"
    with clock.shifted(deletion.AGAIN_AFTER + timedelta(minutes=1)):
        assert deletion.purge_sweep() == 1
    again = purge_job(video)
    assert again != failed
    let_wait_pass(again)
    run(again)
    assert fresh(video).purged_at is not None


def test_a_deletion_waits_until_the_worker_has_let_go(tenant: Tenant) -> None:
    video = lectures.submitted(tenant)
    held = claim(video.job)
    lectures.written(held, "480p_00000.m4s")
    job = purge(video)
    assert (job.state, job.error_code) == (JobState.RETRY_WAIT, "video_delete_waits")
    assert fresh(video).job.cancel_requested_at is not None
    lectures.ended(held, JobState.CANCELLED)
    _due_again(job)
    assert (job.state, lectures.keys(tenant)) == (JobState.SUCCEEDED, [])


def test_a_deletion_waits_for_a_download_that_is_being_made(tenant: Tenant) -> None:
    video = lectures.ready(tenant)
    params = {"video": str(video.pk), "prefix": video.output_prefix}
    held = claim(make_job(tenant, "video.mp4", params=params))
    job = purge(video)
    assert (job.state, job.error_code) == (JobState.RETRY_WAIT, "video_delete_waits")
    lectures.ended(held, JobState.CANCELLED)
    _due_again(job)
    assert (job.state, lectures.keys(tenant)) == (JobState.SUCCEEDED, [])


# ---------------------------------------------------------------- retried, replaced


def test_a_retry_keeps_the_video_and_a_deleted_one_cannot_be_retried(tenant: Tenant) -> None:
    video = lectures.submitted(tenant, session="Algebra", position=2, profile="saver")
    by = Submitter(tenant, "test")
    refused("video_not_retryable", lambda: services.video_retry(by=by, video_id=video.pk))
    lectures.ended(claim(video.job), JobState.FAILED)

    again = services.video_retry(by=by, video_id=video.pk)

    assert (again.pk, again.job.replay_of_id) == (video.pk, video.job_id)
    assert (again.session, again.position, again.profile) == ("Algebra", 2, "saver")
    assert again.state is VideoState.WAITING
    assert lectures.encode(again).state is VideoState.READY
    delete(again)
    refused("not_found", lambda: services.video_retry(by=by, video_id=video.pk))


def test_the_job_of_a_deleted_video_cannot_be_replayed_beside_it(tenant: Tenant) -> None:
    video = lectures.submitted(tenant)
    delete(video)
    by = Submitter(tenant, "test")
    refused("video_deleted", lambda: job_replay(by=by, job_id=video.job_id))
    assert Video.objects.for_tenant(tenant).count() == 1


def replace(video: Video, **fields: Any) -> Video:
    upload = lectures.uploaded(video.tenant, **fields)
    by = Submitter(video.tenant, "test")
    return services.video_replace(by=by, video_id=video.pk, upload_id=upload.pk)


def test_a_replaced_video_plays_the_old_recording_until_the_new_one_is_ready(
    tenant: Tenant,
) -> None:
    old = lectures.ready(tenant, digest=lectures.make_digest(), seconds=60)
    busy = replace(old)
    assert (busy.pk, busy.state) == (old.pk, VideoState.READY)
    assert (busy.output_prefix, busy.upload_id) == (old.output_prefix, old.upload_id)
    refused("video_busy", lambda: replace(old))
    Upload.objects.for_tenant(tenant).latest("created_at").delete()

    new = lectures.encode(busy, seconds=90, size=2_000)

    assert new.output_prefix != old.output_prefix
    assert (new.duration, new.size, new.digest) == (90, 2_000, "")
    assert str(new.upload_id) == new.job.params["upload"]
    assert [key for key in lectures.keys(tenant) if key.startswith(old.output_prefix)]

    cleaning = Job.objects.for_tenant(tenant).get(kind="video.delete")
    assert cleaning.not_before - clock.now() > timedelta(hours=23), "viewers may finish the old one"
    let_wait_pass(cleaning)
    drain("video")
    assert all(key.startswith(new.output_prefix) for key in lectures.keys(tenant, "jobs/"))
    assert len(lectures.keys(tenant, "jobs/")) == 4
    uploads = {row.pk: row.state for row in Upload.objects.for_tenant(tenant)}
    assert uploads == {new.upload_id: UploadState.COMPLETE, old.upload_id: UploadState.DELETED}
    assert store(Bucket.VIDEO).head(old.upload.key) is None
    assert store(Bucket.VIDEO).head(fresh(new).upload.key) is not None
    assert not VideoPiece.objects.for_tenant(tenant).exists()
    assert fresh(new).state is VideoState.READY


def test_the_keys_of_a_replaced_recording_go_with_it_and_no_others(tenant: Tenant) -> None:
    digests = [lectures.make_digest() for _ in range(3)]
    for digest in digests:
        ContentKey.objects.for_tenant(tenant).create(digest=digest, number=0, sealed=b"x")
    old = lectures.ready(tenant, digest=digests[0])
    other = lectures.ready(tenant, digest=digests[2])
    new = lectures.encode(replace(old), digest=digests[1])

    def known() -> set[str]:
        return set(ContentKey.objects.for_tenant(tenant).values_list("digest", flat=True))

    assert known() == set(digests), "viewers may finish the old one"
    let_wait_pass(*Job.objects.for_tenant(tenant).filter(kind="video.delete"))
    drain("video")
    assert known() == set(digests[1:])
    purge(new)
    assert known() == {other.digest}


def test_keys_stay_while_their_recording_is_encoded_again_or_played_elsewhere(
    tenant: Tenant,
) -> None:
    digest = lectures.make_digest()
    ContentKey.objects.for_tenant(tenant).create(digest=digest, number=0, sealed=b"x")
    first = lectures.ready(tenant, digest=digest)
    second = lectures.submitted(tenant, first.upload)
    purge(first)
    assert ContentKey.objects.for_tenant(tenant).exists(), "the same keys encrypt it again"
    second = lectures.encode(second, digest=digest)
    third = lectures.encode(lectures.submitted(tenant, first.upload), digest=digest)
    purge(second)
    assert ContentKey.objects.for_tenant(tenant).exists(), "the same pieces are played"
    purge(third)
    assert not ContentKey.objects.for_tenant(tenant).exists()


def test_a_replacement_that_fails_leaves_the_old_recording_and_can_be_retried(
    tenant: Tenant,
) -> None:
    old = lectures.ready(tenant)
    busy = replace(old)
    lectures.ended(claim(busy.job), JobState.FAILED)
    kept = fresh(old)
    assert (kept.state, kept.output_prefix) == (VideoState.READY, old.output_prefix)
    assert kept.upload_id == old.upload_id
    again = services.video_retry(by=Submitter(tenant, "test"), video_id=old.pk)
    new = lectures.encode(again, seconds=90)
    assert (new.pk, new.duration) == (old.pk, 90)


def test_deleting_for_good_takes_replaced_recordings_along(tenant: Tenant) -> None:
    video = lectures.ready(tenant, digest=lectures.make_digest())
    new = lectures.encode(replace(video), digest=lectures.make_digest())
    purge(new)
    assert lectures.keys(tenant) == []
    # The deletion of the old recording that was planned finds nothing, and ends well.
    let_wait_pass(*Job.objects.for_tenant(tenant).filter(kind="video.delete", state="queued"))
    drain("video")
    states = Job.objects.for_tenant(tenant).filter(kind="video.delete")
    assert set(states.values_list("state", flat=True)) == {JobState.SUCCEEDED}


# ---------------------------------------------------------------- pieces and flows


def failed_flow(tenant: Tenant) -> tuple[Video, str, str]:
    """A lecture that failed with one piece finished: the video, the digest and the prefix."""
    video, digest = lectures.submitted(tenant), lectures.make_digest()
    first, second = lectures.divided(video.job)
    prefix = lectures.piece_made(first, digest=digest)
    lectures.ended(claim(second), JobState.FAILED)
    assert fresh(video).state is VideoState.FAILED
    return video, digest, prefix


def test_pieces_of_a_failed_lecture_are_kept_for_another_try_and_then_collected(
    tenant: Tenant,
) -> None:
    _, _, prefix = failed_flow(tenant)
    playing = lectures.ready(tenant, digest=lectures.make_digest())
    kept = VideoPiece.objects.for_tenant(tenant).filter(digest=playing.digest)

    orphans.pieces_sweep()
    assert store(Bucket.VIDEO).head(f"{prefix}480p_init.mp4") is not None
    with clock.shifted(timedelta(days=3, minutes=1)):
        orphans.pieces_sweep()
    assert list(store(Bucket.VIDEO).keys(prefix)) == []
    assert set(VideoPiece.objects.for_tenant(tenant)) == set(kept)
    for piece in kept:
        assert store(Bucket.VIDEO).head(f"{piece.prefix}480p_init.mp4") is not None


def test_pieces_stay_while_a_flow_of_the_same_recording_is_at_work(tenant: Tenant) -> None:
    video, digest, prefix = failed_flow(tenant)
    again = services.video_retry(by=Submitter(tenant, "test"), video_id=video.pk)
    with clock.shifted(timedelta(days=4)):
        orphans.pieces_sweep()
    assert VideoPiece.objects.for_tenant(tenant).filter(digest=digest, prefix=prefix).exists()
    assert list(store(Bucket.VIDEO).keys(prefix))
    delete(again)
    with clock.shifted(timedelta(days=4)):
        orphans.pieces_sweep()
    assert list(store(Bucket.VIDEO).keys(prefix)) == []


def test_a_piece_that_cannot_be_deleted_is_not_forgotten(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, digest, prefix = failed_flow(tenant)

    def broken(_: ObjectStore, key: str) -> int:
        raise StorageError("storage_unavailable", "delete_prefix", key)

    pieces = VideoPiece.objects.for_tenant(tenant)
    with monkeypatch.context() as patched, clock.shifted(timedelta(days=4)):
        patched.setattr(ObjectStore, "delete_prefix", broken)
        orphans.pieces_sweep()
    assert not pieces.filter(digest=digest).exists(), "no flow may use half a piece"
    assert pieces.get().prefix == prefix
    orphans.pieces_sweep()
    assert not pieces.exists()
    assert list(store(Bucket.VIDEO).keys(prefix)) == []


def test_what_a_flow_wrote_for_its_pieces_goes_when_it_has_ended(tenant: Tenant) -> None:
    at_work = lectures.submitted(tenant)
    lectures.divided(at_work.job)
    video, _, _ = failed_flow(tenant)
    done = lectures.ready(tenant, digest=lectures.make_digest())
    with clock.shifted(timedelta(hours=2)):
        outputs.sweep()
        assert outputs.sweep() == 0
    left = lectures.keys(tenant, "jobs/")
    for ended in (video, done):
        assert not any(key.startswith(f"t/{tenant.pk}/jobs/{ended.job_id}/a1/") for key in left)
    assert any(f"/jobs/{at_work.job_id}/a1/plan.json" in key for key in left)
    assert f"{done.output_prefix}master.m3u8" in left


# ---------------------------------------------------------------- orphans


def found(tenant: Tenant, *options: str) -> dict[str, dict[str, Any]]:
    """What the command lists, by prefix; two days from now."""
    said = StringIO()
    with clock.shifted(timedelta(days=2)):
        call_command("video_orphans", "--json", "--tenant", tenant.slug, *options, stdout=said)
    *rows, total = [json.loads(line) for line in said.getvalue().splitlines()]
    assert sum(row["objects"] for row in rows) == sum(
        one["objects"] for one in total["total"].values()
    )
    return {row["prefix"]: row for row in rows}


def put(key: str) -> str:
    """An object out of nowhere; returns the prefix it lies under."""
    store(Bucket.VIDEO).put_bytes(key, b"01234", "video/mp4")
    return key.rpartition("/")[0] + "/"


def test_orphans_are_listed_with_reason_and_size_and_live_things_are_not(tenant: Tenant) -> None:
    root = f"t/{tenant.pk}"
    lectures.ready(tenant, digest=lectures.make_digest())
    lectures.divided(lectures.submitted(tenant).job)
    failed, _, piece = failed_flow(tenant)
    unused = lectures.uploaded(tenant)
    strays = {
        put(f"{root}/jobs/{new_id()}/a1/x.m4s").removesuffix("a1/"): "job_unknown",
        put(f"{root}/uploads/{new_id()}/source"): "upload_unknown",
        put(f"{root}/videos/{new_id()}/captions/ko.vtt").removesuffix("captions/"): "video_gone",
        f"{root}/uploads/{unused.pk}/": "upload_unused",
        f"{root}/jobs/{failed.job_id}/a1/": "flow_ended",
    }
    lost = put(f"{root}/jobs/{failed.job_id}/a9/x.m4s")

    listed = found(tenant)
    wanted = {**strays, lost: "attempt_lost"}
    done = {row.pk: row.output_prefix for row in Job.objects.for_tenant(tenant)}
    plans = {f"{root}/jobs/{job}/a1/" for job, prefix in done.items() if prefix.endswith("/a2/")}
    assert {prefix: row["reason"] for prefix, row in listed.items()} == {
        **wanted, **dict.fromkeys(plans, "flow_ended"),
    }  # fmt: skip
    assert (listed[lost]["objects"], listed[lost]["size"]) == (1, 5)
    assert piece not in listed, "kept for another try"

    before = lectures.keys(tenant)
    assert found(tenant) == listed
    assert lectures.keys(tenant) == before, "a dry run deletes nothing"
    call_command("video_orphans", "--tenant", tenant.slug, "--delete", stdout=StringIO())
    assert lectures.keys(tenant) == before, "nor does anything that is younger than a day"

    found(tenant, "--delete")
    assert found(tenant) == {}
    gone = set(before) - set(lectures.keys(tenant))
    assert {key for key in before if key.startswith(tuple(listed))} == gone
    unused.refresh_from_db()
    assert unused.state == UploadState.DELETED


def test_old_pieces_and_outputs_that_nothing_points_to_are_orphans(tenant: Tenant) -> None:
    _, _, piece = failed_flow(tenant)
    video = lectures.ready(tenant)
    lost = video.output_prefix
    Video.unscoped.filter(pk=video.pk).update(output_prefix="")
    said = StringIO()
    with clock.shifted(timedelta(days=4)):
        call_command("video_orphans", "--tenant", tenant.slug, "--delete", stdout=said)
    lines = {line.split()[0]: line for line in said.getvalue().splitlines()}
    assert piece in lines["piece_unused"]
    assert lost in lines["output_unused"]
    assert not [key for key in lectures.keys(tenant) if key.startswith((piece, lost))]
    assert not VideoPiece.objects.for_tenant(tenant).exists()


def test_the_orphans_of_an_academy_that_is_not_there_are_refused_or_listed(
    tenant: Tenant,
) -> None:
    with pytest.raises(CommandError, match="no academy"):
        call_command("video_orphans", "--tenant", "nobody")
    nowhere = new_id()
    put(f"t/{nowhere}/jobs/{new_id()}/a1/x.m4s")
    with clock.shifted(timedelta(days=2)):
        (orphan,) = orphans.orphans(tenant=nowhere)
    assert (orphan.prefix, orphan.reason) == (f"t/{nowhere}/", orphans.Reason.TENANT_UNKNOWN)
    assert orphans.orphan_delete(orphan) == 1


def test_what_finds_a_use_before_it_is_deleted_stays(tenant: Tenant) -> None:
    upload = lectures.uploaded(tenant)
    failed, _, piece = failed_flow(tenant)
    with clock.shifted(timedelta(days=4)):
        listed = {orphan.prefix: orphan for orphan in orphans.orphans(tenant=tenant.pk)}
        stale = [listed[piece], listed[f"t/{tenant.pk}/uploads/{upload.pk}/"]]
        lectures.submitted(tenant, upload)
        services.video_retry(by=Submitter(tenant, "test"), video_id=failed.pk)
        assert [orphans.orphan_delete(orphan) for orphan in stale] == [0, 0]
    assert list(store(Bucket.VIDEO).keys(piece))
    assert store(Bucket.VIDEO).head(upload.key) is not None


def test_what_cannot_be_deleted_is_said_and_the_command_fails(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = put(f"t/{tenant.pk}/jobs/{new_id()}/a1/x.m4s")

    def broken(_: ObjectStore, key: str) -> int:
        raise StorageError("storage_unavailable", "delete_prefix", key)

    monkeypatch.setattr(ObjectStore, "delete_prefix", broken)
    errors = StringIO()
    with clock.shifted(timedelta(days=2)), pytest.raises(CommandError, match="1 prefix"):
        call_command(
            "video_orphans", "--tenant", tenant.slug, "--delete", stdout=StringIO(), stderr=errors
        )
    assert prefix.removesuffix("a1/") in errors.getvalue()
