"""The rules that the database itself holds: a job's life, its identity and its history."""

from __future__ import annotations

import itertools

import pytest
from django.db import DatabaseError, connection, transaction

from academy.jobs import lease
from academy.jobs.models import Job, JobEvent
from academy.jobs.states import TERMINAL, TRANSITIONS, JobState, Outcome
from tests.support.jobs import claim, make_job, make_tenant, publish

pytestmark = pytest.mark.django_db


def _refused(sql: str, *values: object) -> str:
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, values)
    return str(caught.value)


def _into(state: JobState) -> Job:
    """A row that reached the state on legal ways only."""
    job = make_job(make_tenant())
    if state is JobState.QUEUED:
        return job
    publish()
    if state in (JobState.PUBLISHED, JobState.RUNNING):
        if state is JobState.RUNNING:
            claim(job)
        return job
    held = claim(job)
    code = "handler_error" if state in (JobState.FAILED, JobState.DEAD) else ""
    assert lease.settle(held, lease.Settlement(state, Outcome.SUCCEEDED, error_code=code)) is state
    return job


def test_the_databases_table_of_transitions_is_the_codes():
    with connection.cursor() as cursor:
        cursor.execute("SELECT from_state, to_state FROM job_transition")
        stored = set(cursor.fetchall())
    assert stored == {(a.value, b.value) for a, nexts in TRANSITIONS.items() for b in nexts}


@pytest.mark.parametrize("before", JobState)
def test_every_transition_that_the_table_lacks_is_refused(before: JobState):
    job = _into(before)
    job.refresh_from_db()
    assert job.state == before
    for after in set(JobState) - TRANSITIONS[before] - {before}:
        _refused(
            "UPDATE job SET state = %s, error_code = 'x', lease_until = now(),"
            " attempt = attempt + 1, finished_at = CASE WHEN %s THEN now() END WHERE id = %s",
            after.value,
            after in TERMINAL,
            job.pk,
        )
    job.refresh_from_db()
    assert job.state == before


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_nothing_of_a_job_that_has_ended_can_change(end: JobState):
    job = _into(end)
    for change in (
        "percent = 1",
        "result = '{}'",
        "error_code = 'other'",
        "output_prefix = 'elsewhere/'",
        "attempt = attempt + 1",
        "version = version + 1",
        "cancel_requested_at = now()",
        "finished_at = NULL, state = 'queued'",
    ):
        _refused(f"UPDATE job SET {change} WHERE id = %s", job.pk)


@pytest.mark.parametrize(
    "change",
    ["kind = 'test.sleep'", "queue = 'video'", "params = '{\"n\": 2}'", "created_at = now()"],
)
def test_what_was_submitted_cannot_change(change: str):
    job = make_job(make_tenant())
    assert "what was submitted" in _refused(f"UPDATE job SET {change} WHERE id = %s", job.pk)


def test_a_job_cannot_move_to_another_academy():
    job, other = make_job(make_tenant()), make_tenant()
    _refused("UPDATE job SET tenant_id = %s WHERE id = %s", other.pk, job.pk)


@pytest.mark.parametrize(
    "change", ["attempt = attempt + 2", "attempt = 0", "version = version - 1"]
)
def test_the_fence_only_moves_forward_by_one(change: str):
    job = _into(JobState.RUNNING)
    assert "went astray" in _refused(f"UPDATE job SET {change} WHERE id = %s", job.pk)


def test_a_job_starts_queued_and_nowhere_else():
    job = make_job(make_tenant())
    for state in set(JobState) - {JobState.QUEUED}:
        _refused(
            "INSERT INTO job SELECT (jsonb_populate_record(job, jsonb_build_object("
            "'id', gen_random_uuid(), 'state', %s::text, 'attempt', 1, 'lease_until', now(),"
            "'error_code', 'x', 'finished_at', CASE WHEN %s THEN now() END))).* "
            "FROM job WHERE id = %s",
            state.value,
            state in TERMINAL,
            job.pk,
        )


def test_the_history_is_append_only():
    job = _into(JobState.RUNNING)
    assert "append-only" in _refused("UPDATE job_event SET type = 'x' WHERE job_id = %s", job.pk)
    assert "append-only" in _refused("DELETE FROM job_event WHERE job_id = %s", job.pk)
    assert "append-only" in _refused("DELETE FROM job WHERE id = %s", job.pk)


def test_a_purge_that_names_itself_may_delete():
    job = make_job(make_tenant())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL academy.purge = 'on'")
        cursor.execute("DELETE FROM job_event WHERE job_id = %s", [job.pk])
        cursor.execute("DELETE FROM job WHERE id = %s", [job.pk])
    assert not Job.unscoped.filter(pk=job.pk).exists()


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_every_transition_leaves_one_event_without_a_gap(end: JobState):
    job = _into(end)
    events = list(JobEvent.objects.filter(job=job))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events] == ["submitted", "published", "running", end.value]
    for before, after in itertools.pairwise(events):
        assert before.to_state == after.from_state
        assert before.at <= after.at
    job.refresh_from_db()
    assert job.event_seq == len(events)


def test_a_write_that_is_no_transition_leaves_no_event():
    job = _into(JobState.RUNNING)
    before = JobEvent.objects.filter(job=job).count()
    Job.unscoped.filter(pk=job.pk).update(percent=50.0, step="half", event_seq=99)
    job.refresh_from_db()
    assert JobEvent.objects.filter(job=job).count() == before == job.event_seq


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"priority": 10}, "job_priority_in_range"),
        ({"percent": 101.0}, "job_percent_in_range"),
        ({"state": "sleeping"}, "job_"),
    ],
)
def test_values_out_of_range_are_refused(columns: dict, constraint: str):
    tenant = make_tenant()
    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        make_job(tenant, **columns)


def test_a_failure_without_a_reason_is_refused():
    held = claim(make_job(make_tenant()))
    with pytest.raises(DatabaseError, match="job_failure_says_why"), transaction.atomic():
        lease.settle(held, lease.Settlement(JobState.FAILED, Outcome.PERMANENT))
