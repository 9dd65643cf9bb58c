"""The review page over HTTP: what is in doubt, who settled it, and whose it is not to see."""

from __future__ import annotations

from typing import Any

import pytest

from academy.core.ids import new_id
from academy.sheets import services
from academy.sheets.grading import AnswerKey, KeyItem
from academy.sheets.identity import Match
from academy.sheets.models import Change, Exam, Scan
from academy.sheets.reading.results import Status
from academy.sheets.scans import judge
from academy.sheets.scoring import scores_of
from academy.tenants.models import Tenant
from tests.support import answer_sheets as made
from tests.support.jobs import make_tenant
from tests.support.rest import error_of, key_client
from tests.support.review import KEY, RIGHT, Teacher, exam, paper

pytestmark = pytest.mark.django_db

LOW, MANY = Status.LOW_CONFIDENCE, Status.AMBIGUOUS


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def march(tenant: Tenant) -> Exam:
    return exam(tenant)


def points(exam: Exam) -> dict[str, float]:
    exam.refresh_from_db()
    return {str(score.student): float(score.points) for score in scores_of(exam)}


def test_the_queue_has_each_doubt_once_and_in_the_order_of_the_paper(
    tenant: Tenant, march: Exam
) -> None:
    one, two = made.student(tenant, "1234"), made.student(tenant, "5678")
    first = paper(march, one, answers={2: [2, 4], 5: []}, doubtful={2: MANY, 5: MANY})
    paper(march, one, page=2)
    unsure = paper(march, None, candidates=[two], match=Match.INCOMPLETE, doubtful={1: LOW})
    broken = paper(march, None, error="sheet_markers_missing")
    teacher = Teacher(march)
    assert teacher.landed == f"/desk/exam/{march.pk}/review"
    assert teacher.items() == [
        (str(first.pk), "answer.2"), (str(first.pk), "answer.5"),
        (str(unsure.pk), "student"), (str(unsure.pk), "answer.1"),
        (str(broken.pk), "unreadable"),
    ]  # fmt: skip
    piece = teacher.queue()
    assert piece["progress"] == {"left": 5, "settled": 0}
    choice, number = piece["scans"][0]["items"]
    assert (choice["choices"], choice["digits"], choice["read"]) == (5, 0, [2, 4])
    assert (number["choices"], number["digits"], number["read_as"]) == (0, 3, "ambiguous")
    assert "crop-q2.jpg?" in choice["crop"]
    x, y, width, height = choice["place"]
    assert 0 < x < x + width < 1
    assert 0 < y < y + height < 1
    student = piece["scans"][1]["items"][0]
    assert [one["name"] for one in student["candidates"]] == [two.name]
    assert student["candidates"][0]["number"] == "5678"
    assert two.parent_phone not in str(piece)
    assert piece["scans"][2]["items"][0]["error"]["message"]["en"].startswith("The corner markers")


def test_a_decision_counts_at_once_and_says_what_it_changed(tenant: Tenant, march: Exam) -> None:
    student = made.student(tenant, "1234")
    scan = paper(march, student, answers={2: [2, 4], 5: []}, doubtful={2: MANY, 5: MANY})
    teacher = Teacher(march, actor="teacher-7")
    before = points(march)[str(student.pk)]
    answer = teacher.settle(scan, answers={"2": [2]}, seen={"answer.2": None}).json()
    assert answer["scores"] == [
        {"student": str(student.pk), "before": before, "after": before + 10}
    ]
    assert [item["what"] for item in answer["scans"][0]["items"]] == ["answer.5"]
    assert teacher.queue()["progress"] == {"left": 1, "settled": 1}
    answer = teacher.settle(scan, answers={"5": [7]}, seen={"answer.5": None}).json()
    assert answer["scores"] == []
    assert teacher.queue() == {
        "scans": [], "next": None, "progress": {"left": 0, "settled": 2},
    }  # fmt: skip
    made_by = Change.objects.for_tenant(tenant).filter(scan=scan).order_by("pk")
    assert [(one.what, one.after, one.by.split("/")[1]) for one in made_by] == [
        ("answer.2", [2], "teacher-7"), ("answer.5", [7], "teacher-7"),
    ]  # fmt: skip
    undone = teacher.settle(scan, answers={"2": None}, seen={"answer.2": [2]}).json()
    assert undone["scores"][0]["after"] == before
    assert teacher.queue()["progress"] == {"left": 1, "settled": 1}


