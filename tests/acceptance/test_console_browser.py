"""One operator, a real browser, and real workers: the console from the login to a resumed queue.

``CONSOLE_PICTURES=docs/images`` keeps the pictures that the documentation shows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from academy.jobs.models import Job
from academy.tenants.models import Tenant
from academy.tenants.services import staff_create
from tasks import queues
from tests.support.browser import DESKTOP, PHONE, Browser, browser, shoot
from tests.support.world import World

__all__ = ["browser"]

ALL = tuple(row.name for row in queues.table())
LARGEST_PICTURE = 250_000
Picture = Callable[[Page, str], None]


class Console:
    """A console with its platform, and the account of one operator."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.url = url
        self.user, self.password = staff_create(username="night.operator")

    @contextmanager
    def open(self, browser: Browser, path: str = "", **options: Any) -> Iterator[Page]:
        """Log in by the form, which leads to the page that was asked for."""
        with browser.visit(f"{self.url}/console{path}", **options) as page:
            page.locator("#id_username").fill(self.user.username)
            page.locator("#id_password").fill(self.password)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"{self.url}/console{path}")
            yield page


@pytest.fixture(scope="module")
def console(world: World) -> Console:
    """All five workers, a relay and an API; every job that the pages tell of has ended."""
    world.relay()
    workers = [world.worker(queue) for queue in ALL]
    _, url = world.api()
    for worker in workers:
        worker.said(" ready.")
    return Console(world, url)


@pytest.fixture(scope="module")
def academy(console: Console) -> Tenant:
    made = console.world.tenant()
    Tenant.objects.filter(pk=made.pk).update(slug="haneul", name="하늘학원")
    made.refresh_from_db()
    return made


