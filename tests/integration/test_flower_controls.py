"""Who may turn Flower's switches, what they refuse and how, and that none is there without need."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from academy.fleet.models import OperatorAction, QueueSwitch
from academy.jobs.models import Job
from tests.support.flower import LOGIN, FlowerClient, FlowerSite, flower_site

pytestmark = pytest.mark.integration("postgres", "sqs")

PAUSE = "/platform/queue/video/pause"
WHY = {"reason": "a new encoder"}


@pytest.fixture(scope="module")
def flower(tmp_path_factory: Any, django_db_blocker: Any) -> Iterator[FlowerSite]:
    folder = tmp_path_factory.mktemp("flower")
    with django_db_blocker.unblock(), flower_site(folder) as site:
        yield site


@pytest.fixture(autouse=True)
def nothing_paused(flower: FlowerSite) -> Iterator[None]:
    yield
    QueueSwitch.objects.using(flower.alias).all().delete()


def is_paused(flower: FlowerSite) -> bool:
    return QueueSwitch.objects.using(flower.alias).filter(queue="video").exists()


def test_the_login_and_the_pages_token_turn_a_switch(flower: FlowerSite) -> None:
    answer = flower.post(PAUSE, WHY)

    assert answer.status == 200, answer.text
    assert answer.json["message"].startswith("video is paused")
    assert is_paused(flower)
    again = flower.post(PAUSE, {"reason": "something else"})
    assert again.json["message"] == "video was paused already, by flower:ops: a new encoder"
    assert flower.post("/platform/queue/video/resume").json["message"] == "video runs again."
    assert flower.post("/platform/queue/video/resume").json["message"] == "video was not paused."


def test_a_request_without_the_pages_token_turns_nothing(flower: FlowerSite) -> None:
    # Basic auth alone is no proof: a browser sends it with whatever another site makes it send.
    answer = flower.post(PAUSE, WHY, token=False)

    assert answer.status == 403
    assert "_xsrf" in answer.text
    assert not is_paused(flower)


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}]
)
def test_another_sites_page_turns_nothing(flower: FlowerSite, headers: dict[str, str]) -> None:
    answer = flower.post(PAUSE, WHY, **headers)

    assert answer.status == 403
    assert not is_paused(flower)


def test_nobody_turns_a_switch_without_the_login(flower: FlowerSite) -> None:
    token = flower.get("/broker").cookies["_xsrf"]
    headers = {"Cookie": f"_xsrf={token}", "X-XSRFToken": token}

    for login in ("", "ops:a-guess-of-it"):
        assert flower.get(PAUSE, method="POST", login=login, **headers).status == 401
    assert not is_paused(flower)


@pytest.mark.parametrize(
    ("path", "form", "status", "words"),
    [
        (PAUSE, {}, 400, "Say why"),
        (PAUSE, {"reason": "  "}, 400, "Say why"),
        (PAUSE, {"reason": "x" * 201}, 400, "200 characters"),
        (PAUSE, {"reason": "line\nbreak"}, 400, "Say why"),
        ("/platform/queue/elsewhere/pause", WHY, 404, "There is no queue elsewhere."),
        ("/platform/queue/elsewhere/resume", {}, 404, "There is no queue elsewhere."),
        ("/platform/worker/video%40nowhere/drain", WHY, 404, "There is no worker video@nowhere."),
        ("/platform/worker/video%40nowhere/undrain", {}, 404, "There is no worker video@nowhere."),
        ("/platform/job/01a20997-c9c7-76b4-a59b-c8b3e8eae4c0/cancel", WHY, 404, ""),
        ("/platform/job/unnamed/cancel", WHY, 404, "There is no job behind this task."),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    flower: FlowerSite, path: str, form: dict[str, str], status: int, words: str
) -> None:
    answer = flower.post(path, form)

    assert answer.status == status, answer.text
    assert words in answer.text
    assert "<" not in answer.text, "a sentence, not a page"
    assert not OperatorAction.objects.using(flower.alias).filter(target__contains="where").exists()


def test_a_job_that_nobody_works_on_is_cancelled_at_once_and_only_once(flower: FlowerSite) -> None:
    flower.post(PAUSE, WHY)
    (job,) = flower.submit("test.sleep")
    path = f"/platform/job/{job}/cancel"

    first, second = flower.post(path, WHY), flower.post(path, WHY)

    assert first.json["message"] == "The job is cancelled."
    assert second.status == 200, second.text
    assert flower.row(job).state == "cancelled"


def test_a_job_that_has_ended_is_left_alone_and_the_answer_says_so(flower: FlowerSite) -> None:
    flower.post(PAUSE, WHY)
    (job,) = flower.submit("test.sleep")
    rows = Job.unscoped.using(flower.alias).filter(pk=job)
    rows.update(state="running", attempt=1, lease_until="2100-01-01T00:00:00Z")
    rows.update(state="succeeded", finished_at="2026-01-01T00:00:00Z")

    answer = flower.post(f"/platform/job/{job}/cancel", WHY)

    assert answer.status == 409
    assert "ended" in answer.text
    assert flower.row(job).state == "succeeded"


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_database_that_is_away_costs_the_switches_and_nothing_else(flower: FlowerSite) -> None:
    url = f"postgresql://academy@127.0.0.1:{unused_port()}/academy"
    blind = flower.another_flower("blind", DATABASE_URL=url)
    try:
        for path in ("/broker", "/", "/tasks", "/platform/fleet", "/api/queues/length", "/metrics"):
            assert blind.get(path).status == 200, path
        assert "The database does not answer" in blind.get("/broker").text
        assert "data-control" not in rows_of(blind)

        answer = blind.post(PAUSE, WHY)

        assert answer.status == 503
        assert "Look again before you repeat it" in answer.text
    finally:
        assert flower.stop("blind") == 0


def rows_of(flower: FlowerClient) -> str:
    """The broker page's table, which holds its switches."""
    return flower.get("/broker").text.partition("<tbody")[2].partition("</tbody>")[0]


def test_without_a_database_there_are_no_switches_and_no_need_of_django(flower: FlowerSite) -> None:
    assert "data-control" in rows_of(flower)
    alone = flower.another_flower("alone", DATABASE_URL="", DJANGO_SETTINGS_MODULE="")
    try:
        assert "data-control" not in rows_of(alone)
        assert "The database does not answer" not in alone.get("/broker").text

        answer = alone.post(PAUSE, WHY)

        assert answer.status == 403
        assert "DATABASE_URL" in answer.text
        assert not is_paused(flower)
    finally:
        assert flower.stop("alone") == 0


def test_a_password_is_no_part_of_what_the_audit_keeps(flower: FlowerSite) -> None:
    flower.post(PAUSE, WHY)

    kept = str(list(OperatorAction.objects.using(flower.alias).values()))

    assert "flower:ops" in kept
    assert LOGIN.partition(":")[2] not in kept
