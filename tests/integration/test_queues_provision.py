"""ensure_queues: what is missing is made, what was changed is put right, what is right stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command

from tasks import provision, queues

pytestmark = pytest.mark.integration("sqs")


@pytest.fixture
def environ(aws_account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command use the account of the test's client."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws_account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def attributes(sqs: Any, name: str) -> dict[str, str]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return dict(answer["Attributes"])


@pytest.mark.usefixtures("environ")
def test_every_queue_gets_its_dead_letter_queue_and_a_second_run_changes_nothing(
    sqs_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("ensure_queues")
    assert "created" in capsys.readouterr().out

    for row in queues.table():
        found = attributes(sqs_client, row.sqs_name)
        dlq = attributes(sqs_client, row.dlq_name)
        policy = json.loads(found["RedrivePolicy"])
        assert policy["deadLetterTargetArn"] == dlq["QueueArn"]
        assert int(policy["maxReceiveCount"]) == row.max_receive_count
        assert found["VisibilityTimeout"] == str(row.visibility_seconds)
        assert found["MessageRetentionPeriod"] == str(row.retention_seconds)
        assert dlq["MessageRetentionPeriod"] == str(row.dlq_retention_seconds)
        assert json.loads(dlq["RedriveAllowPolicy"])["sourceQueueArns"] == [found["QueueArn"]]

    call_command("ensure_queues")
    assert "nothing was changed" in capsys.readouterr().out


@pytest.mark.usefixtures("environ")
def test_a_queue_that_was_changed_by_hand_is_seen_and_repaired(
    sqs_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("ensure_queues")
    capsys.readouterr()
    row = queues.by_name("video")
    url = sqs_client.get_queue_url(QueueName=row.sqs_name)["QueueUrl"]
    sqs_client.set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": "7", "RedrivePolicy": ""}
    )

    with pytest.raises(SystemExit) as ended:
        call_command("ensure_queues", "--check")
    shown = capsys.readouterr().err
    assert ended.value.code == 1
    assert "VisibilityTimeout" in shown
    assert "RedrivePolicy" in shown
    assert attributes(sqs_client, row.sqs_name)["VisibilityTimeout"] == "7"

    call_command("ensure_queues")
    assert "RedrivePolicy" in capsys.readouterr().out
    call_command("ensure_queues", "--check")
    assert attributes(sqs_client, row.sqs_name)["VisibilityTimeout"] == str(row.visibility_seconds)


@pytest.mark.usefixtures("environ")
def test_an_sqs_that_does_not_answer_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SQS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(SystemExit) as ended:
        call_command("ensure_queues")

    assert ended.value.code == 1
    assert "http://127.0.0.1:9 refused or did not answer" in capsys.readouterr().err


def test_a_repair_that_sqs_does_not_keep_is_an_error(sqs_client: Any) -> None:
    class Forgetful:
        """Passes everything on but the repair."""

        def __getattr__(self, name: str) -> Any:
            return getattr(sqs_client, name)

        def set_queue_attributes(self, **_: Any) -> None:
            """Forget it."""

    with pytest.raises(provision.ProvisionError, match="RedrivePolicy"):
        provision.ensure(Forgetful(), [queues.by_name("video")])
