"""A teacher in a real browser: questions of a scan corrected by mouse, finger and keyboard.

``CORRECTION_PICTURES=docs/images`` keeps the pictures that the documentation shows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from playwright.sync_api import Locator, Page, expect

from academy.ai.corrections.purpose import QUESTIONS
from academy.ai.corrections.selectors import standing
from academy.desk.links import Grant, expiry, link
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from tests.acceptance.test_player_browser import answers_at
from tests.support.browser import DESKTOP, PHONE, Browser, browser, shoot
from tests.support.documents import uploaded
from tests.support.jobs import drain, make_tenant, run
from tests.support.printed_tests import Capture, Printer, captured, saved
from tests.support.processes import eventually
from tests.support.world import World

__all__ = ["browser"]

SEED = 8_004
LAST = 11


class Desk:
    """An API, and a test that has been divided."""

    def __init__(self, url: str, job: Job, key: str) -> None:
        self.url, self.job, self.key = url, job, key

    def link(self, *, read_only: bool = False) -> str:
        scopes = [one for one in QUESTIONS.scopes if not read_only or one.endswith(":read")]
        grant = Grant(
            self.job.tenant_id, self.key, "teacher-7", frozenset(scopes), expiry(timedelta(hours=1))
        )
        made = link(QUESTIONS, {"job_id": self.job.pk}, grant).url
        return self.url + made.removeprefix(django_settings.PUBLIC_BASE_URL)

    @property
    def numbers(self) -> list[int]:
        return [one["n"] for one in standing(self.job).questions]


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    _, url = world.api()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "CORS_ORIGINS", [url])
        call_command("ensure_buckets", verbosity=0)
    tenant = make_tenant(plan="start")
    Tenant.objects.filter(pk=tenant.pk).update(name="한빛수학학원")
    drawn = captured(Printer(SEED).draw(LAST), Capture.SCAN, SEED)
    upload = uploaded(tenant, saved(tmp_path / "a.jpg", drawn.pages[:1]))
    order = Order("ai.question_segmentation", {"upload": str(upload.pk)})
    job = job_submit(by=Submitter(tenant, "test"), order=order)
    run(job)
    assert job.state == JobState.SUCCEEDED, (job.error_code, job.error_params)
    key = key_create(tenant=tenant, name="teacher's desk", scopes=QUESTIONS.scopes)
    eventually(lambda: answers_at(url), 30, "the API listens")
    return Desk(url, job, f"key:{key.key.prefix}")


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Page, str], None]:
    folder = Path(os.environ.get("CORRECTION_PICTURES") or tmp_path)

    def take(page: Page, name: str) -> None:
        page.evaluate("Promise.all([...document.images].map((one) => one.decode()))")
        shoot(page, folder / f"{name}.png")

    return take


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Question {name}, page", exact=False).first


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def middle(locator: Locator) -> tuple[float, float]:
    area = locator.bounding_box()
    assert area is not None
    return area["x"] + area["width"] / 2, area["y"] + area["height"] / 2


def test_questions_are_corrected_by_mouse_and_keyboard_and_saved_once(
    desk: Desk, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    found = desk.numbers
    before = standing(desk.job).questions
    with browser.visit(desk.link(), size=DESKTOP) as page:
        assert page.url == f"{desk.url}/desk/questions/{desk.job.pk}"
        expect(page.locator("#count")).to_have_text(f"{len(found)} questions")
        expect(page.locator("#state")).to_have_text("All saved")
        second = box(page, "2")
        x, y = middle(second)
        page.mouse.click(x, y)
        expect(second).to_have_attribute("aria-pressed", "true")
        picture(page, "correct-questions")
        drag(page, (x, y), (x + 20, y + 10))
        expect(page.locator("#state")).to_have_text("Not saved yet")
        corner = middle(second.locator('[data-edge="se"]'))
        drag(page, corner, (corner[0] + 15, corner[1] + 12))
        # Its number, written over the box; then a question that was overlooked.
        second.focus()
        page.keyboard.type("77")
        page.keyboard.press("Enter")
        expect(box(page, "77")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        page.get_by_role("button", name="A Add").click()
        paper = page.locator(".paper").bounding_box()
        assert paper is not None
        left = paper["x"] + 60
        drag(page, (left, 520), (left + 200, 580))
        expect(page.locator("#count")).to_have_text(f"{len(found) + 1} questions")
        page.get_by_role("button", name="3", exact=True).click()
        page.keyboard.press("Delete")
        expect(page.locator("#count")).to_have_text(f"{len(found)} questions")
        page.keyboard.press("Control+z")
        expect(page.locator("#count")).to_have_text(f"{len(found) + 1} questions")
        page.keyboard.press("Control+s")
        expect(page.locator("#state")).to_have_text("All saved")
        page.reload()
        expect(page.locator("#count")).to_have_text(f"{len(found) + 1} questions")
    after = standing(desk.job)
    assert after.revision == 1
    assert after.correction is not None
    assert after.correction.corrected_by == f"{desk.key}/teacher-7"
    moved = next(one for one in after.questions if one["n"] == 77)
    was = next(one for one in before if one["n"] == 2)
    assert moved["bbox"][0] > was["bbox"][0]
    assert moved["bbox"][2] > was["bbox"][2]
    assert len(after.questions) == len(found) + 1
    drain("ai-basic")
    assert all(one["crop_key"] for one in standing(desk.job).items)
    desk.job.refresh_from_db()
    assert [one["n"] for one in desk.job.result["result"]["questions"]] == found


def test_a_telephone_and_a_laptop_at_once(
    desk: Desk, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    with (
        browser.visit(desk.link(), size=PHONE, forgive=("409",)) as phone,
        browser.visit(desk.link(), size=DESKTOP) as laptop,
    ):
        box(laptop, "1").focus()
        laptop.keyboard.press("Shift+ArrowDown")
        laptop.keyboard.press("Control+s")
        expect(laptop.locator("#state")).to_have_text("All saved")
        box(phone, "1").tap()
        phone.get_by_role("spinbutton", name="Number").fill("90")
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        picture(phone, "correct-questions-phone")
        phone.get_by_role("button", name="Save", exact=True).tap()
        conflict = phone.get_by_role("dialog")
        expect(conflict).to_contain_text("Somebody was faster")
        conflict.get_by_role("button", name="Save mine over them").tap()
        expect(phone.locator("#state")).to_have_text("All saved")
    assert standing(desk.job).revision == 2
    assert 90 in desk.numbers


def test_whoever_may_only_look_can_change_nothing(desk: Desk, browser: Browser) -> None:
    with browser.visit(desk.link(read_only=True), size=DESKTOP) as page:
        first = box(page, "1")
        first.click()
        expect(first).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".handle")).to_have_count(0)
        expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
        page.keyboard.press("Delete")
        expect(first).to_be_visible()
