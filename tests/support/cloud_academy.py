"""An environment ``prod`` in an account of the embedded AWS, and a hand that types commands."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.aws import commands, config, health, images
from deploy.aws.clients import Aws
from deploy.aws.releases import Releases
from deploy.aws.stack.emulator import variant
from deploy.aws.stack.template import template
from deploy.aws.stack.variables import stored
from deploy.aws.store import Store
from deploy.images.engine import Engine
from tests.support.embedded_aws import REGION, Computers, Door, account

Change = Callable[[dict[str, Any]], None]
#: What the small template keeps, with all that these refer to.
_ROOTS = ("VideoQueue", "VideoLettersAlarm", "ApiService", "ManageDefinition", "ApiImages")
_STORE = "999999999999"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


@dataclass
class Academy:
    """An account in which ``prod`` could be deployed; everything an operator would have ready."""

    aws: Aws
    number: str
    folder: Path
    #: Its public address and its computers, where a test has them.
    door: Door | None
    computers: Computers | None
    pushed: list[str] = field(default_factory=list)

    def configure(self, **changes: Any) -> None:
        """Write the environment's file, with some settings changed."""
        settings: dict[str, Any] = {
            "account": self.number,
            "region": REGION,
            "size": "grow",
            "url": self.door.address if self.door else "https://api.example.com",
            "parameters": self.parameters,
        }
        (self.folder / "prod.yaml").write_text(yaml.safe_dump(settings | changes))

    @property
    def parameters(self) -> dict[str, Any]:
        """The template's parameters in the environment's file."""
        return {
            "VpcId": "vpc-1",
            "SubnetIds": ["subnet-1", "subnet-2"],
            "DatabaseSecurityGroupId": "sg-1",
            "DatabaseInstance": "academy",
            "PublicHost": "api.example.com",
            "FlowerHost": "flower.example.com",
            "CertificateArn": f"arn:aws:acm:{REGION}:{self.number}:certificate/1",
            "R2EndpointUrl": self.aws.endpoint,
        }

    def describe(self, change: Change = lambda _: None, *, whole: bool = False) -> None:
        """Write the template of the next release, changed; the whole one, or a small part."""
        content = copy.deepcopy(_whole() if whole else _small())
        change(content)
        (self.folder / "stack.yaml").write_text(json.dumps(content))

    def run(self, *arguments: str, status: int = 0) -> str:
        """A command as its user types it; what it said."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            found = commands.main(arguments, self.aws)
        assert found == status, f"exit status {found}\n{said.getvalue()}"
        return said.getvalue()

    def deploy(self, tag: str, *options: str, status: int = 0) -> str:
        """Deploy without being asked."""
        return self.run("deploy", "prod", "--tag", tag, "--yes", *options, status=status)

    def outcomes(self) -> list[tuple[str, str]]:
        """Tag and outcome of every release, oldest first."""
        return [(one.tag, one.outcome) for one in self.releases.all()]

    @property
    def store(self) -> Store:
        """The bucket of its deployments."""
        return Store(self.aws, "academy-prod", self.number)

    @property
    def releases(self) -> Releases:
        """The book of its releases."""
        return Releases(self.store)

    def stack_status(self) -> str | None:
        """CloudFormation's word for the stack, None where there is none."""
        listed = self.aws.pages("cloudformation", "describe_stacks", "Stacks")
        alive = [one for one in listed if one["StackStatus"] != "DELETE_COMPLETE"]
        return alive[0]["StackStatus"] if alive else None

    def queue(self, name: str = "academy-video-jobs") -> dict[str, str]:
        """Attributes of a queue."""
        sqs = self.aws.client("sqs")
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return dict(found)

    def receives(self) -> int:
        """How often a message of the video queue may be received."""
        return int(json.loads(self.queue()["RedrivePolicy"])["maxReceiveCount"])

    def running(self, service: str = "academy-prod-api") -> set[str]:
        """The tags that a service's tasks run."""
        ecs = self.aws.client("ecs")
        arns = self.aws.pages(
            "ecs", "list_tasks", "taskArns", cluster="academy-prod", serviceName=service
        )
        tasks = ecs.describe_tasks(cluster="academy-prod", tasks=arns)["tasks"] if arns else []
        return {one["containers"][0]["image"].rpartition(":")[2] for one in tasks}


