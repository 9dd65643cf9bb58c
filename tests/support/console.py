"""The console in a test: who is logged in, what the queues say, and every address it has."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, reverse

from academy.core.ids import new_id
from academy.fleet.queue_access import DeadMessage, QueueDepth, QueueFacts
from academy.ops.console import urls
from academy.tenants.services import staff_create, tenant_create
from tasks.queue_access import SqsAccess


class Queues:
    """The port to SQS, with the table's real queues and whatever depths a test wants."""

    def __init__(self) -> None:
        self.known: dict[str, QueueDepth] = {}

    def facts(self) -> Sequence[QueueFacts]:
        return SqsAccess().facts()

    def depths(self) -> Sequence[QueueDepth]:
        empty = {"ready": 0, "in_flight": 0, "delayed": 0, "dead": 0}
        names = [row.name for row in self.facts()]
        return [self.known.get(name) or QueueDepth(name, **empty) for name in names]

    def receive_dead(self, queue: str, *, limit: int, hold_seconds: int) -> list[DeadMessage]:
        return []

    def delete_dead(self, queue: str, receipts: Sequence[str]) -> list[str]:
        return []

    def send(self, queue: str, body: str, *, group: str = "") -> str:
        raise AssertionError("the console sends nothing")


def staff_user() -> User:
    return staff_create(username=f"ops.{new_id().hex[-12:]}")[0]


def member_user() -> User:
    """The owner of an academy: signs in, and is no staff."""
    name = f"academy-{new_id().hex[-12:]}"
    new = tenant_create(slug=name, name="시험학원", plan="start", owner_username=f"owner.{name}")
    return new.owner.member.user


def client_of(user: User | None, *, language: str = "en", **options: Any) -> Client:
    """A browser's stand-in; answers 500 instead of raising."""
    client = Client(raise_request_exception=False, headers={"Accept-Language": language}, **options)
    if user is not None:
        client.force_login(user)
    return client


def patterns() -> Iterator[URLPattern]:
    """Every address of the console, also those other packages add."""
    for entry in urls.urlpatterns:
        assert isinstance(entry, URLPattern), "a nested include would escape these tests"
        yield entry


def address(pattern: URLPattern, examples: dict[str, Any]) -> str:
    """The path of a pattern, its parts filled with examples that exist."""
    if pattern.name is None:
        return "/console/"
    names = pattern.pattern.converters
    return reverse(f"console:{pattern.name}", kwargs={name: examples[name] for name in names})


def text_of(answer: Any) -> str:
    """What a reader reads: no tags, one space between words."""
    page = answer.content.decode()
    page = re.sub(r"(?s)<(script|style|head)\b.*?</\1>", " ", page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def page_of(answer: Any, status: int = 200) -> str:
    """The text of an answer that must be a page with this status."""
    assert answer.status_code == status, (answer.status_code, text_of(answer)[:2_000])
    assert answer["Content-Type"].startswith("text/html")
    return text_of(answer)
