"""The deep check names the link that broke: real relay, real workers, each part stopped in turn.

The tests of this module share a world and run in their order.
"""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from academy.core import health
from academy.core.errors import AppError
from academy.core.storage import Bucket, forget_stores, store
from academy.fleet import queue_access, services
from academy.fleet.models import OperatorAction
from academy.jobs.models import Job
from academy.ops.deep import check, pings, probes
from tasks import queues
from tasks.queue_access import SqsAccess
from tests.support.processes import Process, eventually
from tests.support.tcp_proxy import TcpProxy
from tests.support.world import World

pytestmark = [
    pytest.mark.integration,
    pytest.mark.platform,
    pytest.mark.timeout(300),
]

ALL = [row.name for row in queues.table()]


class Chain:
    """Everything a job passes, and this process inside it as the one that checks."""

    def __init__(self, world: World, objects: TcpProxy) -> None:
        self.world, self.objects = world, objects
        self.relay = world.relay()
        self.workers: dict[str, Process] = {name: world.worker(name) for name in ALL}
        for worker in self.workers.values():
            worker.said(" ready.")
        self.relay.said("relay up")

    def check(self, *only: str, timeout: float = 2.0) -> tuple[int, dict[str, Any]]:
        """``manage.py deepcheck --json``: the exit status and what it printed."""
        out = io.StringIO()
        argv = [f"--queue={name}" for name in only]
        with pytest.raises(SystemExit) as ended:
            call_command("deepcheck", *argv, "--json", f"--timeout={timeout}", stdout=out)
        assert isinstance(ended.value.code, int)
        return ended.value.code, json.loads(out.getvalue())


@contextmanager
def as_a_part_of(world: World, objects_url: str) -> Iterator[None]:
    """This process asks the world's SQS and its object store, as an API process there would."""
    before = queue_access.queue_access()
    impatient = Config(
        s3={"addressing_style": "path"}, connect_timeout=2, retries={"total_max_attempts": 1}
    )
    stores = {
        alias: {
            **spec,
            "OPTIONS": {
                **spec["OPTIONS"],
                "endpoint_url": objects_url,
                "client_config": spec["OPTIONS"]["client_config"].merge(impatient),
            },
        }
        if "OPTIONS" in spec
        else spec
        for alias, spec in settings.STORAGES.items()
    }
    with pytest.MonkeyPatch.context() as patch, override_settings(STORAGES=stores):
        for name, value in world.environ.items():
            if name.startswith(("AWS_", "SQS_")):
                patch.setenv(name, value)
        patch.setattr(check, "MIN_PAUSE_SECONDS", 0.0)
        patch.setattr(probes, "PROBE_SECONDS", 4.0)
        queue_access.register(SqsAccess())
        forget_stores()
        try:
            yield
        finally:
            queue_access.register(before)
            forget_stores()


@pytest.fixture(scope="module")
def chain(django_db_blocker: Any) -> Iterator[Chain]:
    address = urlsplit(os.environ["R2_ENDPOINT_URL"])
    assert address.hostname
    assert address.port
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        objects = stack.enter_context(TcpProxy(address.hostname, address.port))
        url = f"http://127.0.0.1:{objects.port}"
        world = stack.enter_context(World(R2_ENDPOINT_URL=url))
        stack.enter_context(as_a_part_of(world, url))
        yield Chain(world, objects)


def by_name(body: dict[str, Any], kind: str, key: str) -> dict[str, dict[str, Any]]:
    return {found[key]: found for found in body[kind]}


