"""The AWS stack: its template is what the code makes, and keeps what it promises."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from academy.settings.env import Profile, load
from deploy.aws.stack import database, emulator, identity, template, variables
from deploy.aws.stack.pools import GPU_GROUP, JOBS_A_WORKER
from deploy.aws.stack.roles import images, table
from deploy.aws.stack.sizes import SIZES
from tasks import queues
from tasks.flower import config as flower_config
from tasks.host import config as host_config
from tests.support.cloudformation import Worked

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT_PAGE = ROOT / "docs" / "reference" / "environment.md"

GIVEN = {
    "Environment": "demo",
    "ImagePrefix": "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/academy-demo",
    "ImageTag": "1.2.3",
    "Running": "yes",
    "VpcId": "vpc-1",
    "SubnetIds": "subnet-1,subnet-2",
    "DatabaseSecurityGroupId": "sg-1",
    "DatabaseInstance": "academy-demo",
    "PublicHost": "api.example.com",
    "FlowerHost": "flower.example.com",
    "R2EndpointUrl": "https://account.r2.cloudflarestorage.com",
    "TunnelImage": "cloudflare/cloudflared:1",
    "AlarmEmail": "ops@example.com",
    "MonthlyBudget": "200",
}
CHOICES: dict[str, dict[str, str]] = {
    "start": {"Size": "start"},
    "grow": {"Size": "grow", "CertificateArn": "arn:certificate"},
    "prefixed": {"Size": "start", "QueuePrefix": "demo-"},
    "solapi": {"MessagingProvider": "solapi", "ProviderWebhooks": "yes"},
    "nhn": {"MessagingProvider": "nhn", "AlimTalk": "yes", "ProviderWebhooks": "yes"},
    "cdn": {"CdnBaseUrl": "https://video.example.com", "CorsOrigins": "https://example.com"},
    "models": {"Language": "yes", "Speech": "yes", "ModelRegistry": "s3://academy-ai/models.json"},
}
#: What the parameter store might hold; a value for every name, or the test says which is missing.
STORED = {
    "DATABASE_URL": "postgresql://academy:p@db.example.com/academy?sslmode=verify-full",
    "SECRET_KEY": "s" * 50,
    "API_KEY_PEPPER": "p" * 32,
    "PERSONAL_DATA_SECRET": "d" * 32,
    "VIDEO_KEY_SECRET": "v" * 32,
    "R2_ACCESS_KEY_ID": "id",
    "R2_SECRET_ACCESS_KEY": "secret",
    "METRICS_TOKEN": "m" * 32,
    "CDN_SIGNING_KEY": "k1:" + "x" * 32,
    "FLOWER_BASIC_AUTH": "ops:a-long-password",
    "SOLAPI_API_KEY": "key",
    "SOLAPI_API_SECRET": "secret",
    "SOLAPI_WEBHOOK_SECRET": "word",
    "NHN_APP_KEY": "app",
    "NHN_SECRET_KEY": "secret",
    "NHN_ALIMTALK_APP_KEY": "app",
    "NHN_ALIMTALK_SECRET_KEY": "secret",
    "NHN_WEBHOOK_SECRET": "word",
    "LLM_BASE_URL": "https://models.example.com/v1",
    "LLM_MODEL": "model",
    "LLM_API_KEY": "key",
    "LLM_INPUT_PRICE": "0",
    "LLM_OUTPUT_PRICE": "0",
    "SPEECH_BASE_URL": "https://models.example.com/v1",
    "SPEECH_MODEL": "model",
    "SPEECH_API_KEY": "key",
    "SPEECH_MINUTE_PRICE": "0",
    "LANGUAGE_TENANT_BUDGET": "1000",
    "LANGUAGE_PLATFORM_BUDGET": "5000",
    "TUNNEL_TOKEN": "token",
    "FLOWER_TUNNEL_TOKEN": "token",
}
SECRETIVE = re.compile(r"KEY|SECRET|PASSWORD|TOKEN|PEPPER|DATABASE_URL|_AUTH")


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(template.PATH.read_text(), yaml.CSafeLoader)
    return content


@pytest.fixture(scope="module", params=CHOICES)
def worked(request: pytest.FixtureRequest, written: dict[str, Any]) -> Worked:
    return Worked(written, GIVEN | CHOICES[request.param])


@pytest.fixture(scope="module", params=list(SIZES))
def sized(request: pytest.FixtureRequest, written: dict[str, Any]) -> Worked:
    return Worked(written, GIVEN | CHOICES[request.param])


def definition(worked: Worked, role: str) -> dict[str, Any]:
    found = worked.of_type("AWS::ECS::TaskDefinition").values()
    (one,) = (each for each in found if each["Family"] == f"academy-demo-{role}")
    return one


def container(worked: Worked, role: str, name: str | None = None) -> dict[str, Any]:
    containers = definition(worked, role)["ContainerDefinitions"]
    (one,) = (each for each in containers if each["Name"] == (name or role))
    return dict(one)


def environ(worked: Worked, role: str) -> dict[str, str]:
    """What the process of a role is started with."""
    one = container(worked, role)
    plain = {entry["Name"]: str(entry["Value"]) for entry in one["Environment"]}
    secret = {
        entry["Name"]: STORED[entry["ValueFrom"].rpartition("/")[2]] for entry in one["Secrets"]
    }
    assert not plain.keys() & secret.keys()
    return plain | secret


# ---------------------------------------------------------------------------- the file


def test_the_committed_template_is_the_one_that_the_code_makes() -> None:
    assert template.PATH.read_text() == template.text(), "run: make stack"


def test_everything_that_is_referred_to_exists_in_both_sizes(sized: Worked) -> None:
    there = sized.resources.keys()
    gone = sized.template["Resources"].keys() - there

    def look(part: Any) -> None:
        if isinstance(part, list):
            for one in part:
                look(one)
        elif isinstance(part, dict):
            for one in part.values():
                look(one)
        elif isinstance(part, str):
            assert part.partition(".")[0] not in gone, part

    for one in sized.resources.values():
        look(one["Properties"])


def test_the_emulator_is_given_all_but_what_is_listed(written: dict[str, Any]) -> None:
    left = emulator.variant(written)
    missing = written["Resources"].keys() - left["Resources"].keys()
    kinds = {written["Resources"][name]["Type"] for name in missing}
    assert kinds == emulator.UNKNOWN_TYPES.keys() | {"AWS::CloudWatch::Alarm"}
    for choice in ("start", "grow"):
        assert Worked(left, GIVEN | CHOICES[choice]).resources
    # Only scaling, one alarm a queue, the budget and the way to the database: no more than that.
    assert len(missing) <= 25


# ---------------------------------------------------------------------------- queues


def test_the_queues_are_those_of_the_table(worked: Worked) -> None:
    prefix = worked.parameters["QueuePrefix"]
    made = {one["QueueName"]: one for one in worked.of_type("AWS::SQS::Queue").values()}
    for row in queues.table({}):
        queue, letters = made.pop(prefix + row.sqs_name), made.pop(prefix + row.dlq_name)
        assert queue["VisibilityTimeout"] == row.visibility_seconds
        assert queue["MessageRetentionPeriod"] == row.retention_seconds
        assert queue["ReceiveMessageWaitTimeSeconds"] == 20
        assert queue["RedrivePolicy"]["maxReceiveCount"] == row.max_receive_count
        target = queue["RedrivePolicy"]["deadLetterTargetArn"].partition(".")[0]
        assert worked.resources[target]["Properties"]["QueueName"] == prefix + row.dlq_name
        assert letters["MessageRetentionPeriod"] == row.dlq_retention_seconds
        (source,) = letters["RedriveAllowPolicy"]["sourceQueueArns"]
        assert source.endswith(f":{prefix}{row.sqs_name}")
        assert queue["SqsManagedSseEnabled"]
        assert letters["SqsManagedSseEnabled"]
    ((name, events),) = made.items()
    (wanted,) = queues.events_queues({})
    assert name == prefix + wanted.sqs_name
    assert events["MessageRetentionPeriod"] == wanted.retention_seconds


def test_every_queue_has_its_alarms(worked: Worked) -> None:
    alarms = worked.of_type("AWS::CloudWatch::Alarm")
    prefix = worked.parameters["QueuePrefix"]
    for row in queues.table({}):
        waits, letters, nobody = (
            alarms[f"{row.slug.title().replace('_', '')}{kind}Alarm"]
            for kind in ("Waits", "Letters", "NoWorkers")
        )
        assert waits["MetricName"] == "OldestSeconds"
        assert waits["Namespace"] == environ(worked, "relay")["CLOUDWATCH_NAMESPACE"]
        assert waits["Dimensions"] == [{"Name": "Queue", "Value": row.name}]
        assert letters["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert letters["Dimensions"] == [{"Name": "QueueName", "Value": prefix + row.dlq_name}]
        assert letters["Threshold"] == 0
        assert any("MetricStat" in one for one in nobody["Metrics"])
        for alarm in (waits, letters, nobody):
            assert alarm["AlarmActions"] == alarm["OKActions"] == ["AlarmTopic"]


def test_every_alarm_for_people_names_a_runbook_that_exists(worked: Worked) -> None:
    alarms = worked.of_type("AWS::CloudWatch::Alarm").values()
    for_people = [one for one in alarms if one["AlarmActions"] == ["AlarmTopic"]]
    assert len(for_people) >= 20
    for alarm in for_people:
        found = re.search(r"deploy/runbooks/[a-z-]+\.md", alarm["AlarmDescription"])
        assert found, alarm["AlarmName"]
        assert (ROOT / found[0]).is_file(), found[0]


def test_a_silent_relay_rings_while_the_platform_runs_and_only_then(
    written: dict[str, Any],
) -> None:
    for running, treatment in (("yes", "breaching"), ("no", "notBreaching")):
        worked = Worked(written, GIVEN | {"Running": running})
        alarm = worked.of_type("AWS::CloudWatch::Alarm")["RelaySilentAlarm"]
        assert alarm["TreatMissingData"] == treatment
        assert alarm["Threshold"] == len(queues.table({}))


# ---------------------------------------------------------------------------- rights


def statements(worked: Worked) -> list[tuple[str, dict[str, Any]]]:
    """Every statement of every role, with the role's logical id."""
    return [
        (name, statement)
        for name, role in worked.of_type("AWS::IAM::Role").items()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_no_right_is_wider_than_it_must_be(sized: Worked) -> None:
    for role, statement in statements(sized):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"]), (role, statement)
        where = statement["Resource"]
        if where == "*":
            assert set(statement["Action"]) <= identity.UNBOUNDED.keys(), (role, statement)
        else:
            assert all(one != "*" for one in where), (role, statement)
        if "cloudwatch:PutMetricData" in statement["Action"]:
            assert statement["Condition"] == {
                "StringEquals": {"cloudwatch:namespace": "academy-demo"}
            }
    for role in sized.of_type("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role  # AWS's own grant far more than is used


def who_may(worked: Worked, action: str, resource: str) -> set[str]:
    return {
        role
        for role, statement in statements(worked)
        if action in statement["Action"] and f"{resource}.Arn" in statement["Resource"]
    }


def test_a_worker_reaches_its_own_queue_and_no_other(sized: Worked) -> None:
    for role in table():
        if role.queue is None:
            continue
        mine = f"{role.id}TaskRole"
        for action in (
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
        ):
            assert who_may(sized, action, f"{role.id}Queue") == {mine}
        reached = {
            one
            for name, statement in statements(sized)
            if name == mine and statement["Sid"] == "Work"
            for one in statement["Resource"]
        }
        assert reached == {f"{role.id}Queue.Arn"}
        assert mine in who_may(sized, "sqs:SendMessage", "EventsQueue")


def test_only_the_relay_publishes_and_operators_send_again(sized: Worked) -> None:
    for row in queues.table({}):
        key = row.slug.title().replace("_", "")
        senders = {"RelayTaskRole", "ApiTaskRole", "ManageTaskRole"}
        assert who_may(sized, "sqs:SendMessage", f"{key}Queue") == senders
        for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage"):
            assert who_may(sized, action, f"{key}DeadLetters") == {"RelayTaskRole"}
        assert not who_may(sized, "sqs:SendMessage", f"{key}DeadLetters")
        assert not who_may(sized, "sqs:PurgeQueue", f"{key}Queue")


def test_a_start_role_reads_the_secrets_of_its_containers_and_no_others(worked: Worked) -> None:
    for role in table():
        allowed = {
            address.partition(":parameter")[2]
            for name, statement in statements(worked)
            if name == f"{role.id}ExecutionRole" and statement["Sid"] == "Secrets"
            for address in statement["Resource"]
        }
        named = {
            entry["ValueFrom"]
            for one in definition(worked, role.name)["ContainerDefinitions"]
            for entry in one.get("Secrets", [])
        }
        assert named <= allowed
        assert allowed == {f"/academy/demo/{name}" for name in variables.secret_names(role)}
    flower = variables.secret_names(next(role for role in table() if role.name == "flower"))
    assert not any(name.startswith(("SOLAPI", "NHN", "LLM", "CDN")) for name in flower)


# ---------------------------------------------------------------------------- processes


def test_every_process_finds_the_environment_it_checks_at_boot(worked: Worked) -> None:
    page = ENVIRONMENT_PAGE.read_text()
    documented = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", page, re.MULTILINE))
    for role in table():
        variables_of = environ(worked, role.name)
        assert variables_of.keys() <= documented, variables_of.keys() - documented
        found = load(Profile.PRODUCTION, variables_of)
        assert found.process == role.process
        assert found.release == "1.2.3"
        names = [row.sqs_name for row in queues.table(variables_of)]
        prefix = worked.parameters["QueuePrefix"]
        assert names == [prefix + row.sqs_name for row in queues.table({})]
        assert [one.sqs_name for one in queues.events_queues(variables_of)] == [
            f"{prefix}{queues.EVENTS_QUEUE}"
        ]
        for name, entry in {
            e["Name"]: e for e in container(worked, role.name)["Environment"]
        }.items():
            assert not SECRETIVE.search(name), f"{name} is no value for a template: {entry}"


def test_flower_and_the_host_agent_start_with_what_they_are_given(worked: Worked) -> None:
    flower = flower_config.read(environ(worked, "flower"))
    assert (flower.address, flower.port, flower.is_open) == ("0.0.0.0", 5555, False)
    assert flower.controls
    agent = container(worked, "ai-premium", "host")
    config = host_config.read({one["Name"]: one["Value"] for one in agent["Environment"]})
    assert config.idle_stop_seconds >= 600
    assert not config.in_ecs
    # A worker that was told to leave must not take the agent with it, nor be started again.
    worker = container(worked, "ai-premium")
    assert (agent["Essential"], worker["Essential"]) == (True, False)
    assert worker["RestartPolicy"]["IgnoredExitCodes"] == [0]
    # Else it would take itself for a task that its service starts again, and never leave.
    removed = agent["EntryPoint"]
    assert {"ECS_AGENT_URI", "ECS_CONTAINER_METADATA_URI_V4"} <= set(removed)
    assert definition(worked, "ai-premium")["PidMode"] == "task"
    shared = [
        {one["SourceVolume"] for one in c["MountPoints"]}
        for c in (agent, container(worked, "ai-premium"))
    ]
    assert "tmp" in shared[0] & shared[1]


def test_what_must_be_stored_is_what_the_containers_ask_for(worked: Worked) -> None:
    asked = {
        entry["ValueFrom"].rpartition("/")[2]
        for one in worked.of_type("AWS::ECS::TaskDefinition").values()
        for each in one["ContainerDefinitions"]
        for entry in each.get("Secrets", [])
    }
    listed = variables.stored(worked.parameters)
    assert set(listed) == asked
    assert len(listed) == len(asked)


def test_every_container_is_confined(worked: Worked) -> None:
    for role in table():
        for one in definition(worked, role.name)["ContainerDefinitions"]:
            where = (role.name, one["Name"])
            assert one["ReadonlyRootFilesystem"] is True, where
            assert one["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}, where
            assert one["User"] not in ("", "0", "root"), where
            assert not one.get("Privileged"), where
            assert one["Ulimits"], where
            assert one["StopTimeout"] <= 120, where
            assert one["LogConfiguration"]["Options"]["awslogs-group"] == f"{role.id}Log", where
            if one["Name"] != "host" and role.runs != "command":
                assert one["HealthCheck"]["Command"][0] == "CMD", where
        if role.queue is not None:
            finish = int(environ(worked, role.name)["WORKER_FINISH_SECONDS"])
            assert container(worked, role.name)["StopTimeout"] >= 2 * finish


def test_images_and_commands_are_those_of_the_images_own_list(worked: Worked) -> None:
    made = yaml.safe_load((ROOT / "docker" / "images.yaml").read_text())["images"]
    assert set(images()) <= made.keys()
    for role in table():
        address = container(worked, role.name)["Image"]
        image = address.removeprefix(GIVEN["ImagePrefix"] + "/").removesuffix(":1.2.3")
        command = container(worked, role.name)["Command"]
        assert command[0] in made[image]["roles"]
        if role.queue is not None:
            assert role.queue.name in made[image]["queues"]


def test_volumes_stand_where_the_image_gives_them_to_its_user(worked: Worked) -> None:
    recipe = (ROOT / "docker" / "base.Dockerfile").read_text()
    declared = re.search(r"^VOLUME (\[.*\])$", recipe, re.MULTILINE)
    assert declared  # on Fargate any other folder would belong to root
    for role in table():
        for one in definition(worked, role.name)["ContainerDefinitions"]:
            mounted = {each["ContainerPath"] for each in one["MountPoints"]}
            assert mounted <= set(json.loads(declared[1])), role.name


#: Cores to MiB of memory, as Fargate has them.
FARGATE = {
    256: range(512, 2049, 512),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
}


def test_tasks_have_sizes_that_fargate_has_and_that_their_pools_need(sized: Worked) -> None:
    for role in table():
        if role.runs == "gpu":
            continue
        one = definition(sized, role.name)
        memory = int(one["Memory"])
        assert memory in FARGATE[int(one["Cpu"])], role.name
        assert 21 <= one["EphemeralStorage"]["SizeInGiB"] <= 200
        if role.queue is not None and role.queue.child_memory_mb:
            wanted = role.queue.concurrency * role.queue.child_memory_mb
            assert memory >= wanted + 512, role.name


def test_services_roll_back_by_themselves_and_leave_pools_their_number(sized: Worked) -> None:
    services = {one["ServiceName"]: one for one in sized.of_type("AWS::ECS::Service").values()}
    for role in table():
        if role.runs == "command":
            assert f"academy-demo-{role.name}" not in services
            continue
        one = services[f"academy-demo-{role.name}"]
        breaker = one["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
        assert breaker == {"Enable": True, "Rollback": True}
        assert ("DesiredCount" in one) == (role.runs == "service")
        if role.runs == "service":
            least = SIZES[sized.parameters["Size"]].tasks[role.name].least
            assert one["DesiredCount"] == least >= 1


def test_nothing_runs_where_the_deployment_says_so(written: dict[str, Any]) -> None:
    worked = Worked(written, GIVEN | {"Running": "no"})
    for one in worked.of_type("AWS::ECS::Service").values():
        assert one.get("SchedulingStrategy") == "DAEMON" or one["DesiredCount"] == 0
    for one in worked.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values():
        assert one["MinCapacity"] == one["MaxCapacity"] == 0
    assert worked.of_type("AWS::AutoScaling::AutoScalingGroup")[GPU_GROUP]["MaxSize"] == "0"


# ---------------------------------------------------------------------------- scaling, network


def test_pools_come_with_work_and_go_only_when_there_is_none(sized: Worked) -> None:
    alarms = sized.of_type("AWS::CloudWatch::Alarm")
    policies = sized.of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
    for role in table():
        if role.runs not in ("pool", "gpu"):
            continue
        press = alarms["GpuPress" if role.runs == "gpu" else f"{role.id}Press"]
        assert f"/ {JOBS_A_WORKER[role.name]})" in press["Metrics"][0]["Expression"]
        stats = [one["MetricStat"] for one in press["Metrics"] if "MetricStat" in one]
        assert all(one["Stat"] != "Sum" for one in stats)  # two relays publish the same numbers
        assert press["TreatMissingData"] == "missing"
        if role.runs == "gpu":
            continue
        rest = alarms[f"{role.id}Rest"]
        assert rest["TreatMissingData"] == "missing"
        assert rest["Threshold"] == 0
        assert rest["EvaluationPeriods"] * rest["Period"] >= 600
        # Nothing else takes a task away: no busy worker is ever chosen.
        (empty,) = rest["AlarmActions"]
        lowering = [
            name
            for name, one in policies.items()
            if name.startswith(role.id)
            and (
                one["StepScalingPolicyConfiguration"]["AdjustmentType"] == "ExactCapacity"
                or any(
                    step["ScalingAdjustment"] <= 0
                    for step in one["StepScalingPolicyConfiguration"]["StepAdjustments"]
                )
            )
        ]
        assert lowering == [empty]


def test_a_gpu_host_that_leaves_is_not_started_again(sized: Worked) -> None:
    group = sized.of_type("AWS::AutoScaling::AutoScalingGroup")[GPU_GROUP]
    assert group["MinSize"] == "0"
    assert "DesiredCapacity" not in group  # an update of the stack would start what has left
    assert group["NewInstancesProtectedFromScaleIn"] is True
    for policy in sized.of_type("AWS::AutoScaling::ScalingPolicy").values():
        assert all(step["ScalingAdjustment"] > 0 for step in policy["StepAdjustments"])
    (hook,) = sized.of_type("AWS::AutoScaling::LifecycleHook").values()
    assert hook["DefaultResult"] == "CONTINUE"
    data = sized.of_type("AWS::EC2::LaunchTemplate")["GpuTemplate"]["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    (service,) = (
        one
        for one in sized.of_type("AWS::ECS::Service").values()
        if one["ServiceName"].endswith("ai-premium")
    )
    assert service["SchedulingStrategy"] == "DAEMON"


def test_security_groups_say_what_a_rule_is_for_in_words_that_ec2_takes(sized: Worked) -> None:
    words = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}")
    rules = [
        rule
        for group in sized.of_type("AWS::EC2::SecurityGroup").values()
        for side in ("SecurityGroupIngress", "SecurityGroupEgress")
        for rule in [*group.get(side, []), {"Description": group["GroupDescription"]}]
    ]
    assert len(rules) >= 5
    for rule in rules:
        assert words.fullmatch(rule["Description"]), rule


def test_the_internet_reaches_nothing_but_the_balancer_through_cloudflare(sized: Worked) -> None:
    groups = sized.of_type("AWS::EC2::SecurityGroup")
    ingress = groups["ServicesSecurityGroup"].get("SecurityGroupIngress", [])
    if sized.parameters["Size"] == "start":
        assert ingress == []
        assert "BalancerSecurityGroup" not in groups
        for role in ("api", "flower"):
            assert container(sized, role, "tunnel")["DependsOn"][0]["Condition"] == "HEALTHY"
        return
    assert {one["SourceSecurityGroupId"] for one in ingress} == {"BalancerSecurityGroup.GroupId"}
    opened = groups["BalancerSecurityGroup"]["SecurityGroupIngress"]
    assert {one["FromPort"] for one in opened} == {443}
    assert "0.0.0.0/0" not in {one["CidrIp"] for one in opened}
    assert [one["Name"] for one in definition(sized, "api")["ContainerDefinitions"]] == ["api"]


# ---------------------------------------------------------------------------- what stays


def test_what_holds_something_says_what_becomes_of_it(written: dict[str, Any]) -> None:
    holding = ("AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::ECR::Repository")
    for name, one in written["Resources"].items():
        if one["Type"] in holding:
            assert one["DeletionPolicy"] == one["UpdateReplacePolicy"] == "Delete", name
        # Data that cannot be made again belongs into no stack that is deployed every week.
        assert not one["Type"].startswith(("AWS::RDS", "AWS::S3", "AWS::DynamoDB")), name


def test_the_database_outlives_its_stack_and_keeps_its_password_to_itself() -> None:
    assert database.PATH.read_text() == database.text(), "run: make stack"
    content: dict[str, Any] = yaml.load(database.PATH.read_text(), yaml.CSafeLoader)
    given = {"Environment": "demo", "VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2"}
    for name, size in SIZES.items():
        worked = Worked(content, given | {"Size": name})
        one = worked.resources["Database"]
        assert one["DeletionPolicy"] == one["UpdateReplacePolicy"] == "Snapshot"
        settings = one["Properties"]
        assert settings["DeletionProtection"] is True
        assert settings["StorageEncrypted"] is True
        assert settings["PubliclyAccessible"] is False
        assert settings["BackupRetentionPeriod"] >= 7
        assert settings["DBInstanceClass"] == size.database.kind
        assert settings["MultiAZ"] is (name == "grow")
        stored = "{{resolve:ssm-secure:/academy/demo/DATABASE_PASSWORD}}"
        assert settings["MasterUserPassword"] == stored
        rules = worked.resources["Settings"]["Properties"]["Parameters"]
        assert rules["rds.force_ssl"] == "1"
        # The platform's stack opens it, for its own processes alone.
        assert "SecurityGroupIngress" not in worked.resources["SecurityGroup"]["Properties"]


def test_every_log_group_forgets(sized: Worked) -> None:
    groups = sized.of_type("AWS::Logs::LogGroup").values()
    assert {one["LogGroupName"] for one in groups} == {
        f"/academy/demo/{role.name}" for role in table()
    }
    assert all(one["RetentionInDays"] in (30, 90) for one in groups)


def test_everything_is_named_after_the_environment(sized: Worked) -> None:
    keys = ("RoleName", "ServiceName", "Family", "AlarmName", "TopicName", "GroupName", "Name")
    for name, one in sized.resources.items():
        for key in keys:
            if isinstance(given := one["Properties"].get(key), str):
                assert given.startswith("academy-demo"), (name, given)
                assert len(given) <= 64, given
    short = (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
    )
    for kind in short:
        for one in sized.of_type(kind).values():
            assert len(one["Name"]) - len("demo") + 16 <= 32  # with the longest environment's name
