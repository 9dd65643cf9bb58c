"""Points, names and figures: the pure rules after a sheet was read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from academy.sheets.grading import AnswerKey, KeyItem, Outcome, Rule, grade
from academy.sheets.identity import Match, Roster, distance, duplicates
from academy.sheets.layout import Layout, QuestionKind, Section
from academy.sheets.statistics import Item, analyse


def _one(answers, given, **options) -> tuple[Outcome, Decimal]:
    item = KeyItem(answers=answers, points=Decimal(4), **options)
    (mark,) = grade(AnswerKey(items=(item,)), {1: given}).marks
    return mark.outcome, mark.points


def test_any_of_several_right_answers_counts_but_not_two_at_once():
    assert _one((2, 3), (2,)) == (Outcome.RIGHT, 4)
    assert _one((2, 3), (3,)) == (Outcome.RIGHT, 4)
    assert _one((2, 3), (2, 3)) == (Outcome.WRONG, 0)
    assert _one((2, 3), (1,)) == (Outcome.WRONG, 0)
    assert _one((2, 3), ()) == (Outcome.BLANK, 0)


def test_all_right_answers_are_asked_for_together():
    assert _one((2, 3), (3, 2), rule=Rule.ALL) == (Outcome.RIGHT, 4)
    assert _one((2, 3), (2,), rule=Rule.ALL) == (Outcome.WRONG, 0)
    assert _one((2, 3), (1, 2, 3), rule=Rule.ALL) == (Outcome.WRONG, 0)


def test_shares_are_given_for_each_right_and_taken_for_each_wrong_answer():
    assert _one((1, 2), (1, 2), rule=Rule.SHARE) == (Outcome.RIGHT, 4)
    assert _one((1, 2), (1,), rule=Rule.SHARE) == (Outcome.PARTIAL, 2)
    assert _one((1, 2), (1, 3), rule=Rule.SHARE) == (Outcome.WRONG, 0)
    assert _one((1, 2, 3), (1,), rule=Rule.SHARE) == (Outcome.PARTIAL, Decimal("1.33"))


def test_partial_points_and_withdrawn_questions():
    partial = {5: Decimal("1.5")}
    assert _one((1,), (5,), partial=partial) == (Outcome.PARTIAL, Decimal("1.5"))
    assert _one((1,), (1, 5), partial=partial) == (Outcome.WRONG, 0)
    assert _one((), (), rule=Rule.FREE) == (Outcome.RIGHT, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"answers": (), "points": 1},
        {"answers": (1, 1), "points": 1},
        {"answers": (1,), "points": -1},
        {"answers": (1,), "points": 1, "partial": {1: "0.5"}},
        {"answers": (1,), "points": 1, "partial": {2: 2}},
        {"answers": (1, 2), "points": 1, "rule": "all", "partial": {3: "0.5"}},
    ],
)
def test_a_key_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(ValidationError):
        KeyItem.model_validate(wrong)


def test_a_key_is_held_to_its_sheet():
    layout = Layout(
        sections=(Section(count=2, choices=4), Section(kind=QuestionKind.NUMERIC, count=1))
    )
    fits = [KeyItem(answers=(a,), points=1) for a in (4, 1, 999)]
    assert AnswerKey(items=tuple(fits)).problems(layout) == []
    fits[0] = KeyItem(answers=(5,), points=1)
    fits[2] = KeyItem(answers=(1000,), points=1)
    assert len(AnswerKey(items=tuple(fits)).problems(layout)) == 2
    assert AnswerKey(items=tuple(fits[:2])).problems(layout)[0] == "2 keys for 3 questions"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.integers(1, 5), min_size=1, max_size=3), min_size=1, max_size=20),
    st.data(),
)
def test_no_sheet_earns_less_than_nothing_or_more_than_all(answers, data):
    rules = [data.draw(st.sampled_from(Rule)) for _ in answers]
    key = AnswerKey(
        items=tuple(
            KeyItem(answers=tuple(sorted(right)), points=Decimal(2), rule=rule)
            for right, rule in zip(answers, rules, strict=True)
        )
    )
    given_ = {n: tuple(data.draw(st.sets(st.integers(1, 5)))) for n in range(1, len(answers) + 1)}
    graded = grade(key, given_)
    assert 0 <= graded.points <= key.points
    assert all((m.outcome is Outcome.RIGHT) == (m.points == 2) for m in graded.marks)


ROSTER = Roster(
    {"ann": "010-1234-5678", "bob": "01012345679", "cho": "01055550000", "dee": "01099998888",
     "eve": "01099998888", "odd": "none"},
    8,
)  # fmt: skip


@pytest.mark.parametrize(
    ("read", "match", "student", "candidates"),
    [
        ("55550000", Match.EXACT, "cho", ("cho",)),
        ("12345679", Match.EXACT_WITH_COMPETITOR, "bob", ("bob", "ann")),
        ("99998888", Match.EXACT_WITH_COMPETITOR, None, ("dee", "eve")),
        ("55550001", Match.FUZZY, "cho", ("cho",)),
        ("99998880", Match.FUZZY, None, ("dee", "eve")),
        ("00000000", Match.NO_MATCH, None, ()),
        ("5555?000", Match.INCOMPLETE, None, ("cho",)),
        ("????????", Match.INCOMPLETE, None, ("ann", "bob", "cho", "dee", "eve")),
    ],
)
def test_a_number_is_matched_with_its_outcome(read, match, student, candidates):
    identity = ROSTER.identify(read)
    assert (identity.match, identity.student, identity.candidates) == (match, student, candidates)
    assert identity.needs_review == (match is not Match.EXACT)


def test_a_student_one_digit_away_makes_an_exact_match_doubtful():
    roster = Roster({"ann": "12345678", "bob": "12345679"}, 8)
    assert roster.identify("12345678").match is Match.EXACT_WITH_COMPETITOR
    assert roster.identify("12345678").student == "ann"


@settings(max_examples=60, deadline=None)
@given(st.sets(st.text("0123456789", min_size=4, max_size=4), min_size=1, max_size=30), st.data())
def test_one_misread_digit_never_gives_another_student_without_review(numbers, data):
    roster = Roster({f"s{number}": number for number in numbers}, 4)
    true = data.draw(st.sampled_from(sorted(numbers)))
    place = data.draw(st.integers(0, 3))
    read = true[:place] + data.draw(st.sampled_from("0123456789?")) + true[place + 1 :]
    identity = roster.identify(read)
    if not identity.needs_review:
        assert identity.student == f"s{true}"
    assert distance(read, true) <= 1


def test_two_sheets_for_one_page_of_one_student_are_found():
    sheets = [("a", "ann", 1), ("b", "ann", 2), ("c", "ann", 1), ("d", "bob", 1)]
    assert duplicates(sheets) == {("ann", 1): ["a", "c"]}


def test_statistics_of_a_known_examination():
    # Twenty students of whom the better ten know question 1; question 2 tells nobody from another.
    sheets = [
        {
            1: Item((1,) if i >= 10 else (4,), float(i >= 10)),
            2: Item((2,), 1.0) if i % 2 else Item((), 0.0),
            3: Item((3,), float(i >= 5)),
        }
        for i in range(20)
    ]
    found = analyse(sheets)
    assert found is not None
    first, second, third = found.questions
    assert (first.difficulty, second.difficulty, third.difficulty) == (0.5, 0.5, 0.75)
    assert first.upper_lower == 1.0
    assert first.discrimination > 0.3 > abs(second.discrimination)
    assert second.blank == 0.5
    assert [(c.value, c.all, c.best, c.worst) for c in first.choices] == [
        (1, 0.5, 1.0, 0.0), (4, 0.5, 0.0, 1.0),
    ]  # fmt: skip
    assert found.mean == pytest.approx((0.5 + 0.5 + 0.75) / 3)


def test_few_students_or_equal_ones_have_no_discrimination():
    same = [{1: Item((1,), 1.0), 2: Item((1,), 1.0)}] * 12
    found = analyse(same)
    assert found is not None
    assert (found.questions[0].discrimination, found.reliability) == (None, None)
    few = analyse([{1: Item((1,), 1.0)}, {1: Item((), 0.0)}])
    assert few is not None
    assert (few.questions[0].discrimination, few.questions[0].upper_lower) == (None, None)
    assert analyse([]) is None
