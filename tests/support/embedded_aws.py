"""An AWS of its own on this machine, and what stands in for the parts of AWS that compute.

The emulator (ministack) keeps stacks, queues, services and images, but without a container engine
no task of it computes. :class:`Computers` plays them: it takes each one-off task that is started,
answers as the test says, writes its log and ends it.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import boto3
import botocore.session

from deploy.aws.clients import Aws
from deploy.local.setup import EMULATOR

REGION = "ap-northeast-2"
_SERVICES = (
    "sqs,sns,sts,iam,ssm,s3,cloudformation,ecs,ecr,ec2,logs,monitoring,autoscaling,"
    "elasticloadbalancing,elbv2,events,secretsmanager,rds"
)
_START_SECONDS = 60
Answer = tuple[int, Sequence[str]]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """The emulator on a free port; its address."""
    port = _free_port()
    process = subprocess.Popen(
        [str(EMULATOR.path / "bin" / "ministack")],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "SERVICES": _SERVICES,
            "LOG_LEVEL": "WARNING",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": str(folder),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until("the emulator answers", lambda: _answers(f"{address}/_ministack/health"))
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


#: The services' models, which take longer to read than any call of a test.
_MODELS = botocore.session.Session().get_component("data_loader")


def account(address: str, number: str) -> Aws:
    """An account of the emulator: its access key is its number."""
    inner = botocore.session.Session()
    inner.register_component("data_loader", _MODELS)
    session = boto3.Session(
        aws_access_key_id=number, aws_secret_access_key="test", botocore_session=inner
    )
    return Aws(REGION, session=session, endpoint=address, poll_seconds=0.2)


def until(what: str, look: Callable[[], Any], seconds: float = _START_SECONDS) -> Any:
    """The first true answer, within a generous time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@dataclass
class Computers:
    """Whatever a stack's one-off tasks compute: exit status and lines by the command's name."""

    aws: Aws
    cluster: str
    answers: dict[str, Answer] = field(default_factory=dict)
    #: Every command that was run, with the image that ran it.
    ran: list[tuple[list[str], str]] = field(default_factory=list)
    _codes: dict[str, int] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Begin to compute."""
        events = self.aws.client("ecs").meta.events
        events.register("after-call.ecs.DescribeTasks", self._with_status)
        # boto3's clients are safe between threads once they are made.
        self._ecs, self._logs = self.aws.client("ecs"), self.aws.client("logs")
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def commands(self) -> list[list[str]]:
        """Every command that was run."""
        return [command for command, _ in self.ran]

    def _with_status(self, parsed: dict[str, Any], **_: Any) -> None:
        for task in parsed.get("tasks", []):
            if task["taskArn"] in self._codes:
                task["containers"][0]["exitCode"] = self._codes[task["taskArn"]]

    def _work(self) -> None:
        while not self._ended.wait(0.2):
            try:
                arns = self._ecs.list_tasks(cluster=self.cluster, startedBy="academy-deploy")
            except self._ecs.exceptions.ClusterNotFoundException:
                continue
            for arn in arns["taskArns"]:
                self._compute(arn)

    def _compute(self, arn: str) -> None:
        (task,) = self._ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"]
        command = task["overrides"]["containerOverrides"][0]["command"]
        definition = self._ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])
        (container,) = definition["taskDefinition"]["containerDefinitions"]
        self.ran.append((command, container["image"]))
        status, lines = self.answers.get(command[1], (0, [f"{command[1]} done"]))
        self._codes[arn] = status
        options = container["logConfiguration"]["options"]
        stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{arn.rpartition('/')[2]}"
        group = options["awslogs-group"]
        self._logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = time.time_ns() // 1_000_000
        self._logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": now, "message": line} for line in lines],
        )
        self._ecs.stop_task(cluster=self.cluster, task=arn, reason="it ended")


class Door:
    """The public address of a deployed API: ready, or not."""

    def __init__(self) -> None:
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                door.asked.append(self.path)
                body = json.dumps({"ok": door.ready, "checks": {"database": {"ok": door.ready}}})
                self.send_response(200 if door.ready else 503)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.ready = True
        self.asked: list[str] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
