"""Where the provider is looked at besides sending: a worker starts, a sender is set, metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from academy.core.errors import AppError
from academy.messaging.fields import BatchState
from academy.messaging.models import Batch
from academy.messaging.policy import policy_change, policy_of
from academy.messaging.providers.solapi import SolapiProvider
from academy.ops import message_gauges
from academy.settings.messaging import Account
from tasks.worker import fleet
from tasks.worker.provider import MessageProvider
from tests.support.jobs import make_tenant
from tests.support.messages import make_campaign, provider_in_place
from tests.support.solapi_double import KEY, SECRET, SENDER, SolapiDouble, serve

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]


@pytest.fixture
def double(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[SolapiDouble]:
    settings.MESSAGING_PROVIDER = "solapi"
    monkeypatch.setattr(fleet, "_facts", {})
    with serve() as made, _in_place(made):
        yield made


@contextmanager
def _in_place(double: SolapiDouble, **changed: Any) -> Iterator[None]:
    account = Account(**{"url": double.url, "key": KEY, "secret": SECRET, **changed})
    provider = SolapiProvider(account, timeout_seconds=5)
    with provider_in_place(provider):
        yield
    provider.close()


def worker(queue: str) -> Any:
    app = SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=[queue])))
    return SimpleNamespace(app=app)


def test_a_worker_of_messages_names_its_provider(double: SolapiDouble) -> None:
    MessageProvider(worker("messaging"))
    assert fleet.facts() == {"message_provider": "solapi"}
    assert double.calls["senders"] == 1
    MessageProvider(worker("ai-lite"))
    assert double.calls["senders"] == 1


def test_a_worker_with_a_wrong_key_does_not_start_and_says_what_to_do(
    double: SolapiDouble,
) -> None:
    with (
        _in_place(double, secret="x" * 32),
        pytest.raises(SystemExit) as caught,
    ):
        MessageProvider(worker("messaging"))
    assert "MESSAGING_PROVIDER" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_provider_that_is_away_does_not_keep_a_worker_down(
    double: SolapiDouble, caplog: pytest.LogCaptureFixture
) -> None:
    with _in_place(double, url="http://127.0.0.1:9"):
        MessageProvider(worker("messaging"))
    assert "does not answer" in caplog.text
    assert fleet.facts() == {"message_provider": "solapi"}


def test_a_sender_is_stored_only_when_the_provider_knows_it(double: SolapiDouble) -> None:
    tenant = make_tenant()
    assert policy_change(tenant=tenant, changes={"sender": SENDER}).sender == SENDER
    with pytest.raises(AppError, match="message_sender_unregistered"):
        policy_change(tenant=tenant, changes={"sender": "0299999999"})
    with (
        _in_place(double, url="http://127.0.0.1:9"),
        pytest.raises(AppError, match="provider_unavailable"),
    ):
        policy_change(tenant=tenant, changes={"sender": "0288888888"})
    assert policy_of(tenant).sender == SENDER
    asked = double.calls["senders"]
    policy_change(tenant=tenant, changes={"sender": SENDER, "hold": True})
    assert double.calls["senders"] == asked, "what does not change is not asked about"


def test_the_provider_is_not_asked_within_a_transaction_of_the_change(
    double: SolapiDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = make_tenant()
    depths: list[int] = []
    before = len(connection.savepoint_ids)
    real = SolapiProvider.check

    def check(self: SolapiProvider, senders: Any) -> None:
        depths.append(len(connection.savepoint_ids))
        real(self, senders)

    monkeypatch.setattr(SolapiProvider, "check", check)
    policy_change(tenant=tenant, changes={"sender": SENDER})
    assert depths == [before]


def test_the_balance_is_asked_once_a_minute_however_often_the_page_is(
    double: SolapiDouble,
) -> None:
    balance = message_gauges.Balance()
    double.balance = 42_000
    assert balance() == balance() == [(message_gauges.BALANCE, ("solapi",), 42_000.0)]
    assert double.calls["balance"] == 1


def test_batches_that_nobody_knows_the_end_of_are_counted_with_their_age() -> None:
    tenant = make_tenant()
    campaign = make_campaign(tenant, 2)
    assert campaign.job_id is not None
    Batch.objects.for_tenant(tenant).create(
        campaign=campaign, provider="console", state=BatchState.UNKNOWN.value,
        job_id=campaign.job_id, attempt=1, size=2, handle="h",
    )  # fmt: skip
    told = {(metric.name, labels): value for metric, labels, value in message_gauges.batches_read()}
    assert told["academy_message_batches_open", ("unknown",)] == 1
    assert told["academy_message_batches_open", ("planned",)] == 0
    assert 0 <= told["academy_message_batches_open_oldest_seconds", ("unknown",)] < 60
    told = {
        (metric.name, labels): value for metric, labels, value in message_gauges.messages_read()
    }
    assert told["academy_messages_open", ("queued",)] == 2
