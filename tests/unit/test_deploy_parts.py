"""The parts of a deployment that need no AWS: its file, its template, its expressions, its plan."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.aws import config, images
from deploy.aws.changes import Change, plan_lines
from deploy.aws.clients import Aws
from deploy.aws.config import load
from deploy.aws.errors import DeployError, Refused
from deploy.aws.oneoff import definition
from deploy.aws.quotas import wanted
from deploy.aws.r2 import Cloudflare, ObjectStore
from deploy.aws.secrets import Secrets
from deploy.aws.stack.template import template
from deploy.aws.stack.variables import stored
from deploy.aws.template import Template
from deploy.aws.values import UNKNOWN, Values

EXAMPLE = config.FOLDER / "example.yaml"


# ------------------------------------------------------------------ the environment's file


def written(folder: Path, **changes: Any) -> Path:
    settings = yaml.safe_load(EXAMPLE.read_text()) | changes
    (folder / "prod.yaml").write_text(yaml.safe_dump(settings))
    return folder


def test_the_example_can_be_used_and_fits_the_template(tmp_path: Path) -> None:
    environment = load("prod", written(tmp_path))

    assert environment.stack == "academy-prod"
    assert environment.images == "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/academy-prod"
    given = Template(template()).values(environment.values("1.0.0", running=True))
    assert given["SubnetIds"] == "subnet-0123456789abcdef0,subnet-0123456789abcdef1"
    assert given["GpuPool"] == "no"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"account": 123456789012}, "account must be text: write it in quotes"),
        ({"account": "12345"}, "account: "),
        ({"region": "Seoul"}, "region: "),
        ({"size": "huge"}, "size: input should be 'start' or 'grow'"),
        ({"url": "not an address"}, "url: "),
        ({"colour": "red"}, "colour is no setting"),
        ({"name": "prod"}, "the file's name is the environment's"),
        ({"parameters": {"ImageTag": "1"}}, "ImageTag is set by the deployment itself"),
        ({"deep_check": {"queues": ["videos"]}}, "no queue videos; there are video"),
        ({"deep_check": {"timeout_seconds": 0}}, "deep_check.timeout_seconds: "),
    ],
)
def test_a_fault_of_the_file_is_a_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused) as refused:
        load("prod", written(tmp_path, **changes))
    assert sentence in str(refused.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        load("prod", written(tmp_path, account="1", region="Seoul", size="huge"))
    assert len(refused.value.reasons) == 3


@pytest.mark.parametrize("name", ["Prod", "p", "../prod", "prod.yaml", "-prod", "a" * 17])
def test_a_strange_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no name of an environment"):
        load(name, tmp_path)


def test_an_unknown_environment_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"there are: prod"):
        load("staging", written(tmp_path))


def test_a_prefix_gives_every_queue_another_name(tmp_path: Path) -> None:
    parameters = yaml.safe_load(EXAMPLE.read_text())["parameters"]
    folder = written(tmp_path, parameters=parameters | {"QueuePrefix": "staging-"})

    rows = load("prod", folder).queue_rows()

    assert rows[0].sqs_name == "staging-academy-video-jobs"
    assert all(row.dlq_name.startswith("staging-academy-") for row in rows)


# ------------------------------------------------------------------ template and values


def test_short_forms_are_read_as_long_ones() -> None:
    read = Template.parsed(
        "Resources:\n"
        "  A:\n"
        "    Type: AWS::SQS::Queue\n"
        "    Properties:\n"
        "      QueueName: !Sub 'academy-${Environment}'\n"
        "      Arn: !GetAtt B.Arn\n"
        "      Name: !Join ['-', [a, !Ref B]]\n"
        "      If: !If [C, 1, !Ref AWS::NoValue]\n"
    )

    assert read.resources["A"]["Properties"] == {
        "QueueName": {"Fn::Sub": "academy-${Environment}"},
        "Arn": {"Fn::GetAtt": ["B", "Arn"]},
        "Name": {"Fn::Join": ["-", ["a", {"Ref": "B"}]]},
        "If": {"Fn::If": ["C", 1, {"Ref": "AWS::NoValue"}]},
    }


@pytest.mark.parametrize("text", ["", "[]", "Parameters: {}", "a: b: c"])
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.yaml").write_text(text)
    with pytest.raises(Refused, match="is no template"):
        Template.read(tmp_path / "stack.yaml")


def test_values_that_do_not_fit_are_all_told() -> None:
    asked = Template(
        {
            "Parameters": {
                "Size": {"Type": "String", "AllowedValues": ["start", "grow"]},
                "Vpc": {"Type": "String", "Description": "The network"},
                "Mail": {"Type": "String", "Default": ""},
            },
            "Resources": {},
        }
    )
    with pytest.raises(Refused) as refused:
        asked.values({"Size": "huge", "Colour": "red"})

    assert refused.value.reasons == (
        "Colour is no parameter of the template",
        "Size is 'huge', allowed are start, grow",
        "Vpc has no value: The network",
    )


def evaluated(value: Any, **parameters: str) -> Any:
    asked = Template(
        {
            "Parameters": {"Size": {"Type": "String", "Default": "start"}},
            "Mappings": {"Sizes": {"start": {"Count": 1}, "grow": {"Count": 2}}},
            "Conditions": {
                "Grown": {"Fn::Equals": [{"Ref": "Size"}, "grow"]},
                "Both": {"Fn::And": [{"Condition": "Grown"}, {"Condition": "Known"}]},
                "Known": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Size"}, ""]}]},
                "Late": {"Fn::Equals": [{"Ref": "Queue"}, "a"]},
            },
            "Resources": {},
        }
    )
    return Values(
        asked,
        parameters,
        account="123456789012",
        region="ap-northeast-2",
        made={"Made": "https://sqs.example/1/jobs"},
    ).of(value)


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [
        ({"Ref": "Size"}, "grow", "grow"),
        ({"Ref": "Queue"}, "grow", UNKNOWN),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Size"}, "Count"]}, "grow", 2),
        ({"Fn::FindInMap": ["Sizes", "huge", "Count"]}, "grow", UNKNOWN),
        (
            {"Fn::Sub": "${AWS::AccountId}-${Size}-${!Literal}"},
            "grow",
            "123456789012-grow-${Literal}",
        ),
        ({"Fn::Sub": ["${a}-${Size}", {"a": {"Ref": "Size"}}]}, "grow", "grow-grow"),
        ({"Fn::Sub": "${Queue}"}, "grow", UNKNOWN),
        ({"Fn::Join": [":", ["a", {"Ref": "Size"}, 1]]}, "grow", "a:grow:1"),
        ({"Fn::If": ["Grown", "yes", "no"]}, "start", "no"),
        ({"Fn::If": ["Both", "yes", "no"]}, "grow", "yes"),
        ({"Fn::If": ["Late", "yes", "no"]}, "grow", UNKNOWN),
        ([1, {"Fn::If": ["Grown", 2, {"Ref": "AWS::NoValue"}]}], "start", [1]),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, "start", {"b": 1}),
        ({"Fn::Select": [1, {"Fn::Split": ["-", "a-b"]}]}, "start", "b"),
        ({"Fn::GetAtt": ["Made", "QueueName"]}, "start", "jobs"),
        ({"Fn::GetAtt": ["Other", "QueueName"]}, "start", UNKNOWN),
        ({"Fn::ImportValue": "x"}, "start", UNKNOWN),
    ],
)
def test_an_expression_comes_to_its_value(value: Any, size: str, expected: Any) -> None:
    assert evaluated(value, Size=size) == expected


# ------------------------------------------------------------------ of the real template


def platform(**changes: str) -> Values:
    parameters = yaml.safe_load(EXAMPLE.read_text())["parameters"]
    given = {
        key: ",".join(one) if isinstance(one, list) else str(one) for key, one in parameters.items()
    }
    given |= {"Environment": "prod", "Size": "start", "ImagePrefix": "registry/academy-prod"}
    given |= {"ImageTag": "1.2.0", "Running": "yes", "GpuPool": "no"} | changes
    return Values(Template(template()), given, account="123456789012", region="ap-northeast-2")


def test_a_release_needs_the_images_of_its_roles_and_no_other() -> None:
    names = [one.local for one in images.wanted(platform())]
    assert names == [
        "academy-ai-worker-cpu:1.2.0",
        "academy-api:1.2.0",
        "academy-flower:1.2.0",
        "academy-messaging-worker:1.2.0",
        "academy-video-worker:1.2.0",
    ]
    assert "academy-ai-worker-gpu:1.2.0" in [
        one.local for one in images.wanted(platform(GpuPool="yes"))
    ]


def test_more_is_asked_of_the_account_as_the_platform_grows() -> None:
    small = {quota.code: quota.wanted for quota in wanted(Template(template()), platform())}
    large = {
        quota.code: quota.wanted
        for quota in wanted(Template(template()), platform(Size="grow", GpuPool="yes"))
    }

    assert 1 < small["L-3032A538"] < large["L-3032A538"]
    assert "L-3819A6DF" not in small
    assert large["L-3819A6DF"] == 8
    assert "L-DB2E81BA" not in large


def test_off_spot_the_account_needs_other_quotas() -> None:
    values = platform(GpuPool="yes", WorkerCapacity="on-demand")
    found = {quota.code: quota.wanted for quota in wanted(Template(template()), values)}
    assert found["L-DB2E81BA"] == 4
    assert not {"L-3819A6DF", "L-36FBB829"} & found.keys()
    assert found["L-3032A538"] > 8


def test_a_task_of_the_next_release_gets_its_template_and_the_roles_that_serve() -> None:
    serving = {
        "taskRoleArn": "arn:role/task",
        "executionRoleArn": "arn:role/execution",
        "containerDefinitions": [
            {
                "name": "manage",
                "image": "registry/academy-prod/academy-api:1.1.0",
                "environment": [
                    {"name": "SQS_QUEUE_VIDEO", "value": "academy-video-jobs"},
                    {"name": "RELEASE", "value": "1.1.0"},
                    {"name": "GONE", "value": "x"},
                ],
            }
        ],
    }

    made = definition(platform(Language="yes"), serving)

    (container,) = made["containerDefinitions"]
    variables = {one["name"]: one["value"] for one in container["environment"]}
    secrets = {one["name"]: one["valueFrom"] for one in container["secrets"]}
    assert made["family"] == "academy-prod-manage"
    assert made["taskRoleArn"] == "arn:role/task"
    assert made["requiresCompatibilities"] == ["FARGATE"]
    assert container["image"] == "registry/academy-prod/academy-api:1.2.0"
    assert variables["RELEASE"] == "1.2.0"
    assert variables["SQS_QUEUE_VIDEO"] == "academy-video-jobs", "what serves has the queue"
    assert "GONE" not in variables
    assert secrets["DATABASE_URL"].endswith("/academy/prod/DATABASE_URL")
    assert "LLM_API_KEY" in secrets, "a secret that only the new release knows"
    assert container["logConfiguration"]["options"]["awslogs-stream-prefix"] == "manage"
    json.dumps(made)  # nothing unknown is left in it


def test_the_secrets_that_are_asked_for_are_those_that_the_template_names() -> None:
    """The list in prose (what to store) and the one that is checked cannot differ."""

    class Site:
        name = "prod"

    for changes in ({}, {"Size": "grow", "Language": "yes"}, {"MessagingProvider": "solapi"}):
        values = platform(**changes)
        checked = Secrets(Aws("ap-northeast-2"), Site()).named(values.template, values)  # type: ignore[arg-type]
        assert checked == set(stored(values.given)) - {""}


# ------------------------------------------------------------------ the plan


def test_a_plan_says_what_loses_data_and_both_values() -> None:
    def content(receives: int, name: str) -> dict[str, Any]:
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"maxReceiveCount": receives}}
        return {"Resources": {name: queue, "Kept": queue}}

    changed = {
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": "Kept",
            "ResourceType": "AWS::SQS::Queue",
            "Replacement": "True",
            "Details": [{"Target": {"Attribute": "Properties", "Name": "maxReceiveCount"}}],
        }
    }
    removed = {
        "ResourceChange": {
            "Action": "Remove",
            "LogicalResourceId": "Old",
            "ResourceType": "AWS::SQS::Queue",
            "Details": [],
        }
    }
    alarm = {
        "ResourceChange": {
            "Action": "Remove",
            "LogicalResourceId": "Alarm",
            "ResourceType": "AWS::CloudWatch::Alarm",
        }
    }
    changes = [Change.read(one) for one in (changed, removed, alarm)]
    old, new = Template(content(5, "Old")), Template(content(8, "New"))

    lines = list(plan_lines(changes, old, new, ({"Tag": "1"}, {"Tag": "2"})))

    assert lines == [
        "  parameter Tag: 1 -> 2",
        "  ~ AWS::SQS::Queue Kept, REPLACED  <- loses data",
        "      maxReceiveCount: 5 -> 8",
        "  - AWS::CloudWatch::Alarm Alarm",
        "  - AWS::SQS::Queue Old  <- loses data",
        "  0 to add, 1 to change, 2 to remove, 1 of them by replacement",
    ]


# ------------------------------------------------------------------ images and buckets


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``docker`` on the PATH that writes down how it is called."""
    program, said = tmp_path / "docker", tmp_path / "said"
    program.write_text(
        f'#!/bin/sh\nread -r given 2>/dev/null || given=\necho "$* <$given>" >> {said}\n'
        'test "$1" != push || case "$2" in *broken*) echo "denied: no rights" >&2; exit 1;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return said


def test_a_password_reaches_the_engine_by_its_input_alone(engine: Path) -> None:
    images._engine("docker", "login", "--password-stdin", "registry", given="s3cret\n")
    assert engine.read_text() == "login --password-stdin registry <s3cret>\n"


def test_a_push_that_fails_tells_the_engines_own_words(engine: Path) -> None:
    with pytest.raises(DeployError, match="denied: no rights"):
        images._engine("docker", "push", "registry/broken:1")


@pytest.fixture
def cloudflare() -> Iterator[tuple[Cloudflare, dict[str, bool], list[str]]]:
    """Cloudflare's API for two buckets: is it public, and make it private."""
    public = {"academy-ai": False, "academy-video": True}
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            public[self.bucket] = body["enabled"]
            self.answer()

        @property
        def bucket(self) -> str:
            return self.path.split("/")[5]

        def answer(self) -> None:
            asked.append(f"{self.command} {self.path} {self.headers['Authorization']}")
            known = self.bucket in public
            self.send_response(200 if known else 404)
            self.end_headers()
            result = {"enabled": public.get(self.bucket), "domain": "x.r2.dev"}
            self.wfile.write(json.dumps({"success": known, "result": result}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        yield Cloudflare("0" * 32, "token", base), public, asked
        server.shutdown()
        thread.join()


def test_a_public_bucket_is_seen_and_closed(
    cloudflare: tuple[Cloudflare, dict[str, bool], list[str]],
) -> None:
    api, public, asked = cloudflare

    assert [api.is_public(name) for name in ("academy-ai", "academy-video", "no-such")] == [
        *(False, True),
        False,
    ]
    api.make_private("academy-video")

    assert public == {"academy-ai": False, "academy-video": False}
    path = f"/accounts/{'0' * 32}/r2/buckets/academy-ai/domains/managed"
    assert asked[0] == f"GET {path} Bearer token"


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "the-deployers"])
def test_a_key_of_aws_is_no_key_of_the_object_store(key: str) -> None:
    (found,) = ObjectStore(
        endpoint="https://127.0.0.1:1",
        access_key=key,
        secret_key="x",
        buckets=("academy-ai",),
        deployers_key="the-deployers",
        environment="prod",
    ).check()
    assert found.fatal
    assert "holds a key of AWS" in found.text


def test_an_object_store_that_does_not_answer_is_told_once() -> None:
    (found,) = ObjectStore(
        endpoint="http://127.0.0.1:1",
        access_key="0" * 32,
        secret_key="x",
        buckets=("academy-ai", "academy-video"),
        deployers_key="",
        environment="prod",
    ).check()
    assert found.fatal
    assert "does not answer" in found.text
