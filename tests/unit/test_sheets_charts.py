"""Small pictures of figures: what was given, however often, stands where it belongs."""

from __future__ import annotations

from academy.sheets.grading import KeyItem, Rule
from academy.sheets.pages.charts import HEIGHT, figures_of
from academy.sheets.statistics import Choice, QuestionStatistics


def statistics(*choices: Choice, discrimination: float | None = 0.4) -> QuestionStatistics:
    return QuestionStatistics(7, 0.625, discrimination, None, 0.1, choices)


def test_every_choice_of_the_sheet_has_its_bar_also_one_that_nobody_gave() -> None:
    given = statistics(Choice(2, 0.75, 1, 0.5), Choice(4, 0.25, 0, 0.5))
    found = figures_of(KeyItem(answers=(2,), points=1), given, 5)
    assert (found.key, found.percent, found.blank, found.tone) == ("2", 62, 10, "good")
    assert [(bar.label, bar.percent, bar.is_right) for bar in found.bars] == [
        ("1", 0, False), ("2", 75, True), ("3", 0, False), ("4", 25, False), ("5", 0, False),
    ]  # fmt: skip
    tallest = found.bars[1]
    assert tallest.y + tallest.height == HEIGHT
    assert [bar.x for bar in found.bars] == sorted({bar.x for bar in found.bars})
    assert found.bars[-1].x < found.width


def test_of_numbers_the_most_frequent_stand_in_their_order_with_room_for_their_digits() -> None:
    given = [Choice(value, share, share, share) for value, share in
             ((305, 0.4), (12, 0.2), (7, 0.1), (999, 0.1), (1, 0.1), (2, 0.05))]  # fmt: skip
    found = figures_of(KeyItem(answers=(305,), points=1), statistics(*given), 0)
    assert [bar.label for bar in found.bars] == ["1", "7", "12", "305", "999"]
    steps = {b.x - a.x for a, b in zip(found.bars, found.bars[1:], strict=False)}
    assert steps == {27}


def test_a_withdrawn_question_has_no_key_and_nobody_an_empty_picture() -> None:
    found = figures_of(KeyItem(points=1, rule=Rule.FREE), statistics(discrimination=None), 0)
    assert (found.key, found.tone, found.bars) == ("", "idle", ())
    assert found.width > 0


def test_a_question_that_tells_nobody_apart_is_marked() -> None:
    item = KeyItem(answers=(1,), points=1)
    tones = [figures_of(item, statistics(discrimination=d), 0).tone for d in (-0.2, 0.1, 0.2)]
    assert tones == ["bad", "warn", "good"]
