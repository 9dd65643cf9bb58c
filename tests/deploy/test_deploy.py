"""Deploying on the embedded AWS: its real CloudFormation makes, changes and puts back the stack.

What computes there is played (see tests/support/embedded_aws.py); Application Auto Scaling, which
it does not have, is asked of moto in test_deploy_scaling.
"""

from __future__ import annotations

import http.server
import io
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from deploy.aws import config, deployment, leftovers, lock
from deploy.aws.config import load
from deploy.aws.errors import Busy
from deploy.aws.r2 import ObjectStore
from deploy.aws.site import Site
from deploy.aws.store import Store
from deploy.aws.template import Template
from tests.support import cloud_academy
from tests.support.cloud_academy import Academy
from tests.support.embedded_aws import REGION, account, running, until


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("aws")) as address:
        yield address


@pytest.fixture
def academy(emulator: str, tmp_path: Path) -> Iterator[Academy]:
    """Everything is ready, and nothing is deployed."""
    with cloud_academy.make(emulator, tmp_path) as made, cloud_academy.at_hand(made):
        yield made


@pytest.fixture(scope="module")
def first(emulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Academy]:
    with cloud_academy.make(emulator, tmp_path_factory.mktemp("prod")) as made:
        with cloud_academy.at_hand(made):
            made.deploy("1.0.0")
        yield made


@pytest.fixture
def serving(first: Academy) -> Iterator[Academy]:
    """Release 1.0.0 serves, and does so when the test is over: tests share it."""
    with cloud_academy.at_hand(first):
        yield first
    assert first.running() == {"1.0.0"}
    assert first.receives() == 8
    assert first.releases.current().tag == "1.0.0"


def receives(count: int) -> cloud_academy.Change:
    def change(content: dict[str, Any]) -> None:
        policy = content["Resources"]["VideoQueue"]["Properties"]["RedrivePolicy"]
        policy["maxReceiveCount"] = count

    return change


def with_settings(module: str) -> cloud_academy.Change:
    def change(content: dict[str, Any]) -> None:
        for resource in content["Resources"].values():
            for container in resource.get("Properties", {}).get("ContainerDefinitions", []):
                for variable in container.get("Environment", []):
                    if variable.get("Name") == "DJANGO_SETTINGS_MODULE":
                        variable["Value"] = module

    return change


def impossible(content: dict[str, Any]) -> None:
    """A release that CloudFormation accepts, begins, and cannot finish."""
    receives(3)(content)
    content["Resources"]["VideoQueue"]["Properties"]["VisibilityTimeout"] = 99_999_999


@pytest.mark.timeout(600)
def test_the_whole_platform_is_deployed_updated_put_back_and_taken_down(academy: Academy) -> None:
    academy.describe(whole=True)
    assert "AWS::SQS::Queue" in academy.run("deploy", "prod", "--tag", "1.0.0", "--plan")
    assert academy.stack_status() is None

    said = academy.deploy("1.0.0")
    assert "prod serves 1.0.0" in said
    assert academy.computers.commands == [
        ["manage", "migrate", "--no-input"],
        ["manage", "deepcheck", "--queue", "messaging", "--timeout", "60"],
    ]
    assert {image.rpartition(":")[2] for _, image in academy.computers.ran} == {"1.0.0"}
    assert sorted(academy.pushed) == [
        "academy-ai-worker-cpu:1.0.0",
        "academy-ai-worker-gpu:1.0.0",
        "academy-api:1.0.0",
        "academy-flower:1.0.0",
        "academy-messaging-worker:1.0.0",
        "academy-video-worker:1.0.0",
    ]
    assert academy.running() == {"1.0.0"}
    assert academy.door.asked == ["/readyz"]

    def kept(content: dict[str, Any]) -> None:
        receives(9)(content)
        content["Resources"]["ApiLog"]["DeletionPolicy"] = "Retain"

    academy.describe(kept, whole=True)
    said = academy.deploy("1.1.0")
    assert 'maxReceiveCount": 8} -> ' in said, said
    assert 'maxReceiveCount": 9}' in said
    assert academy.receives() == 9
    assert academy.running() == academy.running("academy-prod-relay") == {"1.1.0"}
    assert academy.computers.commands[2:4] == [
        ["manage", "check_migrations"],
        ["manage", "migrate", "--no-input"],
    ]

    academy.describe(impossible, whole=True)
    said = academy.deploy("1.2.0", status=3)
    assert "VideoQueue" in said
    assert "1.1.0 serves again" in said
    assert academy.receives() == 9
    assert academy.running() == academy.running("academy-prod-relay") == {"1.1.0"}
    assert academy.stack_status() == "UPDATE_ROLLBACK_COMPLETE"

    said = academy.run("destroy", "prod", "--name", "prod")
    assert "left: log group /academy/prod/api" in said, "its template retains it"
    assert f"left: bucket academy-prod-deploy-{academy.number}" in said
    assert len(leftovers.find(academy.aws, load("prod"))) == 2
    said = academy.run("destroy", "prod", "--name", "prod", "--with-data")
    assert "prod is gone." in said
    assert leftovers.find(academy.aws, load("prod")) == []


