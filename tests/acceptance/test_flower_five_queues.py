"""Flower over workers of all five queues: what it shows, and that its switches are obeyed.

Real relay, workers and Flower; its HTTP API is asked and its pages are read and clicked in a
browser. ``FLOWER_PICTURES=docs/images`` keeps the pictures that the documentation shows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from academy.fleet.models import OperatorAction, QueueSwitch, Worker
from tasks import queues
from tests.support.browser import DESKTOP, PHONE, Browser, shoot
from tests.support.flower import CONSOLE, LOGIN, FlowerSite, flower_site
from tests.support.sqs_proxy import wait_until

ALL = tuple(row.name for row in queues.table())
#: A switch is obeyed within 5 s; the worker's row says so with its next report.
REPORTED_SECONDS = 15


@pytest.fixture(scope="module")
def flower(browser: Browser, tmp_path_factory: Any, django_db_blocker: Any) -> Iterator[FlowerSite]:
    folder = tmp_path_factory.mktemp("flower")
    fast = {"RELAY_SWEEP_SECONDS": "0.5", "JOB_LEASE_SECONDS": "6", "JOB_MAX_LOSSES": "1"}
    with django_db_blocker.unblock(), flower_site(folder, *ALL, **fast) as site:
        yield site


@pytest.fixture
def picture(tmp_path: Path) -> Any:
    """Takes the picture ``flower-<name>.png`` of a page, for the documentation where asked for."""
    folder = Path(os.environ.get("FLOWER_PICTURES") or tmp_path)

    def take(page: Page, name: str) -> None:
        target = folder / f"flower-{name}.png"
        shoot(page, target)
        assert target.stat().st_size > 10_000, "there is something on the picture"

    return take


def press(page: Page, verb: str, *, within: Any = None, reason: str = "") -> None:
    """Click a control, confirm it, and wait for the page that says what was done."""
    (within or page).get_by_role("button", name=verb, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    if reason:
        dialog.get_by_role("textbox").fill(reason)
    dialog.get_by_role("button", name=verb, exact=True).click()
    said = page.locator(".platform-said, #platform-confirm-error:visible").first
    expect(said).to_be_visible()
    assert "platform-said" in str(said.get_attribute("class")), said.inner_text()


def worker_row(flower: FlowerSite, queue: str) -> Worker:
    return Worker.objects.using(flower.alias).get(queue=queue)


def reports(flower: FlowerSite, queue: str, state: str) -> None:
    """Wait until the worker itself has written that it is in *state*."""
    wait_until(
        lambda: worker_row(flower, queue).state == state,
        REPORTED_SECONDS,
        f"the worker of {queue} is {state}",
    )


def actions(flower: FlowerSite, target: str) -> list[tuple[str, str, str]]:
    rows = OperatorAction.objects.using(flower.alias).filter(target=target).order_by("at", "id")
    return [(row.action, row.by, row.reason) for row in rows]


def test_every_queues_worker_is_shown_with_its_pool_host_and_state(
    flower: FlowerSite, browser: Browser
) -> None:
    names = {queue: flower.worker_name(queue) for queue in ALL}
    fleet = flower.get("/platform/fleet").json["workers"]

    for row in queues.table():
        said = fleet[names[row.name]]
        assert (said["queue"], said["pool"], said["host_kind"]) == (row.name, row.pool, "cpu")
        assert (said["concurrency"], said["events_dropped"]) == (row.concurrency, 0)
        wait_until(
            lambda row=row: flower.state_of_worker(names[row.name]) == "working",
            REPORTED_SECONDS,
            f"{row.name} is at work",
        )
    with browser.visit(flower.url, login=LOGIN) as page:
        for row in queues.table():
            shown = page.get_by_role("row").filter(has_text=names[row.name])
            expect(shown).to_contain_text("Online")
            expect(shown).to_contain_text(f"{row.name} · {row.pool} · CPU")


def test_jobs_are_shown_as_they_ended_and_lead_to_their_pages(
    flower: FlowerSite, browser: Browser, picture: Any
) -> None:
    pings = [job for queue in ALL for job in flower.submit(f"system.ping.{queue}")]
    (failing,) = flower.submit("test.permanent")
    (retrying,) = flower.submit("test.transient")
    (dying,) = flower.submit("test.poison")
    flower.ended([*pings, failing, retrying, dying], 60)

    succeeded = flower.shown(pings, "SUCCESS")
    assert {task["worker"].partition("@")[0] for task in succeeded} == set(ALL)
    assert all(task["received"] <= task["started"] <= task["succeeded"] for task in succeeded)
    (failed,) = flower.shown([failing], "FAILURE")
    assert failed["exception"] == "test_permanent (failed)"
    (retried,) = flower.shown([retrying], "SUCCESS")
    assert retried["retries"] == 1
    (dead,) = flower.shown([dying], "FAILURE")
    assert dead["exception"].endswith("(dead)")

    with browser.visit(f"{flower.url}/tasks", login=LOGIN) as page:
        for job, badge in ((pings[0], "SUCCESS"), (failing, "FAILURE"), (retrying, "SUCCESS")):
            row = page.locator(f'[id="{job}"]')
            expect(row).to_contain_text(badge)
            expect(row.get_by_role("link", name="job", exact=True)).to_have_attribute(
                "href", f"{CONSOLE}/console/jobs/{job}"
            )
        picture(page, "tasks")
        page.locator(f'[id="{failing}"]').get_by_role("link", name=str(failing)).click()
        expect(page.get_by_text("test_permanent (failed)")).to_be_visible()
        expect(page.get_by_role("link", name="Job page")).to_have_attribute(
            "href", f"{CONSOLE}/console/jobs/{failing}"
        )
        expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)


def test_a_queue_is_paused_and_resumed_by_its_buttons(flower: FlowerSite, browser: Browser) -> None:
    with browser.visit(f"{flower.url}/broker", login=LOGIN) as page:
        row = page.locator("#ai-lite")
        row.get_by_role("button", name="Pause").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Pause").click()
        expect(dialog.get_by_role("alert")).to_have_text("Say why, in a few words.")
        assert not QueueSwitch.objects.using(flower.alias).exists()
        dialog.get_by_role("button", name="Back").click()
        expect(dialog).to_be_hidden()

        press(page, "Pause", within=row, reason="the grader's model is being replaced")

        switch = QueueSwitch.objects.using(flower.alias).get(queue="ai-lite")
        assert (switch.paused_by, switch.reason) == (
            "flower:ops",
            "the grader's model is being replaced",
        )
        expect(page.get_by_role("status").filter(has_text="ai-lite is paused")).to_be_visible()
        expect(row).to_contain_text("by flower:ops")
        reports(flower, "ai-lite", "paused")
        (job,) = flower.submit("test.ok")
        (other,) = flower.submit("system.ping.messaging")
        flower.ended([other])
        assert flower.row(job).state == "queued"
        page.goto(f"{flower.url}/worker/{flower.worker_name('ai-lite')}")
        expect(page.get_by_label("What the worker does")).to_contain_text("paused")

        page.goto(f"{flower.url}/broker")
        press(page, "Resume", within=page.locator("#ai-lite"))

        expect(page.locator("#ai-lite").get_by_role("button", name="Pause")).to_be_visible()
        flower.ended([job])
    assert [(action, by) for action, by, _ in actions(flower, "ai-lite")] == [
        ("queue.pause", "flower:ops"),
        ("queue.resume", "flower:ops"),
    ]


def test_a_worker_is_drained_and_undrained_by_its_buttons(
    flower: FlowerSite, browser: Browser, picture: Any
) -> None:
    name = flower.worker_name("ai-basic")
    with browser.visit(f"{flower.url}/worker/{name}", login=LOGIN) as page:
        press(page, "Drain", reason="its host gets a new disk")
        expect(page.get_by_role("button", name="Undrain")).to_be_visible()
        reports(flower, "ai-basic", "drained")
        (job,) = flower.submit("system.ping.ai-basic")
        wait_until(lambda: flower.row(job).state == "published", 20, "the job is published")

        # Nobody takes it: its age is known from the row, because no CloudWatch serves this SQS.
        wait_until(lambda: oldest(flower, "ai-basic")[0], 20, "the age of the oldest job is shown")
        assert oldest(flower, "ai-basic")[1] == "jobs table"
        picture_of_the_fleet(flower, page, picture)
        assert flower.row(job).state == "published"

        page.goto(f"{flower.url}/worker/{name}")
        press(page, "Undrain")
        expect(page.get_by_role("button", name="Drain", exact=True)).to_be_visible()
        flower.ended([job])
    assert actions(flower, name) == [
        ("worker.drain", "flower:ops", "its host gets a new disk"),
        ("worker.undrain", "flower:ops", ""),
    ]


def oldest(flower: FlowerSite, queue: str) -> tuple[int | None, str]:
    entries = flower.get("/api/queues/length").json["active_queues"]
    (found,) = (entry for entry in entries if entry["name"] == queue)
    return found["oldest_seconds"], found["oldest_from"]


def picture_of_the_fleet(flower: FlowerSite, page: Page, picture: Any) -> None:
    """Workers and queues while one is drained, one has dead letters and one is paused."""
    site = flower.site
    for _ in range(2):
        site.sqs.send_message(QueueUrl=site.url("messaging", dlq=True), MessageBody="{}")
    assert flower.post("/platform/queue/video/pause", {"reason": "a new encoder"}).status == 200
    try:
        page.goto(f"{flower.url}/broker")
        expect(page.locator("#messaging .platform-dead")).to_have_text(re.compile("2"))
        expect(page.locator("#ai-basic")).to_contain_text("jobs table")
        picture(page, "broker")
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        box = page.locator("#ai-basic").get_by_role("button", name="Pause").bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= PHONE[0], "on a phone the switch is on the screen"
        page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        page.goto(f"{flower.url}/workers")
        row = page.get_by_role("row").filter(has_text=flower.worker_name("ai-basic"))
        expect(row).to_contain_text("drained")
        picture(page, "workers")
    finally:
        flower.post("/platform/queue/video/resume")


def test_a_running_job_is_cancelled_by_its_button(
    flower: FlowerSite, browser: Browser, picture: Any
) -> None:
    reports(flower, "video", "working")
    (job,) = flower.submit("test.sleep", seconds=120, beats=1_000)
    flower.shown([job], "STARTED")
    wait_until(lambda: current(flower, "video") == [str(job)], 15, "the worker shows its job")

    with browser.visit(
        f"{flower.url}/task/{job}", login=LOGIN, forgive=("409 (Conflict)",)
    ) as page:
        expect(page.get_by_role("link", name="Job page")).to_be_visible()
        picture(page, "task")
        page.goto(f"{flower.url}/worker/{flower.worker_name('video')}")
        facts = page.get_by_label("What the worker does")
        expect(facts.get_by_role("link", name="job page")).to_have_attribute(
            "href", f"{CONSOLE}/console/jobs/{job}"
        )
        picture(page, "worker")
        page.goto(f"{flower.url}/task/{job}")
        press(page, "Cancel the job", reason="submitted by mistake")
        expect(page.get_by_role("status").filter(has_text="told to stop")).to_be_visible()
        flower.ended([job])
        assert flower.row(job).state == "cancelled"

        # The page is as it was when it was loaded: asked once more, it says what is the case.
        flower.shown([job], "REVOKED")
        page.reload()
        expect(page.get_by_text("REVOKED", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)
    assert actions(flower, str(job)) == [("job.cancel", "flower:ops", "submitted by mistake")]


def current(flower: FlowerSite, queue: str) -> list[str]:
    worker = flower.get("/platform/fleet").json["workers"][flower.worker_name(queue)]
    return [job["id"] for job in worker["current"]]


def test_a_job_that_ended_meanwhile_is_not_cancelled_and_the_page_says_so(
    flower: FlowerSite, browser: Browser
) -> None:
    (job,) = flower.submit("test.sleep", seconds=2, beats=2)
    flower.shown([job], "STARTED")

    with browser.visit(
        f"{flower.url}/task/{job}", login=LOGIN, forgive=("409 (Conflict)",)
    ) as page:
        page.get_by_role("button", name="Cancel the job").click()
        flower.ended([job])
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("textbox").fill("it takes too long")
        dialog.get_by_role("button", name="Cancel the job").click()

        expect(dialog.get_by_role("alert")).to_have_text(re.compile("has ended already|ended"))
    assert flower.row(job).state == "succeeded"


def test_a_job_whose_worker_was_killed_is_shown_as_dead(
    flower: FlowerSite, browser: Browser
) -> None:
    (job,) = flower.submit("test.sleep", seconds=120, beats=1_000)
    flower.shown([job], "STARTED")
    name = flower.worker_name("video")

    worker_of(flower, "video").kill()
    flower.ended([job], 40)

    (task,) = flower.shown([job], "FAILURE")
    assert task["exception"] == "worker_lost (dead)"
    assert flower.row(job).error_code == "worker_lost"
    # What the relay says for the dead worker is no sign that it lives.
    wait_until(
        lambda: flower.get("/api/workers?status=1").json[name] is False, 30, "it is shown as gone"
    )
    with browser.visit(f"{flower.url}/task/{job}", login=LOGIN) as page:
        expect(page.get_by_text("worker_lost (dead)")).to_be_visible()
        page.goto(f"{flower.url}/worker/{name}")
        expect(page.get_by_label("What the worker does")).to_contain_text("offline")
        expect(page.get_by_role("button", name="Drain", exact=True)).to_have_count(0)


def worker_of(flower: FlowerSite, queue: str) -> Any:
    return flower.site.workers[ALL.index(queue)]
