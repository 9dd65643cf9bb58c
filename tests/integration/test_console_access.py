"""Who may see the console, and what holds for every one of its addresses."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.urls import URLPattern, reverse

from academy.core import clock
from academy.core.ids import new_id
from academy.deadletters import collect
from academy.deadletters.models import DeadLetter, Replay
from academy.fleet import queue_access
from academy.fleet.models import Worker
from academy.jobs import kinds
from academy.tenants.services import staff_create
from tests.support import jobs as lives
from tests.support.console import (
    Queues,
    address,
    client_of,
    member_user,
    page_of,
    patterns,
    staff_user,
    text_of,
)
from tests.support.jobs import make_job, make_tenant
from tests.support.kinds import registry

pytestmark = pytest.mark.django_db

NOBODY = "01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11"
OPEN = {"login", "logout", "language"}
GUARDED = [entry for entry in patterns() if entry.name not in OPEN]


def _name(pattern: URLPattern) -> str:
    return pattern.name or "slash"


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_access, "_access", Queues())
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()


@pytest.fixture
def examples() -> dict[str, Any]:
    """A value for each part of an address; all of them exist."""
    tenant = make_tenant()
    now = clock.now()
    worker = Worker.objects.create(
        name=f"video@host-{new_id().hex[-8:]}",
        queue="video",
        host="host",
        host_kind="cpu",
        pool="prefork",
        concurrency=1,
        state="working",
        started_at=now,
        seen_at=now,
    )
    lives.run(make_job(tenant, "test.poison"))
    collect.all_jobs()
    letter = DeadLetter.objects.get()
    replay = Replay.objects.create(
        fingerprint=letter.fingerprint,
        created_at=now,
        created_by="user:1",
        per_minute=1,
        max_in_flight=1,
        paced_at=now,
    )
    return {
        "letter_id": letter.pk,
        "fingerprint": letter.fingerprint,
        "replay_id": replay.pk,
        "job_id": make_job(tenant).pk,
        "tenant_id": tenant.pk,
        "queue": "video",
        "name": worker.name,
        "number": 0,
    }


@pytest.mark.parametrize("pattern", GUARDED, ids=_name)
@pytest.mark.parametrize("method", ["get", "post", "head"])
def test_a_stranger_is_sent_to_the_login_and_back(
    pattern: URLPattern, method: str, examples: dict[str, Any]
) -> None:
    path = address(pattern, examples)
    answer = getattr(client_of(None), method)(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('console:login')}?next={path.replace('@', '%40')}"


@pytest.mark.parametrize("pattern", GUARDED, ids=_name)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_member_of_an_academy_is_refused_in_words(
    pattern: URLPattern, method: str, examples: dict[str, Any]
) -> None:
    answer = getattr(client_of(member_user()), method)(address(pattern, examples))
    assert "The console is for the platform's staff" in page_of(answer, 403)


@pytest.mark.parametrize("pattern", GUARDED, ids=_name)
def test_staff_whose_account_was_switched_off_are_strangers(
    pattern: URLPattern, examples: dict[str, Any]
) -> None:
    user = staff_user()
    client = client_of(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(address(pattern, examples)).status_code == 302


@pytest.mark.parametrize("pattern", GUARDED, ids=_name)
def test_staff_get_a_page_with_a_strict_policy_that_no_cache_keeps(
    pattern: URLPattern, examples: dict[str, Any]
) -> None:
    answer = client_of(staff_user()).get(address(pattern, examples))
    # The example job has no file to open, and the address with a slash leads to the one without.
    expected = {"job-artifact": 404, None: 302}.get(pattern.name, 200)
    assert answer.status_code == expected, text_of(answer)[:2_000]
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer["Cache-Control"] == "no-store"
    assert " style=" not in answer.content.decode()
    assert "<script>" not in answer.content.decode()


@pytest.mark.parametrize("pattern", GUARDED, ids=_name)
def test_no_deed_is_done_without_the_token_of_the_form(
    pattern: URLPattern, examples: dict[str, Any]
) -> None:
    client = client_of(staff_user(), enforce_csrf_checks=True)
    answer = client.post(address(pattern, examples), {"reason": "no token"})
    page_of(answer, 403)


# Django's redirect of the address with a slash answers every method alike.
@pytest.mark.parametrize("pattern", [entry for entry in GUARDED if entry.name], ids=_name)
def test_other_methods_are_refused_with_a_page(
    pattern: URLPattern, examples: dict[str, Any]
) -> None:
    page_of(client_of(staff_user()).delete(address(pattern, examples)), 405)


def test_the_open_addresses_are_the_three_of_the_login() -> None:
    found = {entry.name for entry in patterns() if getattr(entry.callback, "open_to_all", False)}
    assert found == OPEN


class TestLogin:
    def test_staff_come_in_and_go_where_they_wanted(self) -> None:
        user, password = staff_create(username=f"ops.{new_id().hex[-12:]}")
        client = client_of(None)
        wanted = reverse("console:workers")
        answer = client.post(
            f"{reverse('console:login')}?next={wanted}",
            {"username": user.username, "password": password, "next": wanted},
        )
        assert answer["Location"] == wanted
        page_of(client.get(wanted))
        assert client.post(reverse("console:logout")).status_code == 302
        assert client.get(wanted).status_code == 302

    @pytest.mark.parametrize(
        "elsewhere",
        ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"],
    )
    def test_nobody_is_led_to_another_site(self, elsewhere: str) -> None:
        user, password = staff_create(username=f"ops.{new_id().hex[-12:]}")
        values = {"username": user.username, "password": password, "next": elsewhere}
        answer = client_of(None).post(reverse("console:login"), values)
        assert answer["Location"] == reverse("console:overview")
        answer = client_of(None).post(
            reverse("console:language"), {"language": "ko", "next": elsewhere}
        )
        assert answer["Location"] == "/"

    def test_a_member_of_an_academy_is_told_why_not(self) -> None:
        user = member_user()
        user.set_password("a good long one")
        user.save()
        answer = client_of(None).post(
            reverse("console:login"), {"username": user.username, "password": "a good long one"}
        )
        assert "This account belongs to an academy" in page_of(answer)
        assert "sessionid" not in answer.cookies

    def test_guessing_is_slowed_down_also_for_who_then_guesses_right(self) -> None:
        user, password = staff_create(username=f"ops.{new_id().hex[-12:]}")
        client = client_of(None)
        for _ in range(10):
            values = {"username": user.username, "password": "wrong"}
            assert "do not fit" in page_of(client.post(reverse("console:login"), values))
        values["password"] = password
        answer = client.post(reverse("console:login"), values)
        assert "too many attempts" in page_of(answer)
        assert "sessionid" not in answer.cookies

    def test_a_page_whose_session_ended_goes_to_the_login_as_a_whole(self) -> None:
        shown = "http://testserver/console/jobs?state=dead"
        answer = client_of(None).get(
            reverse("console:jobs"), headers={"HX-Request": "true", "HX-Current-URL": shown}
        )
        assert answer.status_code == 401
        back = "/console/jobs%3Fstate%3Ddead"
        assert answer["HX-Redirect"] == f"{reverse('console:login')}?next={back}"

    def test_a_foreign_address_of_the_shown_page_is_not_used(self) -> None:
        answer = client_of(None).get(
            reverse("console:jobs"),
            headers={"HX-Request": "true", "HX-Current-URL": "https://evil.example/x"},
        )
        assert answer["HX-Redirect"] == f"{reverse('console:login')}?next=/console"


class TestStaffFromTheEnvironment:
    def test_the_command_makes_the_account_and_gives_it_the_password_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = f"ops.{new_id().hex[-12:]}"
        for password in ("first password", "first password", "second password"):
            monkeypatch.setenv("CONSOLE_LOGIN", f"{name}:{password}")
            printed = io.StringIO()
            call_command("staff_create", "--from-environment", stdout=printed)
            assert "password" not in printed.getvalue()
            values = {"username": name, "password": password}
            assert client_of(None).post(reverse("console:login"), values).status_code == 302

    @pytest.mark.parametrize("login", ["", "ops", ":password", "ops:"])
    def test_half_a_login_is_refused(self, login: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONSOLE_LOGIN", login)
        with pytest.raises(CommandError, match="CONSOLE_LOGIN"):
            call_command("staff_create", "--from-environment")

    def test_a_member_of_an_academy_is_not_made_staff(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user = member_user()
        monkeypatch.setenv("CONSOLE_LOGIN", f"{user.username}:some password")
        with pytest.raises(CommandError, match="username_taken"):
            call_command("staff_create", "--from-environment")
        user.refresh_from_db()
        assert not user.is_staff


class TestLanguage:
    @pytest.mark.parametrize(
        ("accepted", "heading"),
        [("en-US,en;q=0.9", "Overview"), ("ko-KR,ko", "현황"), ("", "현황")],
    )
    def test_the_browser_says_it_and_korean_is_the_default(
        self, accepted: str, heading: str
    ) -> None:
        client = client_of(staff_user(), language=accepted)
        assert heading in page_of(client.get(reverse("console:overview")))

    def test_the_switch_is_remembered_over_the_browser(self) -> None:
        client = client_of(staff_user(), language="ko")
        values = {"language": "en", "next": reverse("console:queues")}
        answer = client.post(reverse("console:language"), values)
        assert answer["Location"] == reverse("console:queues")
        assert "Longest wait for a worker" in page_of(client.get(answer["Location"]))
        assert answer.cookies["django_language"]["httponly"]

    def test_a_problem_is_told_in_the_reader_s_language(self) -> None:
        for language, words in (("ko", "찾을 수 없습니다."), ("en", "There is nothing here.")):
            answer = client_of(None, language=language).get("/console/nowhere")
            assert words in page_of(answer, 404)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/console/nowhere", 404),
        ("/console/jobs/not-a-uuid", 404),
        (f"/console/jobs/{NOBODY}", 404),
        (f"/console/jobs/{NOBODY}/log", 404),
        (f"/console/jobs/{NOBODY}/cancel", 404),
        (f"/console/jobs/{NOBODY}/artifacts/99999999999999999999", 404),
        ("/console/queues/nonsense/pause", 404),
        ("/console/queues/%F0%9F%92%A5/resume", 404),
        ("/console/workers/nobody@nowhere/drain", 404),
        (f"/console/academies/{NOBODY}", 404),
        (f"/console/academies/{NOBODY}/limits/video", 404),
        ("/console/jobs?before=nonsense", 400),
        ("/console/jobs?state=nonsense", 400),
        ("/console/jobs?queue=nonsense", 400),
        ("/console/jobs?kind=nonsense", 400),
        ("/console/jobs?tenant=nonsense", 400),
        ("/console/jobs?within=nonsense", 400),
        ("/console/jobs?parent=nonsense", 400),
        ("/console/jobs?since=nonsense", 400),
        ("/console/jobs?since=2026-11-02&until=2026-11-01", 400),
        ("/console/jobs?since=0001-01-01T00:00", 200),
        ("/console/jobs?until=9999-12-31T23:59", 200),
        ("/console/jobs?find=" + "9" * 65, 400),
        ("/console/jobs?find=ffffffff-ffff-7fff-bfff-ffffffffffff", 200),
        ("/console/jobs?find=%00", 400),
        ("/console/jobs?before=ffffffff-ffff-ffff-ffff-ffffffffffff", 200),
        ("/console/audit?cursor=nonsense", 400),
        ("/console/audit?target=%ED%95%9C&cursor=", 200),
        ("/console/academies?after=" + "z" * 500, 200),
        ("/console/academies?find=%25_%5C", 200),
    ],
)
def test_bad_input_is_a_clear_page_and_never_a_crash(path: str, status: int) -> None:
    page_of(client_of(staff_user()).get(path), status)


@pytest.mark.parametrize(
    "position", ["x", "1", "1.", ".1", "1.2.3", "-1.2", "1.99999999999", "\u0661.\u0662"]
)
def test_a_foreign_position_in_a_log_is_refused(position: str) -> None:
    job = make_job(make_tenant())
    answer = client_of(staff_user()).get(
        reverse("console:job-log", args=[job.pk]), {"before": position}
    )
    page_of(answer, 400)


def test_a_database_that_is_away_is_said_plainly() -> None:
    client = client_of(staff_user())

    def away(*_args: Any) -> Any:
        raise OperationalError("connection refused")

    with connection.execute_wrapper(away):
        answer = client.get(reverse("console:overview"))
    assert "The database or another part does not answer" in page_of(answer, 503)
    assert answer["Retry-After"]


def test_a_database_that_goes_while_a_page_is_made_is_said_plainly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(**_options: Any) -> Any:
        raise OperationalError("terminating connection")

    monkeypatch.setattr("academy.ops.selectors_tenants.tenants_page", away)
    page_of(client_of(staff_user()).get(reverse("console:tenants")), 503)