def parts_of(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return by_name(body, "parts", "name")


def queues_of(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return by_name(body, "queues", "queue")


def statuses(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: one["status"] for name, one in found.items()}


def test_all_is_well_and_every_link_of_every_queue_is_timed(chain: Chain) -> None:
    code, body = chain.check(timeout=20)

    assert (code, body["verdict"]) == (0, "ok"), body
    assert statuses(parts_of(body)) == dict.fromkeys(probes.PROBES, "ok")
    found = queues_of(body)
    assert list(found) == ALL
    for name, queue in found.items():
        assert (queue["status"], queue["reached"]) == ("ok", "settled")
        assert set(queue["took"]) >= {"claimed", "settled"}
        assert all(0 <= seconds < 20 for seconds in queue["took"].values())
        assert queue["facts"]["worker"].startswith(f"{name}@")
    jobs = Job.unscoped.filter(tenant_id=pings.TENANT_ID)
    assert {job.priority for job in jobs} == {0}
    assert all(job.result is not None and job.result["store_seconds"] > 0 for job in jobs)
    for bucket in Bucket:
        assert not list(store(bucket).keys("checks/"))
    assert not list(store(Bucket.STORAGE).keys(f"t/{pings.TENANT_ID}/"))


def test_a_stored_result_stays_as_it_was(chain: Chain) -> None:
    last = OperatorAction.objects.filter(action=check.START).latest("at")

    report = check.look(last.pk)

    assert report == check.latest()
    assert report.verdict.value == "ok"
    assert OperatorAction.objects.filter(action=check.RESULT).count() == 1


def test_a_relay_that_hangs_is_blamed_and_what_is_left_is_cancelled(chain: Chain) -> None:
    chain.relay.signal(signal.SIGSTOP)
    try:
        running = check.start(by="test", seconds=3.0)
        with pytest.raises(AppError) as refused:
            check.start(by="test")
        # A second command does not start another: it shows the one that runs.
        code, body = chain.check()
    finally:
        chain.relay.signal(signal.SIGCONT)

    assert refused.value.code == "deep_check_running"
    assert refused.value.params["id"] == str(running) == body["id"]
    assert (code, body["verdict"]) == (1, "broken")
    for queue in queues_of(body).values():
        assert (queue["finding"], queue["reached"]) == ("relay_silent", "stored")
        assert queue["runbook"] == "deploy/runbooks/relay-down.md"
        assert "릴레이" in queue["message"]["ko"]
    jobs = Job.unscoped.filter(submitted_by=f"deep-check:{running}")
    assert {job.state for job in jobs} == {"cancelled"}


def test_a_queue_whose_worker_is_gone_is_named_and_the_others_are_well(chain: Chain) -> None:
    assert chain.workers["messaging"].stop() == 0

    code, body = chain.check("messaging", "ai-lite", timeout=3)

    found = queues_of(body)
    assert code == 1
    assert statuses(found) == {"messaging": "broken", "ai-lite": "ok"}
    assert (found["messaging"]["finding"], found["messaging"]["reached"]) == (
        "no_worker",
        "published",
    )
    assert found["messaging"]["message"]["en"].startswith("No worker of messaging is alive")
    assert found["messaging"]["message"]["ko"].startswith("messaging 대기열에 살아 있는 작업자가")


def test_a_paused_queue_is_paused_and_not_broken(chain: Chain) -> None:
    services.queue_pause(queue="ai-basic", by="user:7", reason="moving house")
    try:
        code, body = chain.check("ai-basic", "ai-lite", timeout=20)
    finally:
        services.queue_resume(queue="ai-basic", by="user:7")

    found = queues_of(body)
    assert (code, body["verdict"]) == (3, "attention")
    assert statuses(found) == {"ai-basic": "paused", "ai-lite": "ok"}
    assert found["ai-basic"]["facts"]["reason"] == "moving house"


def test_a_queue_whose_only_worker_is_at_work_is_busy_and_not_broken(chain: Chain) -> None:
    (job,) = chain.world.submit(chain.world.tenant(), "test.sleep", seconds=4.0)
    chain.world.becomes(job, "running")

    code, body = chain.check("video")

    (queue,) = body["queues"]
    assert (code, queue["status"], queue["finding"]) == (3, "busy", "workers_busy")
    assert queue["reached"] == "published"
    chain.world.end(job)


def test_a_broker_that_is_down_is_named(chain: Chain) -> None:
    chain.world.proxy.down()
    try:
        eventually(
            lambda: any(part.finding == "broker_down" for part in probes.run()), 20, "it is down"
        )
        code, body = chain.check("ai-lite")
    finally:
        chain.world.proxy.up()

    parts = parts_of(body)
    assert code == 1
    assert parts["broker"]["status"] == "broken"
    assert statuses(parts)["relay"] == statuses(parts)["object_store"] == "ok"
    (queue,) = body["queues"]
    assert (queue["finding"], queue["reached"]) == ("broker_down", "stored")


def test_no_relay_at_all_is_said(chain: Chain) -> None:
    assert chain.relay.stop() == 0
    try:
        code, body = chain.check("ai-lite")
    finally:
        chain.relay.start()

    assert code == 1
    assert parts_of(body)["relay"]["finding"] == "relay_down"
    assert body["queues"][0]["finding"] == "relay_down"


def test_an_object_store_that_is_away_is_named_by_the_check_and_by_the_worker(
    chain: Chain,
) -> None:
    eventually(lambda: health.relay_sign().relays, 20, "the relay is back")
    chain.objects.cut()
    try:
        code, body = chain.check("ai-lite", timeout=4)
    finally:
        chain.objects.heal()

    assert code == 1
    store_part = parts_of(body)["object_store"]
    assert (store_part["status"], store_part["finding"]) == ("broken", "store_down")
    assert store_part["facts"]["buckets"] == "ai, video, excel, storage"
    (queue,) = body["queues"]
    assert (queue["finding"], queue["reached"]) == ("worker_store", "claimed")
    assert "ai-lite@" in queue["message"]["en"]


def test_without_a_database_the_other_parts_are_told_all_the_same(chain: Chain) -> None:
    chain.world.stop_database()
    try:
        code, body = chain.check("video")
    finally:
        chain.world.database.start()

    found = statuses(parts_of(body))
    assert code == 1
    assert (found["database"], found["broker"], found["object_store"]) == ("broken", "ok", "ok")
    assert body["queues"][0]["finding"] == "database_down"