def test_the_list_of_what_is_left_sees_what_is_there(serving: Academy) -> None:
    found = {kind for kind, _ in leftovers.find(serving.aws, load("prod"))}

    assert found >= {
        *("cluster", "task definition", "queue", "alarm", "repository", "log group", "role"),
        *("security group", "bucket", "topic", "target group", "load balancer"),
    }


def test_a_release_that_runs_and_does_not_answer_is_put_back(serving: Academy) -> None:
    serving.describe(receives(9))
    serving.door.ready = False

    said = serving.deploy("2.0.0", status=3)

    assert "is not ready: it answers 503 (database)" in said
    assert "1.0.0 serves again" in said
    assert serving.outcomes()[-1] == ("2.0.0", "rolled back")


def test_a_release_through_which_no_work_gets_is_put_back(serving: Academy) -> None:
    serving.computers.answers["deepcheck"] = (1, ["messaging     broken   no worker took it"])

    said = serving.deploy("3.0.0", status=3)

    assert "messaging     broken   no worker took it" in said
    assert serving.outcomes()[-1] == ("3.0.0", "rolled back")


def test_a_first_release_that_does_not_answer_fails_and_the_next_try_serves(
    academy: Academy,
) -> None:
    academy.door.ready = False
    said = academy.deploy("1.0.0", status=1)
    assert "no release to go back to" in said

    academy.door.ready = True
    academy.deploy("1.0.0")
    assert academy.outcomes() == [("1.0.0", "failed"), ("1.0.0", "serves")]


def test_a_stack_that_could_not_be_made_is_removed_by_the_next_try(academy: Academy) -> None:
    academy.describe(impossible)
    assert "VideoQueue" in academy.deploy("1.0.0", status=1)
    assert academy.stack_status() == "ROLLBACK_COMPLETE"

    academy.describe()
    assert "prod serves 1.0.0" in academy.deploy("1.0.0")


def test_a_rollback_brings_template_and_images_of_before_and_leaves_the_schema(
    academy: Academy,
) -> None:
    academy.deploy("1.0.0")
    academy.describe(receives(9))
    academy.computers.answers["deepcheck"] = (3, ["messaging     paused"])
    assert "a queue is paused or busy" in academy.deploy("1.1.0")
    academy.computers.ran.clear()

    academy.run("rollback", "prod", "--yes")

    assert academy.running() == {"1.0.0"}
    assert academy.receives() == 8
    assert [command[1] for command in academy.computers.commands] == ["deepcheck"]
    assert "1.0.0                    serves (again 1)" in academy.run("releases", "prod")
    assert academy.releases.before().tag == "1.1.0"

    # Without its book a platform that runs is not taken for one that never was.
    academy.store.delete()
    said = academy.deploy("1.1.0", status=2)
    assert "the book of its releases in academy-prod-deploy" in said
    assert academy.running() == {"1.0.0"}
    academy.deploy("1.1.0", "--first")
    assert academy.running() == {"1.1.0"}


