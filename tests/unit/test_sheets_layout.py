"""The one layout: what fits, where it lies, and what a page says of itself."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from academy.sheets.layout import GroupKind, Layout, QuestionKind, Section, pages_of
from academy.sheets.layout.code import BITS, PageCode, decode, encode
from academy.sheets.layout.geometry import BUBBLE_HEIGHT, BUBBLE_WIDTH, Box
from academy.sheets.layout.markers import BITS as MARKERS
from academy.sheets.maker.pdf import sheet_pdf
from academy.sheets.maker.svg import page_svg

sections = st.builds(
    Section,
    kind=st.sampled_from(QuestionKind),
    count=st.integers(1, 24),
    choices=st.integers(2, 5),
    digits=st.integers(1, 3),
)
layouts = st.builds(
    Layout,
    title=st.text("가나다 abc1", max_size=20),
    orientation=st.sampled_from(["landscape", "portrait"]),
    columns=st.integers(2, 3),
    rows=st.integers(10, 20),
    identifier_digits=st.integers(4, 10),
    logo=st.booleans(),
    sections=st.lists(sections, min_size=1, max_size=3).map(tuple),
)


def _oval(bubble) -> Box:
    return Box(
        bubble.x - BUBBLE_WIDTH / 2, bubble.y - BUBBLE_HEIGHT / 2, BUBBLE_WIDTH, BUBBLE_HEIGHT
    )


def _apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x or other.x + other.width <= one.x
        or one.y + one.height <= other.y or other.y + other.height <= one.y
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(layouts)
def test_every_question_is_on_exactly_one_page_and_nothing_overlaps(layout: Layout):
    pages = pages_of(layout)
    numbers = [
        number
        for page in pages
        for number, _ in itertools.groupby(
            (g for g in page.groups if g.kind is not GroupKind.IDENTIFIER), key=lambda g: g.number
        )
    ]
    assert numbers == [question.number for question in layout.questions]
    for page in pages:
        ovals = [_oval(bubble) for group in page.groups for bubble in group.bubbles]
        steering = [*page.markers, *page.anchors, *page.code_cells[0], *page.code_cells[1]]
        ovals.sort(key=lambda box: (round(box.y, 3), box.x))
        for one, other in itertools.pairwise(ovals):
            assert _apart(one, other)
        for oval in ovals:
            assert oval.x >= 8
            assert oval.x + oval.width <= page.width - 8
            assert oval.y >= 8
            assert oval.y + oval.height <= page.height - 8
            assert all(_apart(oval, mark) for mark in steering)
        for one, other in itertools.combinations([column.box for column in page.columns], 2):
            assert _apart(one, other)


@settings(max_examples=40, deadline=None)
@given(layouts)
def test_a_layout_that_went_through_json_has_the_same_fingerprint(layout: Layout):
    again = Layout.model_validate_json(layout.model_dump_json())
    assert again == layout
    assert again.fingerprint == layout.fingerprint


def test_the_fingerprint_of_a_known_layout_never_changes():
    # Printed sheets carry it: a change here makes every stack of paper in a cupboard worthless.
    layout = Layout(title="모의고사", sections=(Section(count=45),))
    assert layout.fingerprint == "7a38b8d0"
    assert layout.model_copy(update={"columns": 2}).fingerprint != layout.fingerprint


@pytest.mark.parametrize(
    "wrong",
    [
        {"sections": ()},
        {"sections": ({"count": 181},)},
        {"sections": ({"count": 10, "choices": 6},)},
        {"sections": ({"count": 10, "kind": "numeric", "digits": 4},)},
        {"sections": ({"count": 10},), "identifier_digits": 3},
        {"sections": ({"count": 10},), "identifier_digits": 11},
        {"sections": ({"count": 10},), "columns": 4},
        {"sections": ({"count": 180},), "columns": 1, "rows": 5},
        {"sections": ({"count": 10},), "colour": "pink"},
    ],
)
def test_what_no_sheet_can_hold_is_refused(wrong):
    with pytest.raises(ValidationError):
        Layout.model_validate(wrong)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 16), st.data())
def test_a_page_code_survives_and_up_to_three_wrong_cells_are_noticed(value, pages, data):
    page = data.draw(st.integers(1, pages))
    code = PageCode(f"{value:08x}", page, pages)
    bits = list(encode(code))
    assert decode(bits) == code
    for cell in data.draw(st.sets(st.integers(0, BITS - 1), min_size=1, max_size=3)):
        bits[cell] ^= 1
    assert decode(bits) is None


def test_blank_and_black_cells_are_no_code():
    assert decode([0] * BITS) is None
    assert decode([1] * BITS) is None


def test_the_markers_are_those_that_opencv_looks_for():
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    for number, rows in enumerate(MARKERS):
        cells = cv2.aruco.generateImageMarker(dictionary, number, 6)[1:5, 1:5]
        assert tuple("".join("1" if cell else "0" for cell in row) for row in cells) == rows


def test_the_preview_shows_every_bubble_and_hides_no_markup_of_a_title():
    layout = Layout(title="<script>&", sections=(Section(count=20),))
    root = ET.fromstring(page_svg(layout, 1))
    ovals = root.findall("{http://www.w3.org/2000/svg}ellipse")
    bubbles = sum(len(group.bubbles) for group in pages_of(layout)[0].groups)
    assert len(ovals) == bubbles + 5  # and those of the sample that shows how to mark
    assert "<script>&" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    with pytest.raises(IndexError):
        page_svg(layout, 2)


def test_the_same_layout_gives_the_same_pdf():
    layout = Layout(title="단원평가", sections=(Section(count=61),))
    first = sheet_pdf(layout)
    assert first == sheet_pdf(layout)
    assert first.startswith(b"%PDF-")