def test_of_two_teachers_the_second_is_told_and_overwrites_nothing(
    tenant: Tenant, march: Exam
) -> None:
    scan = paper(march, made.student(tenant, "1234"), doubtful={1: LOW, 3: LOW})
    kim, lee = Teacher(march, actor="kim"), Teacher(march, actor="lee")
    assert kim.settle(scan, answers={"3": [3]}, seen={"answer.3": None}).status_code == 200
    error = error_of(lee.settle(scan, answers={"3": [5]}, seen={"answer.3": None}), 409)
    assert error["code"] == "scan_changed"
    assert error["details"]["now"] == [3]
    assert error["details"]["by"].endswith("/kim")
    scan.refresh_from_db()
    assert scan.settled["answers"] == {"3": [3]}
    # Another question of the same page is no conflict, and neither is a deliberate change.
    assert lee.settle(scan, answers={"1": [1]}, seen={"answer.1": None}).status_code == 200
    assert lee.settle(scan, answers={"3": [5]}, seen={"answer.3": [3]}).status_code == 200


def test_a_student_is_found_chosen_and_taken_back(tenant: Tenant, march: Exam) -> None:
    near, far = made.student(tenant, "1234"), made.student(tenant, "9999")
    paper(march, near)
    scan = paper(march, None, candidates=[near], match=Match.FUZZY, digits="1235")
    teacher = Teacher(march)
    (item,) = teacher.queue()["scans"][0]["items"]
    assert item["candidates"][0]["differs"] == [3]
    assert item["candidates"][0]["taken"] is True
    for text in ("김보기9", "9999", far.name):
        found = teacher.get(f"/review/students?q={text}&page=1").json()["students"]
        assert [one["id"] for one in found] == [str(far.pk)]
        assert found[0]["taken"] is False
    answer = teacher.settle(scan, student=str(far.pk), seen={"student": None}).json()
    assert answer["scores"] == [{"student": str(far.pk), "before": None, "after": 50.0}]
    assert teacher.queue()["progress"] == {"left": 0, "settled": 1}
    error = error_of(teacher.settle(scan, student=str(near.pk), seen={"student": None}), 409)
    assert error["details"]["now"] == str(far.pk)
    teacher.settle(scan, student=None, seen={"student": str(far.pk)})
    assert teacher.queue()["progress"] == {"left": 1, "settled": 0}
    assert str(far.pk) not in points(march)


def test_a_choice_that_makes_a_duplicate_asks_about_it_at_once(tenant: Tenant, march: Exam) -> None:
    student = made.student(tenant, "1234")
    first = paper(march, student)
    second = paper(
        march, None, candidates=[student], match=Match.FUZZY, answers={1: [5]}, digits="1235"
    )
    teacher = Teacher(march)
    answer = teacher.settle(second, student=str(student.pk), seen={"student": None}).json()
    assert [(scan["id"], [item["what"] for item in scan["items"]]) for scan in answer["scans"]] == [
        (str(first.pk), ["duplicates"]), (str(second.pk), []),
    ]  # fmt: skip
    (item,) = answer["scans"][0]["items"]
    assert [twin["differs"] for twin in item["twins"]] == [[], [1]]
    assert teacher.queue()["progress"] == {"left": 1, "settled": 1}
    assert points(march) == {str(student.pk): 50.0}
    kept = teacher.post("/review/duplicates", keep=str(second.pk), discard=[str(first.pk)]).json()
    assert kept["scores"] == [{"student": str(student.pk), "before": 50.0, "after": 40.0}]
    assert teacher.queue()["progress"] == {"left": 0, "settled": 2}
    again = teacher.post("/review/duplicates", keep=str(first.pk), discard=[str(second.pk)])
    assert error_of(again, 409)["code"] == "scan_changed"
    teacher.settle(first, discarded=False, seen={"discarded": True})
    assert teacher.items() == [(str(first.pk), "duplicates")]


