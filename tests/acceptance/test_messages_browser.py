"""A person in a real browser: a message written, previewed, confirmed, followed, and explained.

``MESSAGE_PICTURES=docs/images`` keeps the pictures that the documentation shows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from academy.messaging.fields import CampaignState, Channel, MessageState, Purpose
from academy.messaging.models import Campaign, Message
from academy.messaging.people import opt_out_set
from academy.messaging.providers.local import SandboxProvider
from academy.messaging.templates import Wording, template_create
from academy.tenants.models import Tenant
from tests.acceptance.test_player_browser import answers_at
from tests.support import message_pages as made
from tests.support.browser import PHONE, Browser, browser
from tests.support.messages import phone, provider_in_place, send_all, states
from tests.support.processes import eventually
from tests.support.world import World

__all__ = ["browser"]

LARGE = (1180, 1020)
BODY = "#{학생명} 학부모님, #{반} 수업은 #{날짜}에 쉽니다."


class OnePhoneOff(SandboxProvider):
    """The sandbox on a day when it fails once."""

    def __init__(self, message: Message) -> None:
        super().__init__(seed=1)
        self._off = str(message.pk)

    def _chance(self, about: str) -> float:
        return 0.0 if self._off in about else 0.5


@pytest.fixture(scope="module")
def url(world: World) -> str:
    _, address = world.api()
    eventually(lambda: answers_at(address), 30, "the API listens")
    return address


@pytest.fixture
def tenant() -> Tenant:
    tenant = made.academy(channel="profile-1")
    made.class_of(tenant)
    template_create(
        tenant=tenant, name="등원 알림", channel=Channel.ALIMTALK, purpose=Purpose.INFO,
        wording=Wording(
            "#{학생명} 학생이 등원했습니다.", provider_template="T1",
            fallback_body="#{학생명} 등원",
        ), by="test",
    )  # fmt: skip
    opt_out_set(tenant=tenant, digits=phone(1_002), everything=True, by="test")
    return tenant


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Page, str], None]:
    folder = Path(os.environ.get("MESSAGE_PICTURES") or tmp_path)

    def take(page: Page, name: str) -> None:
        page.evaluate("scrollTo(0, 0)")
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", animations="disabled")

    return take


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_message_goes_the_whole_way(
    url: str,
    tenant: Tenant,
    browser: Browser,
    picture: Callable[[Page, str], None],
    settings: Any,
) -> None:
    settings.MESSAGING_PROVIDER = "sandbox"
    asked: list[str] = []

    def count(request: Request) -> None:
        if request.url.endswith("/measure"):
            asked.append(request.url)

    with browser.visit(made.page_address(tenant, url), size=LARGE) as page:
        page.on("request", count)
        assert page.url == f"{url}/desk/messages/{tenant.pk}/compose"
        preview = page.get_by_role("button", name="Preview", exact=True)
        page.get_by_role("checkbox", name="가반").check()
        page.get_by_role("combobox", name="Template").select_option("등원 알림 · AlimTalk")
        expect(page.locator("#phone .kakao")).to_contain_text("김가온 학생이 등원했습니다.")
        expect(page.locator("#phone .bubble")).to_have_text("김가온 등원")
        expect(page.locator("#total")).to_have_text("39 won in all")
        picture(page, "messages-alimtalk")
        page.get_by_role("combobox", name="Template").select_option("")
        asked.clear()
        page.get_by_role("textbox", name="Text", exact=True).press_sequentially(BODY, delay=8)
        # The date is nobody's: it is asked for, and until then nothing can be sent.
        expect(page.locator("#measure")).to_contain_text("Cannot be sent: 4.")
        page.get_by_role("textbox", name="Value of 날짜").fill("3월 9일")
        expect(page.locator("#phone")).to_contain_text(
            "김가온 학부모님, 가반 수업은 3월 9일에 쉽니다."
        )
        expect(page.locator("#measure")).to_contain_text("Left out on purpose: 1.")
        expect(page.locator("#length")).to_have_text("46 / 90 bytes")
        expect(page.locator("#total")).to_have_text("54 won in all")
        assert len(asked) <= 6, "typing was measured at every key"
        expect(preview).to_be_enabled()
        picture(page, "messages-compose")
        page.keyboard.press("Control+Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("This is what goes out")
        expect(dialog).to_contain_text("has opted out")
        expect(dialog.get_by_role("timer")).to_contain_text("Valid for 4:")
        expect(dialog.locator("tbody tr")).to_have_count(4)
        picture(page, "messages-confirm")
        assert not Campaign.objects.for_tenant(tenant).exclude(state="preview").exists()
        dialog.get_by_role("button", name="Send 3 messages").dblclick()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Sending")
        campaign = Campaign.objects.for_tenant(tenant).get(state=CampaignState.SENDING)
        assert campaign.confirmed_by.endswith("/teacher-7")
        off = Message.objects.for_tenant(tenant).get(student__name="김가온")
        with provider_in_place(OnePhoneOff(off)):
            send_all()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Done")
        expect(page.locator("#figures")).to_contain_text("Arrived2")
        expect(page.locator("#figures")).to_contain_text("Paid36 won")
        expect(page.locator("#reasons")).to_contain_text("has opted out")
        expect(page.locator("#reasons")).to_contain_text("out of reach. (code off)")
        picture(page, "messages-campaign")
        page.get_by_role("searchbox", name="Search by student").fill("김가온")
        expect(page.locator(".rows tbody tr")).to_have_count(1)
        page.get_by_role("button", name="김가온").click()
        trace = page.get_by_role("dialog")
        expect(trace).to_contain_text("The phone is off or out of reach. (code off)")
        expect(trace.locator(".story li")).to_have_count(4)
        picture(page, "messages-trace")
        page.keyboard.press("Escape")
        expect(trace).to_have_count(0)
        page.goto(f"{url}/desk/messages/{tenant.pk}/outbox")
        expect(page.locator(".outbox > li")).to_have_count(2)
        page.set_viewport_size({"width": LARGE[0], "height": 430})
        picture(page, "messages-outbox")
    assert states(campaign) == {
        MessageState.DELIVERED: 2, MessageState.FAILED: 1, MessageState.SUPPRESSED: 1,
    }  # fmt: skip
    assert Campaign.objects.for_tenant(tenant).count() == 1


def test_on_a_telephone_in_korean_a_campaign_is_paused_and_cancelled(
    url: str, tenant: Tenant, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    with browser.visit(made.page_address(tenant, url), size=PHONE) as page:
        page.get_by_role("button", name="한국어").tap()
        expect(page.get_by_role("heading", level=1)).to_have_text("메시지 쓰기")
        page.get_by_text("재원생 전체").tap()
        page.get_by_role("textbox", name="문구", exact=True).fill("<b>내일</b> 상담이 있습니다.")
        expect(page.locator("#phone .bubble")).to_have_text("<b>내일</b> 상담이 있습니다.")
        assert fits(page)
        picture(page, "messages-phone-compose")
        page.get_by_role("button", name="미리 보기", exact=True).tap()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("이렇게 보냅니다")
        picture(page, "messages-phone-confirm")
        dialog.get_by_role("button", name="7건 보내기").tap()
        expect(page.get_by_role("heading", level=1)).to_contain_text("보내는 중")
        page.get_by_role("button", name="일시 정지").tap()
        expect(page.get_by_role("heading", level=1)).to_contain_text("일시 정지")
        assert fits(page)
        picture(page, "messages-phone-campaign")
        page.get_by_role("button", name="남은 발송 취소").tap()
        ask = page.get_by_role("dialog")
        expect(ask).to_contain_text("7건을 보내지 않고, 126원을 충전금으로 돌려놓습니다.")
        ask.get_by_role("button", name="취소하기").tap()
        expect(page.get_by_role("heading", level=1)).to_contain_text("취소됨")
    rows = Message.objects.for_tenant(tenant)
    assert rows.filter(state=MessageState.CANCELLED.value).count() == 7


def test_a_pasted_table_and_a_preview_that_was_looked_at_for_too_long(
    url: str, tenant: Tenant, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    with browser.visit(made.page_address(tenant, url), size=LARGE) as page:
        page.clock.install()
        page.emulate_media(color_scheme="dark")
        page.reload()
        page.get_by_text("Phones from a table").click()
        rows = [("성적", "연락처"), ("90", phone(1)), ('"80, 재시험"', phone(2)), ("70", "1234")]
        table = page.get_by_role("textbox", name="Copy rows from a spreadsheet")
        table.fill("\n".join("\t".join(row) for row in rows))
        expect(page.locator("#table-said")).to_have_text("3 phones; values for: 성적")
        page.get_by_role("textbox", name="Text", exact=True).fill("성적은 #{성적}입니다.")
        page.clock.run_for(1_000)
        expect(page.locator("#phone .bubble")).to_have_text("성적은 90입니다.")
        page.get_by_role("button", name="Next example").click()
        expect(page.locator("#phone .bubble")).to_have_text("성적은 80, 재시험입니다.")
        expect(page.locator("#measure")).to_contain_text("No. 3")
        expect(page.locator("#measure")).to_contain_text("not a mobile number")
        picture(page, "messages-table")
        table.fill("\n".join("\t".join(row) for row in rows[:3]))
        page.clock.run_for(1_000)
        expect(page.locator("#measure")).to_contain_text("2 recipients")
        page.get_by_role("button", name="Preview", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Send 2 messages")).to_be_enabled()
        page.clock.fast_forward("05:01")
        expect(dialog.get_by_role("timer")).to_have_text(
            "The preview has expired. Nothing was sent."
        )
        dialog.get_by_role("button", name="Preview again").click()
        expect(dialog.get_by_role("button", name="Send 2 messages")).to_be_enabled()
        dialog.get_by_role("button", name="Back to the text").click()
        expect(page.get_by_role("button", name="Preview", exact=True)).to_be_focused()
    assert not Campaign.objects.for_tenant(tenant).exclude(state="preview").exists()