def test_a_plan_tells_what_would_change_and_changes_nothing(serving: Academy) -> None:
    serving.describe(receives(9))

    said = serving.run("deploy", "prod", "--tag", "4.0.0", "--plan")

    assert "parameter ImageTag: 1.0.0 -> 4.0.0" in said
    assert "~ AWS::SQS::Queue VideoQueue" in said
    assert "0 to add" in said
    sets = serving.aws.pages(
        "cloudformation", "list_change_sets", "Summaries", StackName="academy-prod"
    )
    assert [one for one in sets if one["ExecutionStatus"] == "AVAILABLE"] == []


def test_a_plan_that_loses_data_is_refused_unless_it_is_meant(serving: Academy) -> None:
    def without_log(content: dict[str, Any]) -> None:
        del content["Resources"]["ApiLog"]
        for resource in content["Resources"].values():
            for container in resource.get("Properties", {}).get("ContainerDefinitions", []):
                if container.get("Name") == "api":
                    del container["LogConfiguration"]

    serving.describe(without_log)

    said = serving.deploy("5.0.0", status=2)
    assert "- AWS::Logs::LogGroup ApiLog  <- loses data" in said

    # Where it is meant, the next question is the migration's.
    serving.computers.answers["check_migrations"] = (1, ["drop-column"])
    assert "drop-column" in serving.deploy("5.0.0", "--allow-loss", "ApiLog", status=2)


def test_a_migration_that_the_release_before_cannot_live_with_is_refused(
    serving: Academy,
) -> None:
    serving.describe(receives(9))
    serving.computers.answers["check_migrations"] = (1, ["jobs.0010: drop-column: …"])

    said = serving.deploy("6.0.0", status=2)

    assert "jobs.0010: drop-column" in said
    assert [command[1] for command in serving.computers.commands] == ["check_migrations"]


def test_a_migration_that_fails_leaves_the_release_before_at_work(serving: Academy) -> None:
    serving.describe(receives(9))
    serving.computers.answers["migrate"] = (1, ["OperationalError: lock timeout"])

    assert "lock timeout" in serving.deploy("7.0.0", status=1)
    assert [image.rpartition(":")[2] for _, image in serving.computers.ran] == ["7.0.0", "7.0.0"]


def test_task_definitions_of_one_off_commands_do_not_pile_up(serving: Academy) -> None:
    active = serving.aws.pages(
        "ecs",
        "list_task_definitions",
        "taskDefinitionArns",
        familyPrefix="academy-prod-manage",
        status="ACTIVE",
    )
    assert len(active) == 1


# ------------------------------------------------------------------ refused before anything


def test_another_account_is_never_touched(academy: Academy) -> None:
    academy.configure(account="123456789012")

    said = academy.deploy("1.0.0", status=2)

    assert f"of account {academy.number}, and prod is in 123456789012" in said
    assert leftovers.find(academy.aws, load("prod")) == []


def test_what_is_wrong_is_told_all_at_once_and_nothing_is_made(academy: Academy) -> None:
    ssm = academy.aws.client("ssm")
    ssm.delete_parameter(Name="/academy/prod/SECRET_KEY")
    for name, value in (("API_KEY_PEPPER", " "), ("R2_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")):
        ssm.put_parameter(
            Name=f"/academy/prod/{name}", Value=value, Type="SecureString", Overwrite=True
        )
    academy.aws.client("sqs").create_queue(QueueName="academy-video-jobs")

    said = academy.deploy("1.0.0", status=2)

    assert "secret /academy/prod/SECRET_KEY is missing" in said
    assert "secret /academy/prod/API_KEY_PEPPER is empty" in said
    assert "R2_ACCESS_KEY_ID holds a key of AWS" in said
    assert "queue academy-video-jobs exists and is not of academy-prod" in said
    assert academy.stack_status() is None
    assert not academy.store.exists()


