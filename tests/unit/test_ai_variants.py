"""The language of problem templates, how numbers are written, and the second way to an answer."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from academy.ai.variants import wording
from academy.ai.variants.draw import Session, draw
from academy.ai.variants.evaluate import UnfitError, holds, value
from academy.ai.variants.formula import FormulaError, names_of, parse
from academy.ai.variants.library import shipped
from academy.ai.variants.particles import with_particles
from academy.ai.variants.proof import proved, same
from academy.ai.variants.template import Counting, Identity, Solving, Stepping, Template
from academy.documents import paper

X = sympy.Symbol("x", real=True)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "a.b", "a[0]", "lambda: 1", "(1, 2)", "'a'", "f(1)", "abs(1, 2)",
        "abs(x=1)", "abs(*a)", "[a for a in b]", "a if b else c", "a := 1", "1 < 2", "True", "1j",
        "A", "a_very_long_name_of_it", "abs", "1e9", "1234567890", "가", "a b", "", "(" * 150,
        "+".join("a" * 90), "~a", "a @ b", "a | b", "\0", "a\n+ b;",
    ],
)  # fmt: skip
def test_what_is_not_arithmetic_is_no_formula(text: str) -> None:
    with pytest.raises(FormulaError):
        parse(text)


@given(st.text(max_size=60))
@settings(max_examples=150)
def test_any_text_is_a_formula_or_is_refused_as_one(text: str) -> None:
    with suppress(FormulaError):
        assert names_of(parse(text)) <= set(re.findall(r"[a-z][a-z0-9_]*", text))


@pytest.mark.parametrize(
    "formula",
    ["9**9", "10**12*10**12", "1/(a - 2)", "sqrt(-1)", "a % 0", "(a/3) % 2", "factorial(21)",
     "((x + 1)**12)**12", "binomial(3, 5)", "a**x"],
)  # fmt: skip
def test_a_formula_without_a_usable_value_leaves_the_draw(formula: str) -> None:
    names = {"a": sympy.Integer(2), "x": X}
    if formula == "9**9":
        assert value(formula, names) == 387420489
        return
    with pytest.raises(UnfitError):
        value(formula, names)


def test_numbers_are_exact() -> None:
    names = {"a": sympy.Integer(3)}
    assert value("0.1 + 0.2", names) == sympy.Rational(3, 10)
    assert holds("0.1 + 0.2 == 0.3 and 2 < a <= 3 and not a != 3", names)
    assert value("lcm(4, 6) + gcd(4, 6) + floor(7/2)", names) == 17


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("2*x**2 - 3*x + 1", "2x² - 3x + 1"), ("-x", "-x"), ("5 - 2*x", "-2x + 5"),
        ("0*x", "0"), ("x/2 + 3/4", "x/2 + 3/4"), ("3*x/4", "3x/4"), ("sqrt(8)", "2√2"),
        ("(1 + sqrt(5))/2", "(1 + √5)/2"), ("-sqrt(3)/2", "-√3/2"), ("1 - sqrt(2)", "1 - √2"),
        ("(x + 4)*(x - 7)", "(x + 4)(x - 7)"), ("(x + 1)**2", "(x + 1)²"), ("1/x", "1/x"),
        ("x**10 + 1", "x¹⁰ + 1"), ("-7/3", "-7/3"), ("x*(x + 1)", "x(x + 1)"),
    ],
)  # fmt: skip
def test_expressions_are_written_as_people_write_them(formula: str, text: str) -> None:
    assert wording.written(value(formula, {"x": X})) == text


@given(st.integers(-(10**6), 10**6), st.sampled_from([1, 2, 4, 5, 8, 10, 25, 1000]))
def test_a_decimal_is_the_number(number: int, denominator: int) -> None:
    exact = sympy.Rational(number, denominator)
    assert sympy.Rational(wording.decimal(exact)) == exact


def test_a_number_whose_decimals_never_end_has_none() -> None:
    with pytest.raises(UnfitError):
        wording.decimal(sympy.Rational(1, 3))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("3을(를)", "3을"), ("2을(를)", "2를"), ("3/4은(는)", "3/4은"), ("4/3은(는)", "4/3는"),
        ("(x + 1)이(가)", "(x + 1)이"), ("n과(와) x과(와)", "n과 x와"), ("값은(는)", "값은"),
        ("나무이(가)", "나무가"), ("이 값", "이 값"),
    ],
)  # fmt: skip
def test_particles_fit_what_is_read(text: str, right: str) -> None:
    assert with_particles(text) == right


def n(**numbers: int) -> dict[str, Any]:
    return {name: sympy.Integer(number) for name, number in numbers.items()}


def test_a_proof_works_the_problem_out_and_takes_no_other_answer() -> None:
    square = Solving(by="solving", equations=["x**2 == a"], unknowns=["x"])
    assert proved(square, [sympy.Integer(3), sympy.Integer(-3)], n(a=9))
    assert not proved(square, [sympy.Integer(3)], n(a=9))
    positive = square.model_copy(update={"where": ["x > 0"]})
    assert proved(positive, [sympy.Integer(3)], n(a=9))
    assert not proved(square, [sympy.Integer(3)], n(a=-9))
    endless = Solving(by="solving", equations=["x + y == a"], unknowns=["x", "y"])
    assert not proved(endless, [sympy.Integer(1)], n(a=2))
    same_everywhere = Identity(by="identity", expression="(x + a)**2", unknowns=["x"])
    assert proved(same_everywhere, [X**2 + 6 * X + 9], n(a=3))
    assert not proved(same_everywhere, [X**2 + 9], n(a=3))
    dice = Counting(
        by="counting", over={"i": ("1", "6"), "j": ("1", "6")}, event="i + j == a",
        result="probability",
    )  # fmt: skip
    assert proved(dice, [sympy.Rational(1, 6)], n(a=7))
    assert not proved(dice, [sympy.Rational(1, 7)], n(a=7))
    steps = Stepping(by="stepping", start="a", step="t + 2*k", times="3")
    assert proved(steps, [sympy.Integer(13)], n(a=1))
    assert not proved(steps, [sympy.Integer(12)], n(a=1))


def test_choices_are_told_apart_by_value() -> None:
    assert same(sympy.sqrt(8), 2 * sympy.sqrt(2))
    assert same((X + 1) ** 2, X**2 + 2 * X + 1)
    assert not same(X + 1, X + 2)


@pytest.mark.parametrize("name", shipped())
def test_each_shipped_template_is_proved_wherever_it_is_drawn(name: str) -> None:
    drawn = draw(name, shipped()[name], 6, Session(2026, 5))
    assert len(drawn.items) == 6
    assert not drawn.lost["unproved"]
    for item in drawn.items:
        assert item.place is not None
        assert item.choices[item.place] == item.text
        assert len(set(item.choices)) == 5
        assert not set("{}") & set(item.body)
        assert all(map(paper.drawable, item.body))


def test_the_answer_stands_at_each_place_equally_often() -> None:
    drawn = draw("t", shipped()["arithmetic-sum"], 40, Session(1, 5))
    assert set(Counter(item.place for item in drawn.items).values()) == {8}
    first = [item.place for item in drawn.items[:5]]
    other = draw("t", shipped()["arithmetic-sum"], 5, Session(2, 5))
    assert [item.place for item in other.items] != first


def minimal(**changes: Any) -> dict[str, Any]:
    return {
        "title": "t", "parameters": {"a": {"low": 1, "high": 5}}, "body": "{a}?",
        "answer": {"kind": "integer", "formulas": ["a"]},
        "proof": {"by": "stepping", "start": "0", "step": "t + 1", "times": "a"},
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"body": "{b}?"}, {"body": "{a"}, {"body": "{a!r}"}, {"body": "{a.b}"}, {"body": "a\x00"},
        {"answer": {"kind": "integer", "formulas": ["b"]}}, {"constraints": ["b > 1"]},
        {"constraints": ["a + 1"]}, {"derived": {"a": "1"}}, {"derived": {"sqrt": "1"}},
        {"parameters": {"a": {"low": 5, "high": 1}}}, {"parameters": {}}, {"unknowns": ["a"]},
        {"parameters": {"a": {"low": 1, "high": 10**9}}}, {"distractors": [["a", "a"]]},
        {"proof": {"by": "trust"}}, {"shown": {"b": "c"}}, {"more": 1},
        {"proof": {"by": "solving", "equations": ["x > a"], "unknowns": ["x"]}},
        {"proof": {"by": "counting", "over": {"i": ["1", "i"]}, "event": "i > 1",
                   "result": "count"}},
    ],
)  # fmt: skip
def test_a_template_that_makes_no_sense_is_refused_before_anything_runs(
    changes: dict[str, Any],
) -> None:
    Template.model_validate(minimal())
    with pytest.raises(ValidationError):
        Template.model_validate(minimal(**changes))