def test_an_unreadable_page_is_looked_at_and_discarded(tenant: Tenant, march: Exam) -> None:
    scan = paper(march, None, error="sheet_markers_missing")
    teacher = Teacher(march)
    file = teacher.get(f"/review/scans/{scan.pk}/file")
    assert file.status_code == 302
    assert file["Location"].partition("?")[0].endswith(scan.upload.key)
    assert file["Location"].endswith("#page=1")
    assert teacher.settle(scan, discarded=True, seen={"discarded": False}).status_code == 200
    assert teacher.queue()["progress"] == {"left": 0, "settled": 1}


def test_many_pages_come_piece_by_piece(tenant: Tenant, march: Exam) -> None:
    student = made.student(tenant, "1234")
    scan = paper(march, student, doubtful={1: LOW})
    rows = []
    for number in range(30):
        row = Scan.objects.for_tenant(tenant).get(pk=scan.pk)
        row.pk, row.index, row.match, row.student_id = new_id(), number + 2, "", None
        row.candidates = []
        rows.append(row)
    Scan.unscoped.bulk_create(rows)
    teacher = Teacher(march)
    first = teacher.queue()
    assert len(first["scans"]) == 12
    assert first["progress"] == {"left": 61, "settled": 0}
    assert len(teacher.items()) == 61
    assert len({scan for scan, _ in teacher.items()}) == 31


def test_a_new_key_and_a_closed_examination_are_seen_by_an_open_page(
    tenant: Tenant, march: Exam
) -> None:
    student = made.student(tenant, "1234")
    scan = paper(march, student, answers={1: [2]}, doubtful={1: LOW})
    teacher = Teacher(march)
    items = (KeyItem(answers=(2,), points=5), *KEY.items[1:])
    services.exam_key_set(tenant=tenant, by="test", exam_id=march.pk, key=AnswerKey(items=items))
    answer = teacher.settle(scan, answers={"1": [1]}, seen={"answer.1": None}).json()
    assert answer["scores"] == [{"student": str(student.pk), "before": 45.0, "after": 40.0}]
    services.exam_edit(tenant=tenant, by="test", exam_id=march.pk, state=services.ExamState.CLOSED)
    error = error_of(teacher.settle(scan, answers={"1": [2]}, seen={"answer.1": [1]}), 409)
    assert error["code"] == "exam_closed"
    assert "The examination is closed" in teacher.get("/review").content.decode()


def test_an_examination_without_a_key_is_reviewed_all_the_same(tenant: Tenant) -> None:
    keyless = exam(tenant, key=None)
    scan = paper(keyless, made.student(tenant, "1234"), doubtful={1: LOW})
    teacher = Teacher(keyless)
    answer = teacher.settle(scan, answers={"1": [1]}, seen={"answer.1": None}).json()
    assert (answer["scores"], answer["scans"][0]["items"]) == ([], [])
    assert "There is no key yet" in teacher.get().content.decode()


@pytest.mark.parametrize(
    "body",
    [
        {"answers": {"1": [1]}},
        {"answers": {"1": [1]}, "seen": {}},
        {"answers": {"1": [1]}, "seen": {"answer.2": None}},
        {"answers": {"1": [1]}, "seen": {"answer.1": None, "student": None}},
        {"seen": {}},
        {"answers": {"1": [1]}, "seen": {"settled": None}},
        {"answers": {"x": [1]}, "seen": {"answer.x": None}},
    ],
)
def test_a_page_always_says_what_it_showed(
    tenant: Tenant, march: Exam, body: dict[str, Any]
) -> None:
    scan = paper(march, made.student(tenant, "1234"), doubtful={1: LOW})
    answer = Teacher(march).post(f"/review/scans/{scan.pk}", **body)
    assert error_of(answer, 400)["code"] == "validation_failed"