def test_expired_credentials_are_told_as_such(academy: Academy) -> None:
    class Expired(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = (
                b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>expired</Message>"
                b"</Error></ErrorResponse>"
            )
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Expired) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        academy.aws = account(f"http://127.0.0.1:{server.server_port}", academy.number)
        said = academy.deploy("1.0.0", status=2)
        server.shutdown()
        thread.join()

    assert "The AWS credentials have expired. Sign in again" in said


def test_an_image_that_is_not_in_the_registry_is_told_before_anything_changes(
    serving: Academy,
) -> None:
    said = serving.deploy("8.0.0", "--no-push", status=2)

    assert "academy-prod/academy-api:8.0.0" in said
    assert serving.computers.ran == []


def test_a_stack_that_somebody_else_made_is_not_changed(academy: Academy) -> None:
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    academy.aws.client("cloudformation").create_stack(StackName="academy-prod", TemplateBody=body)
    until("the stack is there", lambda: academy.stack_status() == "CREATE_COMPLETE")

    assert "is not this environment's" in academy.deploy("1.0.0", status=2)


def test_nobody_to_ask_is_no_yes(serving: Academy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    serving.describe(receives(9))

    assert "--yes" in serving.run("deploy", "prod", "--tag", "9.0.0", status=2)


def test_a_wrong_name_destroys_nothing(serving: Academy) -> None:
    said = serving.run("destroy", "prod", "--name", "production", status=2)

    assert "Nothing was changed" in said


# ------------------------------------------------------------------ one at a time


def test_of_two_deployments_at_once_one_works_and_the_other_is_told_who(
    academy: Academy,
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slow(_question: str) -> bool:
        entered.set()
        return go_on.wait(120)

    with ThreadPoolExecutor(1) as pool:
        one = pool.submit(deployment.deploy, *_arguments(academy, slow))
        assert entered.wait(120)
        with pytest.raises(Busy, match=r"runs `deploy 1\.0\.0` since"):
            deployment.deploy(*_arguments(academy, lambda _: True))
        go_on.set()
        assert one.result(timeout=200).outcome == "serves"
    assert academy.outcomes() == [("1.0.0", "serves")]


def _arguments(academy: Academy, confirm: Callable[[str], bool]) -> tuple[Any, ...]:
    site = Site.open(load("prod"), academy.aws, lambda _: None)
    options = deployment.Options(tag="1.0.0", confirm=confirm)
    return site, Template.read(academy.folder / "stack.yaml"), options


def test_the_lock_of_a_dead_deployment_falls_and_a_paused_one_notices(
    emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(account(emulator, "111111111111"), "academy-prod", "111111111111")
    store.ensure()
    with lock.held(store, "deploy 1") as paused:
        with pytest.raises(Busy, match="its lock falls in"), lock.held(store, "deploy 2"):
            pass
        monkeypatch.setattr(lock, "DEAD_AFTER_SECONDS", -1.0)
        with lock.held(store, "deploy 3") as living:
            living.check()
            paused._renew_once()
            with pytest.raises(Busy, match="took this one for dead"):
                paused.check()
            paused.release()
            assert store.read(lock.KEY).value["what"] == "deploy 3"
    assert store.read(lock.KEY) is None


def test_a_lock_is_renewed_and_given_back(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(account(emulator, "222222222222"), "academy-prod", "222222222222")
    store.ensure()
    monkeypatch.setattr(lock, "DEAD_AFTER_SECONDS", 0.3)
    with lock.held(store, "deploy 1") as mine:
        until("it is renewed", lambda: "renewed" in store.read(lock.KEY).value)
        mine.check()
    assert store.read(lock.KEY) is None


# ------------------------------------------------------------------ between deployments


def test_what_was_changed_by_hand_is_found_and_told(academy: Academy) -> None:
    academy.deploy("1.0.0")
    assert "is as release 1 (1.0.0) made it" in academy.run("compare", "prod")
    sqs, ecs = academy.aws.client("sqs"), academy.aws.client("ecs")
    urls = [
        sqs.get_queue_url(QueueName=name)["QueueUrl"]
        for name in ("academy-video-jobs", "academy-video-jobs-dlq")
    ]
    sqs.set_queue_attributes(QueueUrl=urls[0], Attributes={"RedrivePolicy": ""})
    sqs.delete_queue(QueueUrl=urls[1])
    alarm = academy.aws.pages("cloudwatch", "describe_alarms", "MetricAlarms")[0]["AlarmName"]
    academy.aws.client("cloudwatch").disable_alarm_actions(AlarmNames=[alarm])
    definition = ecs.register_task_definition(
        family="academy-prod-api",
        containerDefinitions=[
            {
                "name": "api",
                "image": "other:1",
                "memory": 64,
                "environment": [{"name": "SQS_QUEUE_VIDEO", "value": "elsewhere"}],
            }
        ],
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(
        cluster="academy-prod", service="academy-prod-api", taskDefinition=definition
    )
    until("the image runs", lambda: academy.running() == {"1"})

    said = academy.run("compare", "prod", status=4)

    assert "academy-video-jobs has no redrive policy" in said
    assert "The queue academy-video-jobs-dlq is missing" in said
    assert f"The alarm {alarm} is switched off" in said
    assert "a task runs other:1, which is not this release" in said
    assert "SQS_QUEUE_VIDEO is elsewhere" in said
    assert "AWS::SQS::Queue academy-video-jobs was changed by hand" in said


def test_logs_are_read_by_role_and_an_unknown_role_is_told(serving: Academy) -> None:
    said = serving.run("logs", "prod", "manage", "--since", "1h")
    assert "migrate done" in said

    said = serving.run("logs", "prod", "cook", status=2)
    assert "no log of 'cook'" in said
    assert "- api" in said


def test_a_command_of_manage_py_runs_there_with_its_status(serving: Academy) -> None:
    serving.computers.answers["tenant_create"] = (7, ["an academy of that name exists"])

    said = serving.run("manage", "prod", "--", "tenant_create", "--slug", "haneul", status=7)

    assert "an academy of that name exists" in said
    command, image = serving.computers.ran[-1]
    assert command == ["manage", "tenant_create", "--slug", "haneul"]
    assert image.endswith("academy-api:1.0.0")


# ------------------------------------------------------------------ before the first deployment


def test_missing_secrets_are_made_or_taken_and_stored_ones_are_left_alone(
    academy: Academy, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssm = academy.aws.client("ssm")

    def value(name: str) -> str:
        found = ssm.get_parameter(Name=f"/academy/prod/{name}", WithDecryption=True)["Parameter"]
        assert found["Type"] == "SecureString"
        return str(found["Value"])

    monkeypatch.delenv("DATABASE_URL", raising=False)
    pepper = value("API_KEY_PEPPER")
    ssm.delete_parameters(Names=["/academy/prod/SECRET_KEY", "/academy/prod/DATABASE_URL"])
    assert "DATABASE_URL is missing" in academy.run("secrets", "prod", status=2)

    monkeypatch.setenv("DATABASE_URL", "postgresql://a:b@db/academy?sslmode=require")
    said = academy.run("secrets", "prod")

    assert len(value("SECRET_KEY")) >= 50
    assert value("DATABASE_URL") == "postgresql://a:b@db/academy?sslmode=require"
    assert value("API_KEY_PEPPER") == pepper
    assert value("SECRET_KEY") not in said
    assert "/academy/prod/SECRET_KEY: made" in said
    assert "Every secret is stored" in academy.run("secrets", "prod")


def test_the_database_is_made_once_and_its_address_stored(academy: Academy) -> None:
    ssm, ec2 = academy.aws.client("ssm"), academy.aws.client("ec2")
    ssm.delete_parameter(Name="/academy/prod/DATABASE_URL")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ac")
    ]
    academy.configure(parameters=academy.parameters | {"VpcId": vpc, "SubnetIds": subnets})

    said = academy.run("database", "prod", "--yes")

    def value(name: str) -> str:
        found = ssm.get_parameter(Name=f"/academy/prod/{name}", WithDecryption=True)
        return str(found["Parameter"]["Value"])

    (made,) = academy.aws.client("rds").describe_db_instances()["DBInstances"]
    host, password = made["Endpoint"]["Address"], value("DATABASE_PASSWORD")
    address = f"postgresql://academy:{password}@{host}:5432/academy?sslmode=require"
    assert value("DATABASE_URL") == address
    assert password not in said
    assert "  DatabaseSecurityGroupId: sg-" in said
    assert "is as its template says" in academy.run("database", "prod", "--yes")
    assert value("DATABASE_PASSWORD") == password
    # The platform comes and goes beside it.
    academy.run("destroy", "prod", "--name", "prod", "--with-data")
    assert leftovers.find(academy.aws, load("prod")) == []
    assert len(academy.aws.client("rds").describe_db_instances()["DBInstances"]) == 1


@pytest.mark.integration("s3")
def test_buckets_are_made_as_academys_own_command_makes_them(academy: Academy) -> None:
    name = secrets.token_hex(4)
    for variable in ("R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"):
        academy.aws.client("ssm").put_parameter(
            Name=f"/academy/prod/{variable}",
            Value=os.environ[variable],
            Type="SecureString",
            Overwrite=True,
        )
    parameters = academy.parameters | {"R2EndpointUrl": os.environ["R2_ENDPOINT_URL"]}
    for kind in ("Ai", "Video", "Excel", "Storage"):
        parameters[f"{kind}Bucket"] = f"{name}-{kind.lower()}"
    academy.configure(parameters=parameters)
    # An object store on this machine speaks http, which production's settings refuse.
    academy.describe(with_settings("academy.settings.local"))

    assert f"bucket {name}-video is missing: make buckets" in academy.deploy("1.0.0", status=2)

    said = academy.run("buckets", "prod")
    assert f"{name}-video: cors: not set, repaired" in said
    academy.run("buckets", "prod", "--check")

    (found,) = ObjectStore(
        endpoint=os.environ["R2_ENDPOINT_URL"],
        access_key="0" * 32,
        secret_key="wrong",
        buckets=(f"{name}-video",),
        deployers_key="",
        environment="prod",
    ).check()
    assert found.fatal
    assert "refuses the stored keys" in found.text


# ------------------------------------------------------------------ what only moto has


def test_a_pool_is_given_other_bounds_and_a_service_another_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Application Auto Scaling exists on moto alone, beside ECS and conditional writes to S3."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        aws = account(f"http://{host}:{port}", "test")
        ecs, scaling = aws.client("ecs"), aws.client("application-autoscaling")
        ecs.create_cluster(clusterName="academy-prod")
        ecs.register_task_definition(
            family="academy-prod-video",
            containerDefinitions=[{"name": "video", "image": "a:1", "memory": 64}],
        )
        for role in ("video", "api"):
            ecs.create_service(
                cluster="academy-prod",
                serviceName=f"academy-prod-{role}",
                taskDefinition="academy-prod-video",
                desiredCount=1,
            )
        target = {
            "ServiceNamespace": "ecs",
            "ResourceId": "service/academy-prod/academy-prod-video",
            "ScalableDimension": "ecs:service:DesiredCount",
        }
        scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
        hand = Academy(aws, "123456789012", tmp_path, door=None, computers=None)
        hand.configure(url="https://api.example.com")
        monkeypatch.setattr(config, "FOLDER", tmp_path)
        hand.store.ensure()

        assert "0 to 6 tasks" in hand.run("scale", "prod", "video", "0-6")
        (bounds,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        assert (bounds["MinCapacity"], bounds["MaxCapacity"]) == (0, 6)

        assert "1 -> 3 tasks" in hand.run("scale", "prod", "api", "3")
        (service,) = ecs.describe_services(cluster="academy-prod", services=["academy-prod-api"])[
            "services"
        ]
        assert service["desiredCount"] == 3

        assert "give one number" in hand.run("scale", "prod", "api", "1-3", status=2)
        assert "no service academy-prod-cook" in hand.run("scale", "prod", "cook", "1", status=2)
        assert "neither a number" in hand.run("scale", "prod", "api", "many", status=2)
        assert hand.store.read(lock.KEY) is None, "the lock is given back"
    finally:
        server.stop()
