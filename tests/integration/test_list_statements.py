"""Lists of problems, answer sheets and messages: a longer page takes no further statement."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from academy.core.ids import new_id
from academy.messaging import credit
from academy.sheets.layout import Layout, Section
from academy.tenants.models import Tenant
from tests.support import answer_sheets, problems
from tests.support.jobs import make_tenant
from tests.support.messages import make_campaign
from tests.support.rest import key_client

pytestmark = [pytest.mark.integration("postgres", "s3"), pytest.mark.django_db]
Make = Callable[[Tenant, int], str]
FEW, MANY = 2, 9


def collections(tenant: Tenant, count: int) -> str:
    for _ in range(count):
        problems.added(tenant, problems.collection(tenant), ["한 문제"])
    return "problem-collections"


def problems_of_one(tenant: Tenant, count: int) -> str:
    own = problems.collection(tenant)
    problems.added(tenant, own, [f"{n}번 문제" for n in range(count)])
    return f"problem-collections/{own.pk}/problems"


def designs(tenant: Tenant, count: int) -> str:
    for number in range(1, count + 1):
        sections = (Section(count=number),)
        layout = Layout(title="쪽지시험", identifier_digits=4, columns=1, sections=sections)
        answer_sheets.design(tenant, layout)
    return "sheet-designs"


def exams(tenant: Tenant, count: int) -> str:
    for _ in range(count):
        answer_sheets.exam(tenant)
    return "exams"


def _sat(what: str) -> Make:
    def made(tenant: Tenant, count: int) -> str:
        exam = answer_sheets.exam(tenant)
        for number in range(1, count + 1):
            student = answer_sheets.student(tenant, f"{number:04}")
            answer_sheets.scan(exam, student, [[1], [2], [3], [number % 5 + 1]])
        return f"exams/{exam.pk}/{what}"

    return made


def campaigns(tenant: Tenant, count: int) -> str:
    for _ in range(count):
        make_campaign(tenant, 1)
    return "campaigns"


def messages(tenant: Tenant, count: int) -> str:
    return f"campaigns/{make_campaign(tenant, count).pk}/messages"


def book(tenant: Tenant, count: int) -> str:
    for _ in range(count):
        credit.top_up(tenant_id=tenant.pk, amount=100, key=new_id().hex, by="test")
    return "message-credits/entries"


LISTS: dict[str, Make] = {
    "collections": collections, "problems": problems_of_one, "designs": designs, "exams": exams,
    "scans": _sat("scans"), "scores": _sat("scores"), "campaigns": campaigns,
    "messages": messages, "credits": book,
}  # fmt: skip


def asked(make: Make, count: int) -> tuple[int, list[str]]:
    """How many rows the list has, and the statements of one request that is not the first."""
    tenant = make_tenant()
    path, client = f"/api/v1/{make(tenant, count)}", key_client(tenant)
    assert client.get(path).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    body = answer.json()
    rows = next(value for value in body.values() if isinstance(value, list))
    return len(rows), [one["sql"] for one in captured.captured_queries]


@pytest.mark.parametrize("name", LISTS)
def test_a_longer_list_takes_no_further_statement(name: str) -> None:
    few, before = asked(LISTS[name], FEW)
    many, after = asked(LISTS[name], MANY)
    assert (few, many) == (FEW, MANY)
    assert len(before) == len(after), "\n".join(after)
