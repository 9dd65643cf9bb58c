"""The relay in ``/readyz``: how late it is and whether it lives; never a reason to be taken out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from academy.core import health
from academy.fleet import services
from academy.jobs import lag
from academy.jobs.models import Job
from academy.tenants.models import QueueLimit, Tenant
from tests.support.jobs import claim, let_lease_expire, let_wait_pass, make_job, make_tenant
from tests.support.processes import eventually
from tests.support.rest import client_with

pytestmark = [pytest.mark.integration("postgres", "s3"), pytest.mark.django_db(transaction=True)]

PING = "system.ping.ai-lite"
QUEUE = "ai-lite"


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def waiting(tenant: Tenant, seconds: float, **fields: Any) -> Job:
    """A row that has been due for so long."""
    job = make_job(tenant, PING, **fields)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE job_event DISABLE TRIGGER job_event_append_only")
        cursor.execute(
            "UPDATE job_event SET at = clock_timestamp() - make_interval(secs => %s) "
            "WHERE job_id = %s",
            [seconds, job.pk],
        )
        cursor.execute("ALTER TABLE job_event ENABLE TRIGGER job_event_append_only")
        cursor.execute(
            "UPDATE job SET not_before = clock_timestamp() - make_interval(secs => %s) "
            "WHERE id = %s",
            [seconds, job.pk],
        )
    return job


def lag_of(queue: str = QUEUE) -> float:
    return lag.relay_lag()[queue]


def test_the_lag_is_the_age_of_the_oldest_row_that_could_be_published(tenant: Tenant) -> None:
    assert set(lag.relay_lag().values()) == {0.0}
    waiting(tenant, 40)
    waiting(make_tenant(), 90)
    make_job(make_tenant(), PING)

    assert lag_of() == pytest.approx(90, abs=5)
    assert lag_of("video") == 0.0


def test_a_row_that_waits_for_its_tenants_turn_is_no_lag(tenant: Tenant) -> None:
    QueueLimit.unscoped.create(tenant=tenant, queue=QUEUE, in_flight=1)
    held = make_job(tenant, PING)
    waiting(tenant, 300)
    assert lag_of() == pytest.approx(0, abs=5)  # the first in turn is new

    claim(held)
    assert lag_of() == 0.0


def test_a_paused_queue_and_an_academy_that_is_switched_off_are_no_lag(tenant: Tenant) -> None:
    waiting(tenant, 300)
    services.queue_pause(queue=QUEUE, by="user:1", reason="a test")
    assert lag_of() == 0.0

    services.queue_resume(queue=QUEUE, by="user:1")
    assert lag_of() == pytest.approx(300, abs=5)
    Tenant.objects.filter(pk=tenant.pk).update(is_active=False)
    assert lag_of() == 0.0


def test_a_row_that_is_not_due_yet_is_no_lag(tenant: Tenant) -> None:
    job = waiting(tenant, 300)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE job SET not_before = clock_timestamp() + interval '1 hour' WHERE id = %s",
            [job.pk],
        )
    assert lag_of() == 0.0


def test_a_long_job_that_is_given_back_is_late_from_that_moment_on(tenant: Tenant) -> None:
    from academy.jobs.reap import reap_leases  # noqa: PLC0415 - registers nothing, reads settings

    job = waiting(tenant, 3_600)
    claim(job)
    let_wait_pass(job)
    let_lease_expire(job)
    assert reap_leases() == 1

    assert lag_of() < 5


@contextmanager
def relay_connection() -> Iterator[psycopg.Connection[Any]]:
    """What a relay's listening connection looks like to the database."""
    known = connection.get_connection_params()
    names = ("host", "port", "dbname", "user", "password")
    with psycopg.connect(autocommit=True, **{n: known[n] for n in names if n in known}) as made:
        yield made


def test_a_relay_is_known_by_its_last_round_and_gone_with_its_connection() -> None:
    assert health.relay_sign() == health.RelaySign(0, None)
    with relay_connection() as relay:
        assert health.relay_sign().relays == 0  # connected, and no round yet
        relay.execute(health.RELAY_ROUND)
        sign = health.relay_sign()
        assert sign.relays == 1
        assert sign.silent_seconds is not None
        assert sign.silent_seconds < 5

        relay.execute("SELECT pg_sleep(0.6)")
        with relay_connection() as other:
            other.execute(health.RELAY_ROUND)
            # Two relays: the one that spoke last counts.
            assert health.relay_sign().relays == 2
            assert (health.relay_sign().silent_seconds or 9) < 0.6
    eventually(lambda: not health.relay_sign().relays, 10, "the server has closed both")


def ready() -> Any:
    return client_with(None).get("/readyz")


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, buckets: None) -> None:
    """A notice that has not been asked yet."""
    monkeypatch.setattr(health, "_notices", {"relay": lag.RelayNotice()})


def test_a_late_or_missing_relay_degrades_and_does_not_take_the_process_out(
    fresh: None, tenant: Tenant
) -> None:
    waiting(tenant, 120)

    answer = ready()

    assert answer.status_code == 200, answer.content
    assert answer.json()["degraded"] == ["relay"]
    told = answer.json()["notices"]["relay"]
    assert told["ok"] is False
    assert told["lag_seconds"] == pytest.approx(120, abs=5)
    assert (told["relays"], told["silent_seconds"]) == (0, None)


def test_a_relay_in_time_is_no_notice(fresh: None) -> None:
    with relay_connection() as relay:
        relay.execute(health.RELAY_ROUND)
        body = ready().json()
    assert (body["ok"], body["degraded"]) == (True, [])
    assert body["notices"]["relay"]["ok"] is True


def test_a_lag_that_cannot_be_measured_is_said_and_harms_nothing(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow() -> dict[str, float]:
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(lag, "relay_lag", slow)
    answer = ready()
    assert answer.status_code == 200
    assert answer.json()["notices"]["relay"] == {"ok": False}


def test_the_relay_is_asked_at_most_every_five_seconds(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def count() -> dict[str, float]:
        asked.append(1)
        return {}

    monkeypatch.setattr(lag, "relay_lag", count)
    for _ in range(5):
        assert ready().status_code == 200
    assert asked == [1]
