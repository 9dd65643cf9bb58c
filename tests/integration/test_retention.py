"""What nobody needs any more is deleted by the relay's sweeps, and nothing else with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from academy.core import clock, sweeps
from academy.deadletters import collect, services
from academy.deadletters import retention as old_letters
from academy.deadletters.models import DeadLetter, LetterState, Replay, ReplayItem
from academy.fleet.models import OperatorAction
from academy.jobs import kinds
from academy.jobs.models import Job, JobAttempt, JobEvent, JobLog
from academy.jobs.purge import jobs_purge
from academy.ops.deep import check, pings, probes
from academy.ops.deep import retention as old_checks
from academy.ops.deep.probes import Found
from academy.tenants.models import Tenant
from academy.video import viewings
from academy.video.models import Viewing, Watched
from tests.integration.test_video_playback import video_of
from tests.support.jobs import drain, make_job, make_tenant, run
from tests.support.kinds import registry
from tests.support.letters import MemoryQueues, dead_job, letter_of, memory_queues

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("buckets"),
]
BY = "user:17"


@pytest.fixture(autouse=True)
def queues(monkeypatch: pytest.MonkeyPatch) -> MemoryQueues:
    """Queues in memory, and parts of the chain that answer."""
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    monkeypatch.setattr(probes, "PROBES", dict.fromkeys(probes.PROBES, Found))
    return memory_queues(monkeypatch)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def checked(*queues: str) -> list[Job]:
    """The jobs of a check of some queues, which nobody has looked at since."""
    number = check.start(by=BY, queues=queues)
    for queue in queues:
        drain(queue)
    return list(Job.unscoped.filter(submitted_by=f"deep-check:{number}"))


def settled(jobs: list[Job]) -> None:
    check.look(OperatorAction.objects.get(pk=jobs[0].submitted_by.partition(":")[2]).pk)


@pytest.mark.parametrize(
    "name", ["ops.deep_checks", "deadletters.retention", "video.viewings", "jobs.logbook"]
)
def test_the_relay_runs_the_sweep(name: str) -> None:
    assert name in [sweep.name for sweep in sweeps.registered()]


def test_rounds_end_with_the_first_that_finds_little_and_are_bounded() -> None:
    found = iter([3, 3, 1, 3])
    assert sweeps.in_rounds(lambda _rows: next(found), rows=3) == 7
    assert sweeps.in_rounds(lambda rows: rows, rows=5, rounds=4) == 20


# ---------------------------------------------------------------------------- jobs of checks


def test_jobs_of_an_old_check_go_with_their_history_and_its_result_stays(tenant: Tenant) -> None:
    jobs = checked("ai-lite", "messaging")
    settled(jobs)
    kept = make_job(tenant)
    run(kept)
    assert old_checks.sweep() == 0

    with clock.shifted(timedelta(days=settings.DEEP_CHECK_DAYS, minutes=1)):
        assert old_checks.sweep() == 2
        report = check.latest()

    gone = [job.pk for job in jobs]
    for rows in (JobEvent, JobAttempt, JobLog):
        assert not rows.objects.filter(job_id__in=gone).exists()
    assert list(Job.unscoped.all()) == [kept]
    assert JobEvent.objects.filter(job=kept).exists()
    assert report is not None
    assert [queue.job for queue in report.queues] == gone


def test_jobs_stay_while_they_are_all_that_is_known_of_a_check() -> None:
    jobs = checked("ai-lite")

    with clock.shifted(timedelta(days=settings.DEEP_CHECK_DAYS + 1)):
        assert old_checks.sweep() == 0
        settled(jobs)
        assert old_checks.sweep() == 1


def test_a_job_of_a_check_that_died_stays_as_its_dead_letter_does() -> None:
    jobs = checked("ai-lite")
    settled(jobs)
    DeadLetter.objects.create(
        source="job", queue="ai-lite", job=jobs[0], root=jobs[0], tenant_id=pings.TENANT_ID,
        code="worker_lost", title="", fingerprint="0" * 12, died_at=clock.now(),
        collected_at=clock.now(),
    )  # fmt: skip

    with clock.shifted(timedelta(days=settings.DEEP_CHECK_DAYS + 1)):
        assert old_checks.sweep() == 0


def test_history_still_cannot_be_deleted_by_anybody_else(tenant: Tenant) -> None:
    jobs = checked("ai-lite")
    assert jobs_purge([jobs[0].pk]) == 1
    waiting = make_job(tenant)
    assert jobs_purge([waiting.pk]) == 0
    assert JobEvent.objects.filter(job=waiting).exists()

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM job_event WHERE job_id = %s", [waiting.pk])


# ---------------------------------------------------------------------------- dead letters


def buried(queues: MemoryQueues) -> DeadLetter:
    """The letter of a message that no worker could read."""
    message = queues.bury("video", "{not json")
    collect.messages("video")
    return DeadLetter.objects.get(message_id=message.message_id)


def test_letters_of_messages_go_once_they_were_dealt_with_long_ago(
    tenant: Tenant, queues: MemoryQueues
) -> None:
    dealt_with, open_ = buried(queues), buried(queues)
    of_job = letter_of(dead_job(tenant))
    for letter in (dealt_with, of_job):
        services.discard(letter_id=letter.pk, by=BY, reason="A test message of ours.")
    assert old_letters.sweep() == 0

    with clock.shifted(timedelta(days=settings.DEAD_LETTER_DAYS, minutes=1)):
        assert old_letters.sweep() == 1
        collect.all_jobs()

    assert set(DeadLetter.objects.values_list("pk", flat=True)) == {open_.pk, of_job.pk}
    assert DeadLetter.objects.get(pk=of_job.pk).state == LetterState.DISCARDED
    assert OperatorAction.objects.filter(target=str(dealt_with.pk)).exists()


def test_a_replay_goes_with_its_last_letter_and_not_before_it_has_ended(
    queues: MemoryQueues,
) -> None:
    letter = buried(queues)
    services.discard(letter_id=letter.pk, by=BY, reason="A test message of ours.")
    replay = Replay.objects.create(
        created_at=clock.now(), created_by=BY, per_minute=1, max_in_flight=1, paced_at=clock.now()
    )
    item = ReplayItem.objects.create(replay=replay, position=0, letter=letter)

    with clock.shifted(timedelta(days=settings.DEAD_LETTER_DAYS + 1)):
        assert old_letters.sweep() == 0
        ReplayItem.objects.filter(replay=replay).update(state="left", ended_at=item.sent_at)
        assert old_letters.sweep() == 1  # the letter, with its place in the replay
        assert Replay.objects.filter(pk=replay.pk).exists()
        long_ago = clock.now() - timedelta(days=settings.DEAD_LETTER_DAYS + 1)
        Replay.objects.filter(pk=replay.pk).update(state="stopped", ended_at=long_ago)
        assert old_letters.sweep() == 1
    assert not Replay.objects.exists()


# ---------------------------------------------------------------------------- viewings


def test_old_viewings_go_and_what_was_watched_stays(tenant: Tenant) -> None:
    video = video_of(tenant)
    old, recent = (
        viewings.viewing_start(video=video, viewer=viewer, device="phone")
        for viewer in ("student-1", "student-2")
    )
    Watched.objects.for_tenant(tenant).create(
        video=video, viewer="student-1", updated_at=clock.now()
    )

    with clock.shifted(timedelta(days=settings.VIDEO_VIEWING_DAYS, minutes=1)):
        Viewing.unscoped.filter(pk=recent.pk).update(seen_at=clock.now())
        assert viewings.retention_sweep() == 1

    assert list(Viewing.unscoped.all()) == [recent]
    assert Watched.unscoped.filter(video=video, viewer="student-1").exists()
    assert old.pk != recent.pk
