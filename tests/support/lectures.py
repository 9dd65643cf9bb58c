"""Lectures made without an encoder: rows as the job core writes them, and a few bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from academy.core import clock
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.jobs.context import Artifact, Child, FanOut
from academy.jobs.execute import finish
from academy.jobs.lease import Claim, Settlement
from academy.jobs.models import Job
from academy.jobs.states import JobState, Outcome
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from academy.video.models import Video
from tests.support.jobs import claim

PIECES = ("audio", "chunk-0000")
SECONDS = 60.0


def uploaded(tenant: Tenant, *, size: int = 10, **fields: Any) -> Upload:
    """A complete upload with an object; ``size`` is what its row says."""
    upload_id = new_id()
    key = f"t/{tenant.pk}/uploads/{upload_id}/source"
    store(Bucket.VIDEO).put_bytes(key, b"0123456789", "video/mp4")
    values: dict[str, Any] = {
        "id": upload_id, "bucket": "video", "key": key, "filename": "a.mp4", "size": size,
        "content_type": "video/mp4", "purpose": "video", "state": UploadState.COMPLETE,
        "completed_at": clock.now(), "expires_at": clock.now(),
    } | fields  # fmt: skip
    return Upload.objects.for_tenant(tenant).create(**values)


def submitted(tenant: Tenant, upload: Upload | None = None, **fields: Any) -> Video:
    """A video whose job waits; ``fields`` of the order and of its parameters."""
    order = {name: fields.pop(name) for name in ("priority", "not_before") if name in fields}
    params = {
        "upload": str((upload or uploaded(tenant)).pk), "title": "Lesson 1", **fields,
    }  # fmt: skip
    job = jobs_submit(
        by=Submitter(tenant, "test"), orders=[Order("video.transcode", params, **order)]
    )[0]
    return Video.objects.for_tenant(tenant).select_related("job").get(job=job)


def prefix_of(held: Claim) -> str:
    """Where the attempt writes."""
    return f"t/{held.tenant_id}/jobs/{held.job_id}/a{held.attempt}/"


def written(held: Claim, *names: str) -> str:
    """Store objects as the attempt would; returns its prefix."""
    for name in names:
        store(Bucket.VIDEO).put_bytes(prefix_of(held) + name, b"0123456789", "video/mp4")
    return prefix_of(held)


def ended(held: Claim, state: JobState, result: dict[str, Any] | None = None) -> None:
    """Settle the attempt; what succeeded has a prefix."""
    outcomes = {
        JobState.SUCCEEDED: Outcome.SUCCEEDED,
        JobState.FAILED: Outcome.PERMANENT,
        JobState.CANCELLED: Outcome.CANCELLED,
    }
    done = state is JobState.SUCCEEDED
    prefix = prefix_of(held) if done else ""
    artifact = Artifact("x", f"{prefix}x", "video/mp4", 10)
    finish(
        held,
        Settlement(
            state, outcomes[state], result=result,
            artifacts=[artifact.__dict__] if done else [],
            output_prefix=prefix,
            error_code="video_damaged" if state is JobState.FAILED else "",
        ),
    )  # fmt: skip


def divided(job: Job, names: Sequence[str] = PIECES) -> list[Job]:
    """The first phase: a plan, and children that wait."""
    held = claim(job)
    written(held, "plan.json", "sound.mka")
    children = [Child(name, "video.piece", {"plan": "plan", "piece": name}) for name in names]
    waiting = Settlement(JobState.WAITING, Outcome.WAITING, next_phase="join")
    finish(held, waiting, FanOut(children, then="join", until_percent=90))
    return list(job.children.order_by("id"))


def piece_made(piece: Job, *, digest: str) -> str:
    """Finish a piece; returns its prefix."""
    held = claim(piece)
    prefix = written(held, "480p_00000.m4s", "480p_init.mp4")
    about = {"digest": digest, "piece": piece.child_key, "errors": 0, "facts": {}}
    ended(held, JobState.SUCCEEDED, about)
    return prefix


def joined(job: Job, *, digest: str = "", size: int = 1_000, seconds: float = SECONDS) -> str:
    """The last phase: the output; returns its prefix."""
    held = claim(job)
    prefix = written(held, "master.m3u8", "480p.m3u8", "poster.jpg", "manifest.json")
    result: dict[str, Any] = {
        "duration": seconds, "size": size, "damaged": False, "damage": None, "renditions": [],
    }  # fmt: skip
    ended(held, JobState.SUCCEEDED, {**result, "digest": digest} if digest else result)
    return prefix


def encode(video: Video, *, digest: str | None = None, **made: Any) -> Video:
    """Bring the video's job to its end: with a digest by pieces, else in one go."""
    job = Job.unscoped.get(pk=video.job_id)
    if digest is not None:
        for piece in divided(job):
            piece_made(piece, digest=digest)
    joined(job, digest=digest or "", **made)
    return Video.objects.for_tenant(video.tenant_id).select_related("job").get(pk=video.pk)


def ready(tenant: Tenant, *, digest: str | None = None, **made: Any) -> Video:
    """A video that plays."""
    return encode(submitted(tenant), digest=digest, **made)


def keys(tenant: Tenant, below: str = "") -> list[str]:
    """Every key of the tenant's in the video bucket."""
    return list(store(Bucket.VIDEO).keys(f"t/{tenant.pk}/{below}"))


def make_digest() -> str:
    """A digest that no other plan has."""
    return new_id().hex * 2
