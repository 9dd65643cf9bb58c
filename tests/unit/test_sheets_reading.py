"""Gates of the reader on made-up sheets whose seeds no network was trained on."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from academy.sheets.layout import GroupKind, Layout, QuestionKind, Section, pages_of
from academy.sheets.maker.pdf import sheet_pdf
from academy.sheets.reading.align import Pixels
from academy.sheets.reading.answers import answers_of, identifier_of
from academy.sheets.reading.decode import picture_of
from academy.sheets.reading.engine import Reader
from academy.sheets.reading.page import locate
from academy.sheets.reading.results import GroupReading, SheetError, Status, status_of
from academy.sheets.synthetic.captures import Capture, capture
from academy.sheets.synthetic.judge import judge
from academy.sheets.synthetic.marks import Mark, Pen
from academy.sheets.synthetic.prints import print_and_fill
from academy.sheets.synthetic.sheets import sample
from academy.sheets.synthetic.streams import Stream, rng_of
from academy.sheets.synthetic.students import Filled, Hand, Placed

LAYOUT = Layout(title="모의고사", sections=(Section(count=45),))
MIXED = Layout(
    title="주간평가", orientation="portrait", columns=2, identifier_digits=6,
    sections=(Section(count=8, choices=4), Section(kind=QuestionKind.NUMERIC, count=3)),
)  # fmt: skip


def _sheets(hand: Hand, how: Capture, count: int, **options):
    for seed in range(count):
        yield sample(LAYOUT, Stream.GATE, seed, hand=hand, how=how, **options)


@pytest.mark.parametrize("layout", [LAYOUT, MIXED], ids=["landscape", "portrait"])
def test_a_blank_sheet_as_printed_reads_blank_everywhere(layout):
    document = pypdfium2.PdfDocument(sheet_pdf(layout))
    page = document[0].render(scale=150 / 72).to_pil()
    document.close()
    out = io.BytesIO()
    page.save(out, "PNG")
    picture = picture_of(out.getvalue())
    groups = Reader(None).read(picture, locate(picture, {layout.fingerprint: layout}))
    assert {reading.status for reading in groups.readings} == {Status.BLANK}


@pytest.mark.parametrize("how", list(Capture))
def test_properly_filled_sheets_are_read_without_an_error(how):
    report = judge(_sheets(Hand.CLEAN, how, 3), Reader(None))
    assert not report.unread
    assert report.accuracy >= 0.995
    assert report.silent == 0
    assert report.review_rate <= 0.01


@pytest.mark.parametrize("how", [Capture.NOISY_SCAN, Capture.HARD_PHOTO])
def test_no_wrong_reading_of_hard_marks_escapes_review(how):
    report = judge(_sheets(Hand.HARD, how, 3), Reader(None))
    assert not report.unread
    assert report.wrong > 0  # darkness alone cannot read these
    assert report.silent == 0


def test_one_hidden_marker_is_borne():
    report = judge(_sheets(Hand.CLEAN, Capture.PHOTO, 4, hide_marker=True), Reader(None))
    assert not report.unread
    assert report.accuracy >= 0.995


@pytest.mark.parametrize("turns", range(4))
def test_a_page_is_read_whichever_way_up_it_lies(turns):
    one = sample(MIXED, Stream.GATE, 7, hand=Hand.CLEAN, how=Capture.CLEAN_SCAN)
    picture = Pixels(np.ascontiguousarray(np.rot90(picture_of(one.jpeg).red, turns)))
    located = locate(picture, {MIXED.fingerprint: MIXED})
    readings = Reader(None).read(picture, located).readings
    assert {reading.key: reading.values for reading in readings} == one.filled.truth


def test_a_mirrored_picture_is_turned_back():
    one = sample(LAYOUT, Stream.GATE, 8, hand=Hand.CLEAN, how=Capture.CLEAN_SCAN)
    image = Image.open(io.BytesIO(one.jpeg)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    exif = Image.Exif()
    exif[0x0112] = 2
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92, exif=exif)
    located = locate(picture_of(out.getvalue()), {LAYOUT.fingerprint: LAYOUT})
    assert located.alignment.markers == 4


def test_the_sheet_of_another_examination_is_refused_by_its_code():
    one = sample(MIXED, Stream.GATE, 9, hand=Hand.CLEAN, how=Capture.CLEAN_SCAN)
    with pytest.raises(SheetError) as caught:
        locate(picture_of(one.jpeg), {LAYOUT.fingerprint: LAYOUT})
    assert caught.value.code == "sheet_of_other_layout"
    assert caught.value.params == {"fingerprint": MIXED.fingerprint}


def test_a_picture_without_a_sheet_is_refused():
    with pytest.raises(SheetError) as caught:
        locate(Pixels(np.full((1000, 1400), 200, np.uint8)), {LAYOUT.fingerprint: LAYOUT})
    assert caught.value.code == "sheet_markers_missing"


def _read(key: str, *values: int, confidence: float = 1.0) -> GroupReading:
    return GroupReading(key, values, status_of(len(values), confidence), confidence)


def _numeric(*places: tuple[int, ...], confidence: float = 1.0):
    layout = Layout(sections=(Section(kind=QuestionKind.NUMERIC, count=1),), identifier_digits=4)
    page = pages_of(layout)[0]
    given = iter(places)
    readings = [
        _read(g.key, *next(given), confidence=confidence) if g.number else _read(g.key, 1)
        for g in page.groups
    ]
    (answer,) = answers_of(page.groups, readings)
    return answer.values, answer.status


def test_leading_places_of_a_number_may_be_empty_but_no_others():
    assert _numeric((), (), (7,)) == ((7,), Status.OK)
    assert _numeric((0,), (4,), (2,)) == ((42,), Status.OK)
    assert _numeric((), (), ()) == ((), Status.BLANK)
    assert _numeric((1,), (), (2,)) == ((), Status.AMBIGUOUS)
    assert _numeric((1,), (2,), ()) == ((), Status.AMBIGUOUS)
    assert _numeric((1,), (2, 3), (4,)) == ((), Status.MULTI)
    assert _numeric((1,), (2,), (3,), confidence=0.5) == ((123,), Status.LOW_CONFIDENCE)


def test_an_uncertain_digit_of_the_identifier_is_never_shown_as_certain():
    page = pages_of(Layout(sections=(Section(count=1),), identifier_digits=4))[0]
    sure = [_read(g.key, 1) for g in page.groups]
    assert identifier_of(page.groups, sure).digits == "1111"
    for odd, status in [
        (_read("id.2", 5, confidence=0.6), Status.LOW_CONFIDENCE),
        (_read("id.2"), Status.AMBIGUOUS),
        (_read("id.2", 3, 4), Status.MULTI),
    ]:
        readings = [odd if reading.key == "id.2" else reading for reading in sure]
        identifier = identifier_of(page.groups, readings)
        assert (identifier.digits, identifier.status) == ("11?1", status)
        assert not identifier.complete


@pytest.mark.parametrize("how", [Capture.CLEAN_SCAN, Capture.PHOTO])
@pytest.mark.parametrize(
    ("layout", "digit", "answer"),
    [
        (Layout(sections=(Section(count=20),)), 4, 3),
        (Layout(identifier_digits=4, sections=(Section(count=10, choices=2),)), 7, 1),
    ],
    ids=["five choices", "two choices"],
)
def test_one_answer_throughout_is_not_taken_for_print(layout, digit, answer, how):
    page = pages_of(layout)[0]
    meant = {
        group.key: digit if group.kind is GroupKind.IDENTIFIER else answer for group in page.groups
    }
    placed = tuple(Placed(key, value, Mark.FULL) for key, value in meant.items())
    filled = Filled(Pen(0.95, 1.1, (25, 22, 22), 0.0), placed, {}, {})
    rng = rng_of(Stream.GATE, 901)
    picture = picture_of(capture(print_and_fill(layout, 1, filled, 200, rng), how, rng))
    groups = Reader(None).read(picture, locate(picture, {layout.fingerprint: layout}))
    assert {reading.key: reading.values for reading in groups.readings} == {
        key: (value,) for key, value in meant.items()
    }
    assert {reading.status for reading in groups.readings} == {Status.OK}


RED = Pen(0.85, 0.5, (60, 40, 215), 0.05)
BLACK = Pen(0.95, 1.1, (25, 22, 22), 0.0)


def _filled_with(*pens_and_marks: tuple[Pen, dict[str, int]], how: Capture = Capture.PHOTO):
    """A page on which each pen makes its full marks, as the readings of its groups by key."""
    rng = rng_of(Stream.GATE, 902)
    paper = None
    for pen, marks in pens_and_marks:
        placed = tuple(Placed(key, value, Mark.FULL) for key, value in marks.items())
        paper = print_and_fill(MIXED, 1, Filled(pen, placed, {}, {}), 200, rng, on=paper)
    picture = picture_of(capture(paper, how, rng))
    groups = Reader(None).read(picture, locate(picture, {MIXED.fingerprint: MIXED}))
    return {reading.key: reading for reading in groups.readings}


def _all_groups(value: int) -> dict[str, int]:
    return {group.key: value for group in pages_of(MIXED)[0].groups}


@pytest.mark.parametrize("how", [Capture.PHOTO, Capture.HARD_PHOTO])
def test_a_sheet_filled_with_a_red_pen_is_read(how):
    readings = _filled_with((RED, _all_groups(2)), how=how)
    assert {reading.values for reading in readings.values()} == {(2,)}


def test_a_red_mark_on_a_sheet_filled_in_black_is_never_a_certain_blank():
    black = {key: value for key, value in _all_groups(2).items() if key != "q3"}
    readings = _filled_with((BLACK, black), (RED, {"q3": 4}))
    assert readings["q3"].needs_review
    assert readings["q3"].values == (4,)
    assert not readings["q2"].needs_review


def test_a_teachers_red_mark_beside_the_students_black_one_is_shown_to_a_person():
    readings = _filled_with((BLACK, _all_groups(2)), (RED, {"q3": 4}))
    assert readings["q3"].needs_review
    assert not readings["q2"].needs_review
