"""Statements do not grow with the messages, and every step of one is counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from academy.core.ids import new_id
from academy.messaging import credit, preview, recipients
from academy.messaging.models import Campaign, MessageSteps
from academy.messaging.policy import policy_change
from academy.messaging.preview import Preview, Request
from academy.messaging.recipients import To
from academy.messaging.templates import Wording
from academy.roster import batches
from academy.roster.fields import NAMES
from academy.telemetry import metrics, store, tally
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant
from tests.support.messages import (
    ScriptedProvider,
    make_campaign,
    phone,
    provider_in_place,
    send_all,
    states,
)
from tests.support.rest import key_client

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]

FEW, MANY, BLOCK = 20, 200, 20


@pytest.fixture(autouse=True)
def provider() -> Iterator[ScriptedProvider]:
    with provider_in_place(ScriptedProvider()) as made:
        yield made


@pytest.fixture
def tenant() -> Tenant:
    return academy(0)


def academy(people: int) -> Tenant:
    """One with so many students, and money."""
    made = make_tenant()
    policy_change(tenant=made, changes={"sender": "0200000000"})
    credit.top_up(tenant_id=made.pk, amount=10_000_000, key=new_id().hex, by="test")
    known = [{"name": f"보기{n}", "parent_phone": phone(n)} for n in range(people)]
    batches.store(made.pk, [[one.get(name) for name in NAMES] for one in known])
    return made


def statements(act: Callable[[], Any]) -> tuple[int, Any]:
    with CaptureQueriesContext(connection) as captured:
        done = act()
    return len(captured), done


def previewed(tenant: Tenant, to: list[To]) -> Preview:
    request = Request(title="안내", to=to, wording=Wording("#{이름} 안내"))
    return preview.campaign_preview(tenant=tenant, request=request, by="test")


def of_each(tenant: Tenant) -> dict[str, int]:
    """Statements of the way of a campaign to everybody of an academy."""
    counts = {}
    counts["choose"], to = statements(lambda: recipients.of_students(tenant, most=10_000))
    counts["preview"], shown = statements(lambda: previewed(tenant, to))
    counts["confirm"], campaign = statements(
        lambda: preview.campaign_confirm(tenant=tenant, token=shown.token, by="test")
    )
    counts["dispatch"], _ = statements(send_all)
    assert states(campaign) == {"sent": len(to)}
    return counts


def test_a_campaign_takes_as_many_statements_for_many_as_for_few() -> None:
    assert of_each(academy(FEW)) == of_each(academy(MANY))


def test_a_preview_takes_two_more_statements_for_each_further_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preview, "_ROWS", BLOCK)
    counts = []
    for people in (BLOCK, 2 * BLOCK, 6 * BLOCK):
        tenant = academy(people)
        to = recipients.of_students(tenant, most=10_000)
        counts.append(statements(lambda: previewed(tenant, to))[0])  # noqa: B023 - called at once
    one, two, six = counts
    assert (two - one, six - one) == (2, 10)


@pytest.mark.parametrize("what", ["campaigns/{}", "campaigns/{}/messages?limit=200", "one"])
def test_reading_takes_as_many_statements_for_many_as_for_few(tenant: Tenant, what: str) -> None:
    client = key_client(tenant, "messages:read")

    def read(campaign: Campaign) -> int:
        address = what.format(campaign.pk)
        if what == "one":
            address = f"messages/{campaign.messages.order_by('number')[0].pk}"
        count, answer = statements(lambda: client.get(f"/api/v1/{address}"))
        assert answer.status_code == 200, answer.content
        return count

    campaigns = [make_campaign(tenant, size) for size in (FEW, MANY)]
    send_all()
    # The first request of a key notes that it was used.
    read(campaigns[0])
    assert read(campaigns[0]) == read(campaigns[1])


def test_every_step_of_a_message_is_counted_by_its_reason(
    provider: ScriptedProvider, tenant: Tenant
) -> None:
    def counted() -> dict[tuple[str, ...], float]:
        while tally.count_messages():
            pass
        return dict(store.values()[metrics.MESSAGE_EVENTS])

    before = counted()
    provider.refused = {phone(3): "3010"}
    campaign = make_campaign(tenant, 5)
    send_all()
    assert states(campaign) == {"sent": 4, "failed": 1}
    assert MessageSteps.objects.filter(state="failed").count() == 1
    after = counted()
    grown = {key: value - before.get(key, 0) for key, value in after.items()}
    steps: dict[str, float] = {}
    for (state, _), value in grown.items():
        steps[state] = steps.get(state, 0) + value
    assert steps["sent"] == 4
    assert [reason for (state, reason), value in grown.items() if state == "failed" and value]
    assert steps["failed"] == 1
    assert not MessageSteps.objects.exists()
    assert counted() == after
