"""The queue of worker events on SQS."""

from __future__ import annotations

from typing import Any

import pytest

from tasks import provision, queues

pytestmark = pytest.mark.integration("sqs")


def test_ensure_queues_makes_it_short_lived_and_without_dead_letters(
    sqs_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQS_QUEUE_EVENTS", "events-a,events-b")

    provision.ensure(sqs_client, [queues.by_name("video")])

    for name in ("events-a", "events-b"):
        url = sqs_client.get_queue_url(QueueName=name)["QueueUrl"]
        attributes = sqs_client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        assert attributes["Attributes"]["MessageRetentionPeriod"] == "3600"
        assert "RedrivePolicy" not in attributes["Attributes"]
    assert provision.ensure(sqs_client, [queues.by_name("video")]) == []