def test_a_reader_settles_nothing(tenant: Tenant, march: Exam) -> None:
    scan = paper(march, made.student(tenant, "1234"), doubtful={1: LOW})
    for teacher in (Teacher(march, read_only=True), Teacher(march, scopes=["sheets:read"])):
        assert "and change nothing" in teacher.html
        assert "data-write" not in teacher.html
        answer = teacher.settle(scan, answers={"1": [1]}, seen={"answer.1": None})
        assert error_of(answer, 403)["code"] == "scope_missing"
        error_of(teacher.post("/review/duplicates", keep=str(scan.pk), discard=[str(scan.pk)]), 403)
        error_of(teacher.post("/publication", published=True), 403)
        error_of(teacher.post("/exports"), 403)
        assert len(teacher.items()) == 1


def test_a_visit_shows_one_examination_and_no_other(tenant: Tenant, march: Exam) -> None:
    mine = paper(march, made.student(tenant, "1234"), doubtful={1: LOW})
    april = exam(tenant, title="4월")
    theirs = paper(april, made.student(tenant, "5678"), doubtful={1: LOW})
    foreign_exam = exam(make_tenant())
    foreign = paper(foreign_exam, made.student(foreign_exam.tenant, "1234"), doubtful={1: LOW})
    teacher = Teacher(march)
    assert teacher.items() == [(str(mine.pk), "answer.1")]
    for other in (april, foreign_exam):
        for path in ("", "/review", "/review/queue", "/review/students?q=김&page=1"):
            assert teacher.browser.get(f"/desk/exam/{other.pk}{path}").status_code == 403
    for scan in (theirs, foreign):
        for answer in (
            teacher.get(f"/review/scans/{scan.pk}"),
            teacher.get(f"/review/scans/{scan.pk}/file"),
            teacher.settle(scan, answers={"1": [1]}, seen={"answer.1": None}),
            teacher.post("/review/duplicates", keep=str(scan.pk), discard=[str(mine.pk)]),
            teacher.post("/review/duplicates", keep=str(mine.pk), discard=[str(scan.pk)]),
        ):
            assert answer.status_code in {404, 409}, answer.content
        scan.refresh_from_db()
        assert scan.settled == {}
        assert scan.discarded is False
    names = teacher.get("/review/students?q=김보기&page=1").json()["students"]
    assert {one["id"] for one in names} == {str(student.pk) for student in tenant_students(tenant)}


def tenant_students(tenant: Tenant) -> list[Any]:
    return list(made.Student.objects.for_tenant(tenant))


def test_links_are_given_out_for_ones_own_examinations_alone(tenant: Tenant, march: Exam) -> None:
    other = key_client(make_tenant())
    for kind in ("review-link", "page-link"):
        error_of(other.post(f"/api/v1/exams/{march.pk}/{kind}", {}, format="json"), 404)


def test_the_right_answers_of_the_fixture_are_the_keys() -> None:
    assert [list(item.answers) for item in KEY.items] == list(RIGHT.values())


def test_what_a_second_engine_was_certain_of_is_no_doubt_any_more(
    tenant: Tenant, march: Exam
) -> None:
    scan = paper(march, made.student(tenant, "1234"), doubtful={1: LOW, 2: LOW, 3: LOW})
    words = [(1, [5], "ok"), (2, [2], "low_confidence")]
    scan.reviews = [
        {
            "job": str(scan.job_id), "identifier": None,
            "answers": [
                {"question": question, "values": values, "status": status, "confidence": 0.9}
                for question, values, status in words
            ],
        }
    ]  # fmt: skip
    judge(scan)
    scan.save()
    teacher = Teacher(march)
    assert teacher.items() == [(str(scan.pk), "answer.2"), (str(scan.pk), "answer.3")]
    assert teacher.queue()["progress"] == {"left": 2, "settled": 0}
    answer = teacher.settle(scan, answers={"3": [3]}, seen={"answer.3": None})
    assert answer.status_code == 200
    assert teacher.queue()["progress"] == {"left": 1, "settled": 1}
    assert set(points(march).values()) == {40.0}
