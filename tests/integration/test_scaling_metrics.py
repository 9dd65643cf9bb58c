"""The scaling metrics: real rows and messages in, and read back from the embedded CloudWatch."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from django.db import connection

from academy.core import clock, sweeps
from academy.fleet.models import QueueSwitch, Worker
from academy.jobs import kinds
from academy.jobs.models import Job
from academy.tenants.models import QueueLimit, Tenant
from tasks import depths, provision, queues, scaling
from tasks.apps import TasksConfig
from tasks.queue_access import SqsAccess
from tests.support.jobs import QUEUE, make_job, make_tenant
from tests.support.kinds import registry
from tests.support.processes import Process, eventually

pytestmark = [pytest.mark.integration("sqs"), pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()


@pytest.fixture
def cloudwatch(aws_account: str) -> Any:
    return boto3.client(
        "cloudwatch",
        endpoint_url=os.environ["SQS_ENDPOINT_URL"],
        region_name="ap-northeast-2",
        aws_access_key_id=aws_account,
        aws_secret_access_key="test",
    )


def job(tenant: Tenant, state: str, *, age: float = 0.0) -> None:
    """A row of *state* that has been due for *age* seconds, or will be in ``-age``."""
    now = clock.now()
    moment = now - timedelta(seconds=age)
    row = Job.unscoped.filter(pk=make_job(tenant, created_at=min(moment, now)).pk)
    for step in ("published", "running", "retry_wait"):
        if state != "queued" and row.get().state != state:
            lease = now + timedelta(seconds=60) if step == "running" else None
            row.update(state=step, attempt=1, lease_until=lease)
    row.update(not_before=moment)


def worker(name: str, *, seen_seconds_ago: float = 0.0, state: str = "working") -> None:
    now = clock.now()
    Worker.objects.create(
        name=name,
        queue=QUEUE,
        host="h",
        host_kind="cpu",
        pool="prefork",
        concurrency=1,
        state=state,
        started_at=now,
        seen_at=now - timedelta(seconds=seen_seconds_ago),
    )


def average(cloudwatch: Any, name: str, queue: str = "") -> float | None:
    """The metric's average over one of the last minutes; None where there is no value."""
    end = clock.now() + timedelta(minutes=1)
    answer = cloudwatch.get_metric_statistics(
        Namespace="Academy",
        MetricName=name,
        Dimensions=[{"Name": "Queue", "Value": queue}] if queue else [],
        StartTime=end - timedelta(minutes=10),
        EndTime=end,
        Period=60,
        Statistics=["Average"],
    )
    return answer["Datapoints"][0]["Average"] if answer["Datapoints"] else None


def test_only_rows_without_a_message_wait_and_only_within_the_limit_can_they_start() -> None:
    tenant = make_tenant()
    QueueLimit.unscoped.create(tenant=tenant, queue=QUEUE, in_flight=3)
    for _ in range(4):
        job(tenant, "queued", age=20)
    job(tenant, "retry_wait", age=70)
    job(tenant, "retry_wait", age=-600)
    job(tenant, "queued", age=-600)
    job(tenant, "published", age=90)
    job(tenant, "running", age=500)
    gone = make_tenant(is_active=False)
    job(gone, "queued", age=5)

    waiting = scaling.read_rows().waiting[QUEUE]

    assert (waiting.rows, waiting.startable) == (6, 1)
    assert 90 <= waiting.oldest_seconds < 120


def test_a_limit_that_has_ended_counts_no_more() -> None:
    tenant = make_tenant()
    until = clock.now() - timedelta(seconds=1)
    QueueLimit.unscoped.create(tenant=tenant, queue=QUEUE, in_flight=0, until=until)
    job(tenant, "queued", age=1)
    assert scaling.read_rows().waiting[QUEUE].startable == 1


def test_workers_that_are_gone_and_paused_queues_are_known() -> None:
    worker("alive@a")
    worker("silent@a", seen_seconds_ago=60)
    worker("stopped@a", state="stopped")
    QueueSwitch.objects.create(
        queue="video", paused_at=clock.now(), paused_by="user:1", reason="test"
    )
    found = scaling.read_rows()
    assert (found.workers, found.paused) == ({QUEUE: 1}, {"video"})


def test_a_round_can_be_read_back_from_cloudwatch(sqs_client: Any, cloudwatch: Any) -> None:
    provision.ensure(sqs_client, queues.table())
    access = SqsAccess(
        client=lambda: sqs_client,
        reader=depths.Depths(sqs_client, (), depths.NoAges()),
    )
    access.send(QUEUE, "{}", group="t")
    access.send(QUEUE, "{}", group="t")
    job(make_tenant(), "queued", age=1)
    worker("alive@a")

    publisher = scaling.Publisher(client=lambda: cloudwatch, depths=access.depths)
    assert publisher.round() == 5 * len(queues.table()) + 2

    known = len(queues.table())
    eventually(lambda: average(cloudwatch, "Published") == known, 10, "the heartbeat is there")
    assert average(cloudwatch, "Backlog", QUEUE) == 3
    assert average(cloudwatch, "BacklogPerWorker", QUEUE) == 3
    assert average(cloudwatch, "Workers", QUEUE) == 1
    assert average(cloudwatch, "Backlog", "video") == 0


@pytest.mark.django_db(transaction=True)
def test_a_running_relay_publishes_by_itself(
    sqs_client: Any, cloudwatch: Any, aws_account: str, tmp_path: Path
) -> None:
    provision.ensure(sqs_client, queues.table())
    worker("alive@a")
    database = urlsplit(os.environ["DATABASE_URL"])
    environ = {
        "DATABASE_URL": database._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "AWS_ACCESS_KEY_ID": aws_account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "CLOUDWATCH_METRICS": "1",
        "CLOUDWATCH_ENDPOINT_URL": os.environ["SQS_ENDPOINT_URL"],
    }
    argv = [sys.executable, "-m", "tasks.relay"]
    relay = Process("relay", argv, folder=tmp_path, environ=environ).start()
    try:
        known = len(queues.table())
        eventually(lambda: average(cloudwatch, "Published") == known, 60, lambda: relay.log)
        assert average(cloudwatch, "Workers", QUEUE) == 1
        assert average(cloudwatch, "Backlog", QUEUE) == 0
    finally:
        relay.stop()


def test_the_relay_publishes_only_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(sweeps, "_sweeps", {})
    monkeypatch.setattr("academy.fleet.queue_access._access", None)
    import tasks  # noqa: PLC0415 - the module that the application stands for

    application = TasksConfig("tasks", tasks)
    settings.CLOUDWATCH_METRICS = False
    application.ready()
    assert sweeps.registered() == []
    settings.CLOUDWATCH_METRICS = True
    application.ready()
    (sweep,) = sweeps.registered()
    assert (sweep.name, sweep.every_seconds) == ("scaling.metrics", 60.0)
