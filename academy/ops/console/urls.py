"""Addresses of the console, below ``/console``."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from academy.ops.console import (
    audit,
    checks,
    job,
    jobs,
    letters,
    letters_deeds,
    overview,
    queues,
    session,
    tenants,
    workers,
)

app_name = "console"

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("/", RedirectView.as_view(pattern_name="console:overview")),
    path("/login", session.login, name="login"),
    path("/logout", session.logout, name="logout"),
    path("/language", session.language, name="language"),
    path("/queues", queues.queues, name="queues"),
    path("/queues/<str:queue>/pause", queues.pause, name="queue-pause"),
    path("/queues/<str:queue>/resume", queues.resume, name="queue-resume"),
    path("/jobs", jobs.jobs, name="jobs"),
    path("/jobs/<uuid:job_id>", job.job, name="job"),
    path("/jobs/<uuid:job_id>/log", job.log, name="job-log"),
    path("/jobs/<uuid:job_id>/artifacts/<int:number>", job.artifact, name="job-artifact"),
    path("/jobs/<uuid:job_id>/cancel", job.cancel, name="job-cancel"),
    path("/jobs/<uuid:job_id>/retry", job.retry, name="job-retry"),
    path("/jobs/<uuid:job_id>/replay", job.replay, name="job-replay"),
    path("/letters", letters.letters, name="letters"),
    path("/letters/<uuid:letter_id>", letters.letter, name="letter"),
    path("/letters/<uuid:letter_id>/replay", letters_deeds.letter_replay, name="letter-replay"),
    path("/letters/<uuid:letter_id>/discard", letters_deeds.letter_discard, name="letter-discard"),
    path("/letters/causes/<str:fingerprint>", letters.group, name="letter-group"),
    path(
        "/letters/causes/<str:fingerprint>/replay", letters_deeds.group_replay, name="group-replay"
    ),
    path(
        "/letters/causes/<str:fingerprint>/discard",
        letters_deeds.group_discard,
        name="group-discard",
    ),
    path("/letters/replays/<uuid:replay_id>", letters.replay, name="replay"),
    path(
        "/letters/replays/<uuid:replay_id>/pause", letters_deeds.replay_pause, name="replay-pause"
    ),
    path(
        "/letters/replays/<uuid:replay_id>/resume",
        letters_deeds.replay_resume,
        name="replay-resume",
    ),
    path("/letters/replays/<uuid:replay_id>/stop", letters_deeds.replay_stop, name="replay-stop"),
    path("/academies", tenants.tenants, name="tenants"),
    path("/academies/<uuid:tenant_id>", tenants.tenant, name="tenant"),
    path("/academies/<uuid:tenant_id>/switch", tenants.switch, name="tenant-switch"),
    path("/academies/<uuid:tenant_id>/lectures", tenants.video_limit, name="video-limit"),
    path(
        "/academies/<uuid:tenant_id>/lectures/remove",
        tenants.video_limit_remove,
        name="video-limit-remove",
    ),
    path("/academies/<uuid:tenant_id>/limits/<str:queue>", tenants.limit, name="limit"),
    path(
        "/academies/<uuid:tenant_id>/limits/<str:queue>/remove",
        tenants.limit_remove,
        name="limit-remove",
    ),
    path("/workers", workers.workers, name="workers"),
    path("/workers/<str:name>/drain", workers.drain, name="worker-drain"),
    path("/workers/<str:name>/undrain", workers.undrain, name="worker-undrain"),
    path("/check", checks.checks, name="check"),
    path("/audit", audit.audit, name="audit"),
]
