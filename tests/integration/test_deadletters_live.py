"""Dead letters with real relays, workers and queues: collected once, replayed to an end."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from academy.core.ids import new_id
from academy.deadletters import selectors, services
from academy.deadletters.models import DeadLetter
from academy.deadletters.rerun import text_of
from academy.jobs.models import Job
from tasks import queues
from tests.support import invariants
from tests.support.jobs import make_job, run
from tests.support.letters import thin_body
from tests.support.processes import eventually
from tests.support.workers import envelope
from tests.support.world import World

pytestmark = [
    pytest.mark.integration,
    pytest.mark.platform,
]
ROW = queues.by_name("ai-basic")
BODIES = [
    "<xml/>", "{broken", "[1, 2, 3]", "[" * 5_000, '"text"', "null",
    '{"job": "x", "version": 1}',
    "x" * 1_000_000,
    "\u00e9\U0001f4a9",
    json.dumps({**envelope(ROW), "headers": [1]}),
    json.dumps({**envelope(ROW), "body": "{broken"}),
    json.dumps(envelope(ROW, task="os.system")),
    json.dumps(envelope(ROW, {"surprise": 1})),
    thin_body("ai-basic", new_id(), 1),
]  # fmt: skip

# A collector that dies when it has stored what it received, before it deletes it. The message
# comes back at once instead of after a minute.
_DYING = """
import os, signal
import django
django.setup()
from academy.deadletters import collect
from academy.fleet.queue_access import queue_access
access = queue_access()
access.delete_dead = lambda queue, receipts: os.kill(os.getpid(), signal.SIGKILL)
collect.HOLD_SECONDS = 0
collect.messages("messaging")
"""


@pytest.fixture(scope="module")
def world(django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), World() as made:
        yield made


def bury(world: World, queue: str, body: str) -> str:
    url = world.queue_url(queue, dlq=True)
    return str(world.sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"])


def unread(world: World) -> int:
    return sum(world.messages(row.name, dlq=True) for row in queues.table())


def test_a_collector_killed_before_it_deletes_loses_and_doubles_nothing(world: World):
    ids = {bury(world, "messaging", f"body {number}") for number in range(3)}
    died = world.process("collector", "-c", _DYING).start()
    assert died.wait(60) == -signal.SIGKILL, died.log
    assert set(DeadLetter.objects.values_list("message_id", flat=True)) <= ids
    assert DeadLetter.objects.exists()
    assert world.messages("messaging", dlq=True) == 3

    relay = world.relay()
    eventually(lambda: unread(world) == 0, 30, lambda: relay.log)

    assert Counter(DeadLetter.objects.values_list("message_id", flat=True)) == Counter(ids)
    relay.stop()


def test_what_died_is_listed_and_its_replay_comes_to_an_end(world: World):
    tenant = world.tenant()
    dead = [make_job(tenant, "test.transient", params={"times": 9}, failures=4) for _ in range(6)]
    for job in dead:
        run(job)
        assert (job.state, job.error_code) == ("dead", "retries_exhausted")
    ids = [bury(world, "ai-basic", body) for body in BODIES]

    relay = world.relay()
    eventually(lambda: unread(world) == 0, 30, lambda: relay.log)
    eventually(lambda: invariants.listed(unread(world)) == [], 20, lambda: relay.log)

    kept = DeadLetter.objects.filter(queue="ai-basic", source="message")
    assert Counter(kept.values_list("message_id", flat=True)) == Counter(ids)
    assert sorted(text_of(letter) for letter in kept) == sorted(BODIES)
    (group,) = [one for one in selectors.groups() if one.kind == "test.transient"]
    assert (group.open, group.code) == (6, "retries_exhausted")

    worker = world.worker("ai-basic")
    replay = services.replay_group(
        group=services.Group(fingerprint=group.fingerprint),
        by="user:1",
        patch={"times": 0},
        per_minute=600,
        max_in_flight=3,
    )

    def ended() -> bool:
        replay.refresh_from_db()
        return replay.state in ("done", "failed", "stopped")

    eventually(ended, 60, lambda: f"{relay.log}\n{worker.log}")
    assert replay.state == "done", replay.code_params
    items = {item.position: item for item in replay.items.select_related("job")}
    assert {item.state for item in items.values()} == {"succeeded"}
    canary = items.pop(0).job
    assert canary is not None
    assert all(canary.finished_at <= item.sent_at for item in items.values())
    runs = Job.unscoped.filter(replay_of__in=dead)
    assert Counter(job.replay_of_id for job in runs) == Counter(job.pk for job in dead)
    eventually(lambda: invariants.listed(unread(world)) == [], 20, lambda: relay.log)
    letters = DeadLetter.objects.filter(job__in=dead)
    assert {letter.state for letter in letters} == {"replayed"}
    for process in (worker, relay):
        process.stop()
    assert "Traceback" not in relay.log