@pytest.fixture(scope="module")
def lived(console: Console, academy: Tenant) -> dict[str, Job]:
    """Jobs with a story: tried again, dead, split into parts."""
    submit = console.world.submit
    jobs = {
        "retried": submit(academy, "test.transient", times=1)[0],
        "dead": submit(academy, "test.poison")[0],
        "flow": submit(academy, "test.fan_out", children=3)[0],
        "output": submit(academy, "test.output", objects=2)[0],
    }
    console.world.end(*jobs.values(), seconds=90.0)
    return jobs


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Takes the picture ``console-<name>.png``, for the documentation where asked for."""
    folder = Path(os.environ.get("CONSOLE_PICTURES") or tmp_path)

    def take(page: Page, name: str) -> None:
        target = folder / f"console-{name}.png"
        shoot(page, target)
        assert 10_000 < target.stat().st_size < LARGEST_PICTURE

    return take


def heading(page: Page) -> Any:
    return page.get_by_role("heading", level=1)


def test_all_is_well_where_everybody_works(
    console: Console, browser: Browser, lived: dict[str, Job], picture: Picture
) -> None:
    with console.open(browser) as page:
        expect(heading(page)).to_have_text("Overview")
        # One job died, which is the only thing that needs the operator.
        items = page.locator("ul.items > li strong")
        expect(items).to_have_text(["1 dead letter is open."])
        expect(page.get_by_role("row").filter(has_text="Nobody at work")).to_have_count(0)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.mouse.click(5, 400)
        picture(page, "overview")


def test_a_paused_queue_holds_a_job_until_it_is_resumed_and_its_page_follows_by_itself(
    console: Console, browser: Browser, academy: Tenant, picture: Picture
) -> None:
    with console.open(browser, "/queues") as page:
        page.get_by_role("link", name="Pause ai-lite").click()
        expect(heading(page)).to_have_text("Pause ai-lite?")
        page.get_by_label("Reason").fill("provider maintenance until 04:00")
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.get_by_text("ai-lite is paused.")).to_be_visible()
        card = page.locator("#queue-ai-lite")
        expect(card).to_contain_text(f"Paused by {console.user.username}")

        (job,) = console.world.submit(academy, "test.ok", note="in the night")
        with console.open(browser, f"/jobs/{job.pk}") as watched:
            state = watched.locator(".state-line")
            expect(state).to_contain_text("Queued")
            watched.evaluate("window.sameDocument = true")
            # Not by the message: the other page tells of it as it refreshes itself.
            expect(card.locator("dl.facts dd").first).to_have_text("1")
            picture(page, "queues")

            page.get_by_role("link", name="Resume ai-lite").click()
            expect(page.get_by_text("provider maintenance until 04:00")).to_be_visible()
            page.get_by_role("button", name="Resume", exact=True).click()
            expect(page.get_by_text("ai-lite runs again.")).to_be_visible()

            expect(state).to_contain_text("Succeeded")
            expect(watched.locator("ol.story > li").last).to_contain_text("Succeeded")
            assert watched.evaluate("window.sameDocument"), "the page was not loaded anew"
            expect(watched.locator("#live[hx-get]")).to_have_count(0)


def test_a_hidden_page_asks_nothing_and_catches_up_when_seen(
    console: Console, browser: Browser
) -> None:
    hide = (
        "hidden => Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})"
    )
    refresh = "window.htmx.trigger(document.getElementById('live'), 'refresh')"
    with console.open(browser, "/queues") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        icon = f"{console.url}/static/console/icon.svg"  # whenever the browser feels like it
        page.evaluate(hide, arg=True)
        page.evaluate(refresh)
        page.evaluate("new Promise(requestAnimationFrame)")
        assert set(asked) <= {icon}
        page.evaluate(hide, arg=False)
        with page.expect_response(f"{console.url}/console/queues"):
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_server_that_does_not_answer_is_said_and_forgotten_when_it_does(
    console: Console, browser: Browser
) -> None:
    with console.open(browser, "/queues", forgive=("net::ERR_FAILED", "503", "htmx:error")) as page:
        stale = page.locator("#stale")
        expect(stale).to_be_hidden()
        page.route("**/console/queues", lambda route: route.abort())
        expect(stale).to_be_visible()
        page.unroute("**/console/queues")
        expect(stale).to_be_hidden()
        page.route("**/console/queues", lambda route: route.fulfill(status=503, body="away"))
        expect(stale).to_be_visible()
        # The figures stay: old ones with a warning say more than an error page.
        expect(page.locator("article.queue")).to_have_count(len(ALL))
        page.unroute("**/console/queues")
        expect(stale).to_be_hidden()


def test_an_opened_detail_stays_open_while_the_page_refreshes(
    console: Console, browser: Browser, lived: dict[str, Job]
) -> None:
    with console.open(browser, f"/jobs/{lived['dead'].pk}") as page:
        # A job that has ended is not refreshed; ask for it as if it had not.
        page.evaluate(
            """() => {
                const live = document.getElementById("live");
                live.setAttribute("hx-get", location.pathname);
                live.setAttribute("hx-trigger", "refresh");
                live.setAttribute("hx-select", "#live");
                live.setAttribute("hx-swap", "outerMorph");
                window.htmx.process(live);
            }"""
        )
        page.get_by_text("Detail for operators").click()
        expect(page.get_by_text("LookupError")).to_be_visible()
        with page.expect_response(re.compile(r"/console/jobs/")):
            page.evaluate("window.htmx.trigger(document.getElementById('live'), 'refresh')")
        expect(page.locator("#live[hx-get]")).to_have_count(0)  # it is the server's again
        expect(page.get_by_text("LookupError")).to_be_visible()


def test_everything_works_without_scripts(console: Console, browser: Browser) -> None:
    with console.open(browser, "/queues", forgive=("net::ERR_FAILED",)) as page:
        page.route("**/*.js", lambda route: route.abort())
        page.reload()
        for verb, said in (("Pause", "video is paused."), ("Resume", "video runs again.")):
            page.get_by_role("link", name=f"{verb} video").click()
            if verb == "Pause":
                page.get_by_label("Reason").fill("no scripts here")
            page.get_by_role("button", name=verb, exact=True).click()
            expect(page.get_by_text(said)).to_be_visible()


def test_it_fits_a_phone_in_korean_on_every_page(
    console: Console, browser: Browser, lived: dict[str, Job], academy: Tenant, picture: Picture
) -> None:
    paths = {
        "": "현황",
        "/queues": "대기열",
        "/jobs": "작업",
        f"/jobs/{lived['retried'].pk}": "test.transient",
        f"/jobs/{lived['dead'].pk}": "test.poison",
        f"/jobs/{lived['flow'].pk}": "test.fan_out",
        f"/jobs/{lived['output'].pk}": "test.output",
        f"/jobs/{lived['output'].pk}/log": "로그",
        "/letters": "데드 레터",
        "/academies": "학원",
        f"/academies/{academy.pk}": academy.name,
        f"/academies/{academy.pk}/limits/video": "한도",
        f"/academies/{academy.pk}/lectures": "강의 한도",
        "/workers": "작업자",
        "/check": "전체 경로 점검",
        "/audit": "운영자가 한 일",
        "/queues/video/pause": "일시 정지",
    }
    with console.open(browser, size=PHONE) as page:
        page.get_by_role("button", name="한국어").click()
        expect(page.locator("html")).to_have_attribute("lang", "ko")
        for path, words in paths.items():
            page.goto(f"{console.url}/console{path}")
            expect(heading(page)).to_contain_text(words)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= PHONE[0], f"{path} scrolls sideways: {wide} px"
            if path == "":
                picture(page, "phone")
            if path.endswith(str(lived["retried"].pk)):
                picture(page, "phone-job")


def test_the_story_of_a_job_is_told_in_both_languages(
    console: Console, browser: Browser, lived: dict[str, Job], picture: Picture
) -> None:
    with console.open(browser, f"/jobs/{lived['retried'].pk}", size=DESKTOP) as page:
        steps = page.locator("ol.story > li > strong")
        expect(steps).to_have_text(
            [
                "Submitted",
                "Sent to the queue ai-basic",
                "Attempt 1 began",
                "Failed for now; it will be tried again",
                "The wait is over; queued again",
                "Sent to the queue ai-basic",
                "Attempt 2 began",
                "Succeeded",
            ]
        )
        picture(page, "job")
        page.get_by_role("button", name="한국어").click()
        expect(steps.nth(2)).to_have_text("시도 1 시작")
        expect(steps.last).to_have_text("성공")


def test_what_died_is_read_run_again_and_discarded(
    console: Console, browser: Browser, lived: dict[str, Job], academy: Tenant, picture: Picture
) -> None:
    world = console.world
    world.end(*world.submit(academy, "test.poison", count=3), seconds=90.0)
    inbox = world.sqs.get_queue_url(QueueName=queues.by_name("ai-basic").dlq_name)["QueueUrl"]
    world.sqs.send_message(QueueUrl=inbox, MessageBody="<order><student>17</student></order>")
    with console.open(browser, "/letters") as page:
        causes = page.locator("tbody tr")
        expect(causes).to_have_count(2)
        jobs, message = (causes.filter(has_text=text) for text in ("test.poison", "A message"))
        expect(jobs.locator("[data-label=Open]")).to_have_text("4")
        picture(page, "letters")

        jobs.get_by_role("link").click()
        expect(page.locator("tbody tr")).to_have_count(4)
        page.locator("tbody tr").last.get_by_role("link").first.click()
        expect(page.locator("ol.story > li").last).to_contain_text("Dead: a person must look")
        expect(page.get_by_text("LookupError").first).to_be_attached()
        picture(page, "letter")
        page.get_by_role("link", name="Run again").click()
        expect(page.get_by_text("A new job is submitted for the academy")).to_be_visible()
        page.get_by_label("Reason").fill("the lookup table is there again")
        page.get_by_role("button", name="Run again").click()
        expect(page.get_by_text("It runs again.")).to_be_visible()
        # It dies again, of the same: the letter is done with, and there is another.
        expect(page.locator(".state-line")).to_contain_text("Was run again")

        page.goto(f"{console.url}/console/letters")
        expect(jobs.locator("[data-label=Open]")).to_have_text("4")
        message.get_by_role("link").click()
        page.get_by_role("link", name="Discard all").click()
        page.get_by_label("Reason").fill("a test message of ours")
        page.get_by_role("button", name="Discard them").click()
        expect(page.get_by_text("1 letter was discarded.")).to_be_visible()

        page.goto(f"{console.url}/console/letters")
        jobs.get_by_role("link").click()
        page.get_by_role("link", name="Run them again").click()
        expect(page.get_by_text("One runs alone, as a canary:")).to_be_visible()
        picture(page, "letters-replay")
