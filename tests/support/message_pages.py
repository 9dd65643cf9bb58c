"""An academy that sends messages, as its pages are opened: students, credits, and links."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client

from academy.desk.links import Grant, expiry, link
from academy.messaging import credit
from academy.messaging.pages.purposes import MESSAGES, ids_of
from academy.messaging.policy import policy_change
from academy.roster.models import Student
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant
from tests.support.messages import SENDER, phone
from tests.support.rest import key_client

CREDIT = 1_000_000
NAMES = ("김가온", "이나래", "박다솜", "최라온", "정마루", "강보람", "조새론", "윤아라")


def academy(name: str = "한빛수학학원", *, channel: str = "") -> Tenant:
    """With a sender, what advertising needs, and 10,000 won."""
    tenant = make_tenant()
    Tenant.objects.filter(pk=tenant.pk).update(name=name)
    tenant.refresh_from_db()
    policy_change(
        tenant=tenant,
        changes={
            "sender": SENDER, "sender_name": name, "opt_out_number": "080-000-0000",
            "channel": channel,
        },
    )  # fmt: skip
    credit.top_up(tenant_id=tenant.pk, amount=CREDIT, key="first", by="test")
    return tenant


def class_of(
    tenant: Tenant, names: Collection[str] = NAMES, *, class_name: str | None = None
) -> list[Student]:
    """Students of two classes, every other one in each; no student has a phone of their own."""
    return [
        Student.objects.for_tenant(tenant).create(
            name=name, parent_phone=phone(1_000 + number), school="보기중", grade="중2",
            class_name=("가반", "나반")[number % 2] if class_name is None else class_name,
        )
        for number, name in enumerate(names)
    ]  # fmt: skip


def page_address(tenant: Tenant, url: str, path: str = "/compose") -> str:
    """A link to a page of the API at ``url``."""
    key = key_create(tenant=tenant, name="messages", scopes=MESSAGES.scopes)
    grant = Grant(
        tenant.pk, f"key:{key.key.prefix}", "teacher-7", frozenset(MESSAGES.scopes),
        expiry(timedelta(hours=1)),
    )  # fmt: skip
    made = link(MESSAGES, ids_of(tenant), grant, path=path).url
    return url + made.removeprefix(settings.PUBLIC_BASE_URL)


class Writer:
    """Opens an academy's pages by a link, as a browser does."""

    def __init__(
        self, tenant: Tenant, *scopes: str, kind: str = "messages/page-link", **body: Any
    ) -> None:
        answer = key_client(tenant, *scopes).post(f"/api/v1/{kind}", body, format="json")
        assert answer.status_code == 200, answer.content
        self.url: str = answer.json()["url"]
        parts = urlsplit(self.url)
        self.root = f"/desk/messages/{tenant.pk}"
        self.browser = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"})
        opened = self.browser.get(f"{parts.path}?{parts.query}")
        assert opened.status_code == 303, opened.content
        self.landed: str = opened["Location"]
        self.first = self.browser.get(self.landed)
        found = re.search(r'name="csrf-token" content="(\w+)"', self.first.content.decode())
        self._headers = {"X-CSRFToken": found[1] if found else ""}

    def get(self, path: str = "", **headers: str) -> Any:
        return self.browser.get(self.root + path, headers=headers)

    def post(self, path: str, body: Any = None, *, forged: bool = False) -> Any:
        return self.browser.post(
            self.root + path, {} if body is None else body,
            content_type="application/json", headers={} if forged else self._headers,
        )  # fmt: skip

    def campaign(self, **changes: Any) -> dict[str, Any]:
        """What the page sends: a text of its own to the parents of the class 가반."""
        return {
            "title": "휴원", "text": {"subject": "", "body": "#{학생명} 안내"}, "purpose": "info",
            "who": {"by": "groups", "classes": ["가반"], "recipients": ["parent"]},
            "when": {"by": "now"}, "variables": {}, **changes,
        }  # fmt: skip