@contextlib.contextmanager
def make(emulator: str, folder: Path) -> Iterator[Academy]:
    """An academy with everything in place and nothing deployed."""
    number = str(100_000_000_000 + secrets.randbelow(700_000_000_000))
    aws = account(emulator, number)
    door = Door()
    _store_secrets(aws)
    with Computers(aws, "academy-prod") as computers:
        yield Academy(aws, number, folder, door, computers)
    door.close()


@contextlib.contextmanager
def at_hand(academy: Academy) -> Iterator[Academy]:
    """Whoever types commands now deploys this academy's release 1.0.0, and everything is well."""
    academy.describe()
    academy.configure()
    academy.door.ready = True
    academy.computers.answers.clear()
    academy.computers.ran.clear()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(config, "FOLDER", academy.folder)
        monkeypatch.setattr(commands, "TEMPLATE", academy.folder / "stack.yaml")
        monkeypatch.setattr(health, "READY_SECONDS", 0.5)
        monkeypatch.setattr(images, "find", lambda: Engine("docker"))
        monkeypatch.setattr(images, "_engine", functools.partial(_engine, academy))
        yield academy


def _engine(academy: Academy, _engine: str, *arguments: str, given: str | None = None) -> None:
    """A container engine: what it pushes is then in the registry."""
    if arguments[0] != "push":
        return
    image = images.Image(arguments[1])
    academy.pushed.append(image.local)
    academy.aws.client("ecr").put_image(
        repositoryName=image.repository,
        imageTag=image.tag,
        imageManifest=json.dumps({"schemaVersion": 2, "config": {"digest": image.address}}),
    )


def _store_secrets(aws: Aws) -> None:
    """What an operator has done before: the secrets, and the buckets that their key opens."""
    made = {name: secrets.token_urlsafe(40) for name in stored({"Size": "grow"})}
    made["DATABASE_URL"] = "postgresql://a:b@127.0.0.1:1/academy?sslmode=require"
    made |= {"R2_ACCESS_KEY_ID": _STORE, "R2_SECRET_ACCESS_KEY": "test"}
    # Another account of the emulator is the object store; names of buckets are the world's.
    store = account(str(aws.endpoint), _STORE).client("s3")
    for bucket in ("ai", "video", "excel", "storage"):
        where = {"LocationConstraint": REGION}
        with contextlib.suppress(store.exceptions.BucketAlreadyOwnedByYou):
            store.create_bucket(Bucket=f"academy-{bucket}", CreateBucketConfiguration=where)
    for name, value in made.items():
        aws.client("ssm").put_parameter(
            Name=f"/academy/prod/{name}", Value=value, Type="SecureString"
        )


@functools.cache
def _whole() -> dict[str, Any]:
    content = variant(template())
    content["Parameters"]["R2EndpointUrl"]["AllowedPattern"] = "https?://.+"  # the emulator's
    return dict(content)


@functools.cache
def _small() -> dict[str, Any]:
    """The part of the real template that the API, the video queue and a migration need."""
    content = copy.deepcopy(_whole())
    resources = content["Resources"]
    kept: set[str] = set()
    wanted = [*_ROOTS, "ServicesSecurityGroup", "Cluster"]
    while wanted:
        name = wanted.pop()
        if name in resources and name not in kept:
            kept.add(name)
            wanted += _names(resources[name])
    content["Resources"] = {name: one for name, one in resources.items() if name in kept}
    content["Outputs"] = {
        name: one
        for name, one in content["Outputs"].items()
        if set(_names(one)) <= kept | content["Parameters"].keys() | content["Conditions"].keys()
    }
    return dict(content)


def _names(value: Any) -> Iterator[str]:
    """Everything that a part of a template refers to."""
    if isinstance(value, list):
        for one in value:
            yield from _names(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in ("Ref", "DependsOn", "Condition") and isinstance(one, str):
                yield one
            elif key == "Fn::GetAtt":
                yield one[0]
            elif key == "Fn::Sub":
                yield from _PLACEHOLDER.findall(one if isinstance(one, str) else one[0])
            else:
                yield from _names(one)
