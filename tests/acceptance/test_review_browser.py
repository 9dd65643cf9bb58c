"""A teacher in a real browser: a box of sheets reviewed with the keyboard, and its scores.

``REVIEW_PICTURES=docs/images`` keeps the pictures that the documentation shows.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from PIL import Image
from playwright.sync_api import Page, expect

from academy.desk.links import Grant, Purpose, expiry, link
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.roster.models import Student
from academy.sheets.fields import IdentifyBy
from academy.sheets.grading import AnswerKey, KeyItem
from academy.sheets.identity import Match
from academy.sheets.layout import Layout, QuestionKind, Section
from academy.sheets.models import Change, Exam, Scan
from academy.sheets.pages.purposes import EXAM, RESULT
from academy.sheets.reading.results import Answer, Identifier, PageReading, Status
from academy.sheets.scans import doubtful, flag_duplicates, judge
from academy.sheets.scoring import scores_of
from academy.sheets.services import exam_create, exam_edit
from academy.sheets.synthetic.captures import Capture, capture
from academy.sheets.synthetic.marks import Mark, Pen
from academy.sheets.synthetic.prints import print_and_fill
from academy.sheets.synthetic.streams import Stream, rng_of
from academy.sheets.synthetic.students import Filled, Placed
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from tests.acceptance.test_player_browser import answers_at
from tests.support import answer_sheets as made
from tests.support.browser import DESKTOP, PHONE, Browser, browser, shoot
from tests.support.jobs import drain, make_tenant
from tests.support.processes import eventually
from tests.support.review import stored
from tests.support.world import World

__all__ = ["browser"]

CHOICES, NUMBERS = 18, 2
LAYOUT = Layout(
    title="3월 모의고사 수학", identifier_digits=4, columns=2,
    sections=(
        Section(count=CHOICES), Section(kind=QuestionKind.NUMERIC, count=NUMBERS, digits=3),
    ),
)  # fmt: skip
RIGHT: dict[int, int] = {n: (n * 7) % 5 + 1 for n in range(1, CHOICES + 1)} | {19: 12, 20: 305}
KEY = AnswerKey(items=tuple(KeyItem(answers=(RIGHT[n],), points=5) for n in RIGHT))
NAMES = (
    "김가온",
    "이나래",
    "박다솜",
    "최라온",
    "정마루",
    "강보람",
    "조새론",
    "윤아라",
    "장이든",
    "임자람",
)
TAILS = ("2048", "3147", "3149", "4256", "5360", "6471", "7582", "8693", "9704", "1815")
PEN = Pen(0.95, 1.1, (25, 22, 22), 0.0)


def sheet(
    digits: str, answers: Mapping[int, object], seed: int, unsure: Sequence[Placed] = ()
) -> Image.Image:
    """A scanned page: a choice, several, or the written signs of a number, by question."""
    placed = [Placed(f"id.{n}", int(sign), Mark.FULL) for n, sign in enumerate(digits)]
    for question, given in answers.items():
        if isinstance(given, str):
            marks = [(f"q{question}.{n}", int(sign)) for n, sign in enumerate(given) if sign != " "]
        else:
            values = given if isinstance(given, tuple) else (given,)
            marks = [(f"q{question}", value) for value in values]
        placed += [Placed(group, value, Mark.FULL) for group, value in marks]
    rng = rng_of(Stream.GATE, 901, seed)
    filled = Filled(PEN, (*placed, *unsure), {}, {})
    paper = print_and_fill(LAYOUT, 1, filled, 150, rng)
    return Image.open(io.BytesIO(capture(paper, Capture.CLEAN_SCAN, rng))).convert("L")


def box_of_paper(path: Path) -> Path:
    """Five pages: two answers in doubt, a number nobody has, the same page twice, and no sheet."""
    right: dict[int, object] = {**RIGHT, 19: " 12", 20: "305"}
    twice = {**right, 4: (2, 4)}
    doubt = (Placed("q7", RIGHT[7] % 5 + 1, Mark.CROSSED_OUT),)
    pages = [
        sheet("2048", {**right, 20: "3 5"}, 1, doubt),
        sheet("3148", {**right, 3: 1, 11: 5}, 2),
        sheet("4256", {**right, 2: 3}, 3),
        sheet("4256", twice, 4),
        Image.new("L", (1754, 1240), 245),
    ]
    first, *rest = pages
    first.save(path, save_all=True, append_images=rest, resolution=150)
    return path


class Desk:
    """An API, and an examination whose box has been read."""

    def __init__(self, url: str, exam: Exam, key: str) -> None:
        self.url, self.exam, self.key = url, exam, key

    def link(self, purpose: Purpose = EXAM, path: str = "", **ids: object) -> str:
        grant = Grant(
            self.exam.tenant_id, self.key, "teacher-7", frozenset(purpose.scopes),
            expiry(timedelta(hours=1)),
        )  # fmt: skip
        wanted = {"exam_id": self.exam.pk, **ids}
        made_link = link(purpose, wanted, grant, path=path).url
        return self.url + made_link.removeprefix(django_settings.PUBLIC_BASE_URL)

    def another(self, name: str, tail: str, *, doubtful: Sequence[int]) -> Scan:
        """A page like the first one, of a new student, and nothing else left to review."""
        tenant = self.exam.tenant
        scans = Scan.objects.for_tenant(tenant).filter(exam=self.exam)
        first = scans.get(student__name=NAMES[0])
        student = Student.objects.for_tenant(tenant).create(
            name=name, parent_phone=f"0100000{tail}"
        )
        made_scan = stored(self.exam, blank_reading(self.exam, tail), Match.EXACT, [student])
        made_scan.reading = {**first.reading, "identifier": made_scan.reading["identifier"]}
        made_scan.prefix = first.prefix
        doubt(made_scan, dict.fromkeys(doubtful, Status.LOW_CONFIDENCE))
        scans.exclude(pk=made_scan.pk).update(needs_review=False)
        return made_scan


def blank_reading(exam: Exam, tail: str) -> PageReading:
    digits = Identifier(tail, Status.OK, 0.99, (0.99,) * 4)
    return PageReading(1, exam.design.fingerprint, 1, 1, digits, (), 4)


def doubt(scan: Scan, doubts: Mapping[int, Status]) -> None:
    """Have a reader who doubts just these answers, however good the real one becomes."""
    for answer in scan.reading["answers"]:
        status = doubts.get(answer["question"])
        answer["status"] = (status or Status.OK).value
        answer["confidence"] = 0.62 if status else 0.99
    judge(scan)
    scan.save()


def class_of(tenant: Tenant, exam: Exam, students: Sequence[Student]) -> None:
    """Sheets of the other students, read without a doubt."""
    for number, student in enumerate(students):
        answers = []
        for question in exam.design.sheet.questions:
            wrong = (question.number * 3 + number * 5) % 11 < number
            value = RIGHT[question.number] % 5 + 1 if wrong else RIGHT[question.number]
            given = () if wrong and number % 4 == 0 else (value,)
            answers.append(Answer(question.number, question.kind, given, Status.OK, 0.99))
        digits = Identifier(student.parent_phone[-4:], Status.OK, 0.99, (0.99,) * 4)
        reading = PageReading(1, exam.design.fingerprint, 1, 1, digits, tuple(answers), 4)
        stored(exam, reading, Match.EXACT, [student])


@pytest.fixture(scope="module")
def desk(world: World, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    _, url = world.api()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "CORS_ORIGINS", [url])
        call_command("ensure_buckets", verbosity=0)
    tenant = make_tenant()
    Tenant.objects.filter(pk=tenant.pk).update(name="한빛수학학원")
    students = [
        Student.objects.for_tenant(tenant).create(
            name=name, parent_phone=f"0100000{tail}", school="보기중", grade="중2",
            class_name=f"{number % 3 + 1}반",
        )
        for number, (name, tail) in enumerate(zip(NAMES, TAILS, strict=True))
    ]  # fmt: skip
    exam = exam_create(
        tenant=tenant, by="test", design_id=made.design(tenant, LAYOUT).pk,
        title="3월 모의고사 수학", identify_by=IdentifyBy.PARENT_PHONE, key=KEY,
    )  # fmt: skip
    file = box_of_paper(tmp_path_factory.mktemp("box") / "scan.pdf")
    made.submitted(tenant, exam, made.uploaded(tenant, file, filename="3월.pdf"))
    drain("ai-basic")
    assert Scan.objects.for_tenant(tenant).filter(exam=exam).count() == 5
    doubts = {
        1: {7: Status.LOW_CONFIDENCE, 20: Status.AMBIGUOUS}, 4: {4: Status.AMBIGUOUS},
    }  # fmt: skip
    for scan in Scan.objects.for_tenant(tenant).filter(exam=exam):
        doubt(scan, doubts.get(scan.index, {}))
    flag_duplicates(exam)
    class_of(tenant, exam, students[4:])
    key = key_create(tenant=tenant, name="teacher's desk", scopes=EXAM.scopes)
    eventually(lambda: answers_at(url), 30, "the API listens")
    return Desk(url, exam, f"key:{key.key.prefix}")


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Page, str], None]:
    """Takes the picture ``<name>.png``, for the documentation where asked for."""
    folder = Path(os.environ.get("REVIEW_PICTURES") or tmp_path)

    def take(page: Page, name: str) -> None:
        page.evaluate("Promise.all([...document.images].map((one) => one.decode()))")
        shoot(page, folder / f"{name}.png")

    return take


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def hangul(page: Page, sign: str, code: str) -> None:
    """Press a key while the keyboard writes Korean."""
    page.evaluate(
        "([key, code]) => document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {key, code, bubbles: true, cancelable: true}))",
        [sign, code],
    )


def test_a_box_is_reviewed_with_the_keyboard(
    desk: Desk, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    with browser.visit(desk.link(path="/review"), size=DESKTOP) as page:
        assert page.url == f"{desk.url}/desk/exam/{desk.exam.pk}/review"
        title, count = page.get_by_role("heading", level=2).first, page.locator("#count")
        expect(title).to_have_text("Question 7")
        expect(count).to_have_text("0 of 6 settled")
        picture(page, "review-answer")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Accept what was read")
        picture(page, "review-help")
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")
        expect(title).to_have_text("Question 20")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press(str(RIGHT[7]))

        expect(title).to_have_text("Question 20")
        expect(count).to_have_text("1 of 6 settled")
        picture(page, "review-number")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Nothing certain was read here")).to_be_visible()
        page.keyboard.type("305")
        page.keyboard.press("Enter")

        expect(title).to_have_text("Whose page is it?")
        picture(page, "review-student")
        page.keyboard.press("/")
        page.keyboard.type("박다")
        expect(page.locator(".finder .people button")).to_have_count(1)
        page.keyboard.press("Enter")

        expect(title).to_have_text("Which page counts?")
        picture(page, "review-duplicates")
        page.get_by_role("button", name="Another student").nth(1).click()
        page.keyboard.type("이나래")
        expect(page.locator(".finder .people button")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(title).to_have_text("Question 4")
        page.keyboard.press("u")
        expect(title).to_have_text("Which page counts?")
        page.keyboard.press("1")

        expect(title).to_have_text("This page could not be read")
        expect(page.locator("#changed")).to_be_visible()
        picture(page, "review-unreadable")
        page.keyboard.press("d")
        expect(title).to_have_text("Nothing left to review")
        expect(page.locator("#saved")).to_have_text("All saved")
        hangul(page, "ㅕ", "KeyU")
        expect(title).to_have_text("This page could not be read")
        page.keyboard.press("d")
        expect(title).to_have_text("Nothing left to review")
        expect(page.locator("#saved")).to_have_text("All saved")
        picture(page, "review-done")
    settled = Change.objects.for_tenant(desk.exam.tenant).filter(scan__isnull=False)
    students = Student.objects.for_tenant(desk.exam.tenant)
    named = {student.name: str(student.pk) for student in students}
    made_by = settled.order_by("created_at", "pk").values_list("what", "after", "by")
    assert [(what, after) for what, after, _ in made_by] == [
        ("answer.7", [RIGHT[7]]), ("answer.20", [305]),
        ("student", named["박다솜"]), ("student", named["이나래"]), ("student", None),
        ("discarded", True), ("discarded", True), ("discarded", False), ("discarded", True),
    ]  # fmt: skip
    assert {by for _, _, by in made_by} == {f"{desk.key}/teacher-7"}
    assert all(score.is_final for score in scores_of(desk.exam))


def test_two_teachers_at_once_and_a_telephone(
    desk: Desk, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    scan = desk.another("한찬들", "7777", doubtful=(1, 2, 3))
    review = desk.link(path="/review")
    with (
        browser.visit(review, size=PHONE, forgive=("409",)) as phone,
        browser.visit(review, size=DESKTOP, forgive=("ERR_INTERNET",)) as laptop,
    ):
        for page in (phone, laptop):
            expect(page.get_by_role("heading", level=2).first).to_have_text("Question 1")
        assert fits(phone)
        picture(phone, "review-phone")
        laptop.keyboard.press("Enter")
        expect(laptop.locator("#saved")).to_have_text("All saved")
        phone.get_by_role("group").get_by_role("button", name="5", exact=True).tap()
        alert = phone.get_by_role("alert")
        expect(alert).to_contain_text("teacher-7 has settled this")
        picture(phone, "review-conflict")
        alert.get_by_role("button", name="Keep theirs").tap()
        expect(phone.get_by_role("heading", level=2).first).to_have_text("Question 2")
        # M: several answers, of which the one that was read is among them.
        laptop.keyboard.press("m")
        laptop.keyboard.press("3")
        laptop.keyboard.press("Enter")
        expect(laptop.locator("#saved")).to_have_text("All saved")
        laptop.context.set_offline(True)
        laptop.keyboard.press("Space")
        expect(laptop.locator("#saved")).to_have_text("Not saved yet: trying again")
        laptop.context.set_offline(False)
        expect(laptop.get_by_role("heading", level=2).first).to_have_text("Nothing left to review")
        expect(laptop.locator("#saved")).to_have_text("All saved")
    scan.refresh_from_db()
    assert scan.settled["answers"] == {"1": [RIGHT[1]], "2": sorted({RIGHT[2], 3}), "3": []}


def test_the_examination_at_a_glance_and_its_results(
    desk: Desk, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    with browser.visit(desk.link(), size=DESKTOP) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("3월 모의고사 수학")
        expect(page.locator("table.scores tbody tr")).to_have_count(len(scores_of(desk.exam)))
        picture(page, "exam-scores")
        page.get_by_role("button", name="Publish to students").click()
        page.get_by_role("dialog").get_by_role("button", name="Publish").click()
        expect(page.get_by_text("Results published")).to_be_visible()
        page.get_by_role("button", name="한국어").click()
        expect(page.get_by_text("결과 공개 중")).to_be_visible()
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert fits(page)
        picture(page, "exam-phone")
    student = next(score.student for score in scores_of(desk.exam)[3:] if score.is_final)
    result = desk.link(RESULT, student_id=student)
    with browser.visit(result, size=PHONE) as page:
        expect(page.get_by_text("questions right.")).to_be_visible()
        assert fits(page)
        picture(page, "result-phone")
        exam_edit(tenant=desk.exam.tenant, by="test", exam_id=desk.exam.pk, published=False)
    with browser.visit(result, forgive=("404",)) as page:
        expect(page.get_by_text("These results have not been published.")).to_be_visible()
        picture(page, "result-withdrawn")


def test_a_larger_network_reads_again_for_a_price_and_leaves_the_rest(
    desk: Desk, browser: Browser, picture: Callable[[Page, str], None], tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    tenant = desk.exam.tenant
    Scan.objects.for_tenant(tenant).filter(exam=desk.exam).update(needs_review=False)
    Student.objects.for_tenant(tenant).create(name="한누리", parent_phone="01000008080")
    right: dict[int, object] = {**RIGHT, 19: " 12", 20: "305"}
    rivals = [Placed(f"q{n}", RIGHT[n] % 5 + 1, Mark.CROSSED_OUT) for n in (5, 9)]
    file = tmp_path / "late.pdf"
    sheet("8080", right, 7, rivals).save(file, resolution=150)
    made.submitted(tenant, desk.exam, made.uploaded(tenant, file, filename="4월.pdf"))
    drain("ai-basic")
    scan = Scan.objects.for_tenant(tenant).get(exam=desk.exam, student__name="한누리")
    doubt(scan, dict.fromkeys((2, 5, 9, 14), Status.LOW_CONFIDENCE))
    with browser.visit(desk.link(path="/review"), size=DESKTOP) as page:
        offer = page.locator("#again")
        expect(offer).to_contain_text("Rows: 4, pages: 1.")
        picture(page, "review-again")
        offer.get_by_role("button", name="₩20").click()
        asked = page.get_by_role("dialog")
        expect(asked).to_contain_text("Pages: 1, ₩20 each: ₩20")
        picture(page, "review-again-price")
        # Keys are the dialog's: nothing is settled behind it.
        page.keyboard.press("1")
        asked.get_by_role("button", name="Cancel").click()
        assert not Job.objects.for_tenant(tenant).filter(kind="sheets.review").exists()
        offer.get_by_role("button", name="₩20").click()
        asked.get_by_role("button", name="Read again").click()
        expect(offer).to_contain_text("waiting for its turn")
        expect(page.locator("#count")).to_contain_text("settled")
        picture(page, "review-again-waiting")
        drain("ai-premium")
        job = Job.objects.for_tenant(tenant).get(kind="sheets.review", parent=None)
        assert job.state == JobState.SUCCEEDED, (job.error_code, job.error_params)
        outcome = job.result["result"]
        assert outcome["rows"] == 4
        assert outcome["settled"] >= 1
        expect(offer).to_have_text(
            f"Read again: {outcome['settled']} settled, {outcome['left']} left for you."
        )
        title = page.get_by_role("heading", level=2).first
        scan.refresh_from_db()
        left = doubtful(scan)
        assert len(left) == outcome["left"]
        expect(title).to_have_text(f"Question {left[0]}" if left else "Nothing left to review")
        page.get_by_role("button", name="한국어").click()
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert fits(page)
    scan.reviews = []
    doubt(scan, {2: Status.LOW_CONFIDENCE})
    with browser.visit(desk.link(path="/review"), size=PHONE) as page:
        page.get_by_role("button", name="한국어").tap()
        expect(page.locator("#again").get_by_role("button", name="₩20")).to_be_visible()
        assert fits(page)
        picture(page, "review-again-phone")
