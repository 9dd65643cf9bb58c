"""Every process does its work with the rights that the AWS stack gives it, and needs them all.

SQS stands behind a gate for each role, which refuses what the role's policy in deploy/stack.yaml
does not grant. What is granted and never used is a right too many.
"""

from __future__ import annotations

import base64
import contextlib
import os
import urllib.request
from collections.abc import Iterator

import pytest

from academy.deadletters.models import DeadLetter, LetterState
from academy.jobs import cancel
from deploy.aws.stack.template import template
from tasks import queues
from tests.support.cloudformation import Worked
from tests.support.processes import eventually
from tests.support.rights import Gate, rights
from tests.support.world import World

LOGIN = "ops:a-local-password"
ROLES = {
    "api": "ApiTaskRole",
    "relay": "RelayTaskRole",
    "flower": "FlowerTaskRole",
    "manage": "ManageTaskRole",
    "video": "VideoTaskRole",
    "ai-basic": "AiBasicTaskRole",
}
#: Granted for what need not happen here: the replay over REST, which `manage` does here, and
#: Flower's giving back of what it holds when it is stopped.
ELSEWHERE = {
    "api": {("SendMessage", "jobs")},
    "flower": {("ChangeMessageVisibility", "events")},
}
GIVEN = {
    "Environment": "demo",
    "ImagePrefix": "registry.example.com/academy",
    "ImageTag": "1.0.0",
    "VpcId": "vpc-1",
    "SubnetIds": "subnet-1,subnet-2",
    "DatabaseSecurityGroupId": "sg-1",
    "DatabaseInstance": "academy",
    "PublicHost": "api.example.com",
    "FlowerHost": "flower.example.com",
    "R2EndpointUrl": "https://account.r2.cloudflarestorage.com",
}


@pytest.fixture(scope="module")
def gates(world: World) -> Iterator[dict[str, Gate]]:
    worked = Worked(template(), GIVEN)
    upstream = os.environ["SQS_ENDPOINT_URL"]
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(Gate(upstream, rights(worked, role)))
            for name, role in ROLES.items()
        }


def read(url: str, login: str = "") -> int:
    request = urllib.request.Request(url)
    if login:
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return int(answer.status)


def actions(found: set[tuple[str, str]], world: World) -> set[tuple[str, str]]:
    """Rights by the sort of queue: what is granted on five is used on some of them."""
    jobs = {row.sqs_name for row in queues.table(world.environ)}
    letters = {row.dlq_name for row in queues.table(world.environ)}
    sort = {**dict.fromkeys(jobs, "jobs"), **dict.fromkeys(letters, "letters")}
    return {(action, sort.get(queue, "events")) for action, queue in found}


def test_the_platform_works_with_the_rights_it_is_given_and_uses_them_all(
    world: World, gates: dict[str, Gate]
) -> None:
    def at(role: str) -> dict[str, str]:
        return {"SQS_ENDPOINT_URL": gates[role].url, "EVENTS_FLUSH_SECONDS": "1"}

    flower_port = world.free_port()
    flower = world.process(
        "flower",
        *("-m", "tasks.flower"),
        FLOWER_PORT=str(flower_port),
        FLOWER_BASIC_AUTH=LOGIN,
        **at("flower"),
    ).start()
    scaling = {"CLOUDWATCH_METRICS": "1", "CLOUDWATCH_ENDPOINT_URL": os.environ["SQS_ENDPOINT_URL"]}
    relay = world.relay(**at("relay"), **scaling)
    workers = [world.worker(queue, **at(queue)) for queue in ("video", "ai-basic")]
    _, api = world.api(**at("api"))
    for worker in workers:
        worker.said(" ready.")

    # Long enough for the heartbeat to hold the message.
    tenant, row = world.tenant(), queues.by_name("ai-basic", world.environ)
    (slow,) = world.submit(tenant, "test.sleep", seconds=4.0)
    failing = world.submit(tenant, "test.transient", 3, times=100)
    world.end(slow, seconds=60.0)
    assert slow.state == "succeeded", world.story([slow.pk])

    # Jobs that were at work and end without a worker: the relay tells Flower.
    for job in failing:
        world.becomes(job, "retry_wait", seconds=60.0)
        cancel.job_cancel(tenant=tenant, job_id=job.pk)
    tells = ("SendMessage", queues.EVENTS_QUEUE)
    eventually(lambda: tells in gates["relay"].used, 30.0)
    measures = ("GetQueueAttributes", row.dlq_name)
    eventually(lambda: measures in gates["relay"].used, 30.0)

    # A dead message: the relay takes it out of its queue, and an operator sends it again.
    dead = world.queue_url("ai-basic", dlq=True)
    world.sqs.send_message(QueueUrl=dead, MessageBody="{broken")
    eventually(lambda: DeadLetter.objects.filter(source="message").exists(), 30.0)
    letter = DeadLetter.objects.get(source="message")
    argv = ("manage.py", "dlq", "replay", str(letter.pk), "--resend", "--reason", "trial", "--yes")
    manage = world.process("manage", *argv, **at("manage")).start()
    assert manage.wait(60) == 0, manage.log
    letter.refresh_from_db()
    assert letter.state != LetterState.OPEN

    look = world.process("check", "manage.py", "ensure_queues", "--check", **at("manage")).start()
    assert look.wait(60) in (0, 1), look.log
    assert read(f"{api}/metrics") == 200
    eventually(lambda: read(f"http://127.0.0.1:{flower_port}/broker", LOGIN) == 200, 30.0)
    for process in (*workers, relay, flower):
        assert process.alive
        process.stop(30.0)

    for role, gate in gates.items():
        assert not gate.refused, f"{role} lacks {sorted(gate.refused)}"
    for role, gate in gates.items():
        unused = actions(gate.granted, world) - actions(gate.used, world)
        assert unused <= ELSEWHERE.get(role, set()), f"{role} never uses {sorted(unused)}"
