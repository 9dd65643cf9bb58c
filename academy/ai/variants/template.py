"""A problem template: numbers to draw, what is asked, the answer, and how it is proved."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from academy.ai.variants.formula import FUNCTIONS, NAME, names_of, parse

PLACE: Final = re.compile(r"\{([^{}:]*)(:decimal)?\}")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
BOUND: Final = 10_000


def _formula(text: str) -> str:
    parse(text)
    return text


def _condition(text: str) -> str:
    parse(text, "condition")
    return text


def _name(name: str) -> str:
    if not NAME.match(name) or name in FUNCTIONS:
        raise ValueError("a name is up to 16 small letters and digits, and no function")
    return name


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


Formula: TypeAlias = Annotated[str, AfterValidator(_formula)]
Condition: TypeAlias = Annotated[str, AfterValidator(_condition)]
Name: TypeAlias = Annotated[str, AfterValidator(_name)]
Text: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=600), AfterValidator(_printable)
]
Few: TypeAlias = Annotated[list[Condition], Field(max_length=12)]


class _Part(BaseModel):
    """Base: unknown fields are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Part):
    """Numbers to draw from: whole ones from `low` to `high`, divided by `denominator`."""

    low: int = Field(ge=-BOUND, le=BOUND, strict=True)
    high: int = Field(ge=-BOUND, le=BOUND, strict=True)
    denominator: int = Field(default=1, ge=1, le=1000, strict=True)
    without: list[int] = Field(default_factory=list, max_length=20, description="Never drawn.")

    @model_validator(mode="after")
    def _has_numbers(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Answer(_Part):
    """The answer in closed form. `roots` has one formula for each root."""

    kind: Literal["integer", "fraction", "decimal", "expression", "roots"]
    formulas: list[Formula] = Field(min_length=1, max_length=6)
    unknown: Name = Field(default="x", description="Named before each root.")

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if self.kind != "roots" and len(self.formulas) != 1:
            raise ValueError("only roots have more than one formula")
        return self


class Solving(_Part):
    """Proof: SymPy solves the equations that were asked; the solutions are the answer."""

    by: Literal["solving"]
    equations: list[Condition] = Field(min_length=1, max_length=4)
    unknowns: list[Name] = Field(min_length=1, max_length=4)
    asked: Formula | None = Field(default=None, description="Null: the first unknown.")
    where: Few = Field(default_factory=list, description="What a solution must fulfil.")


class Identity(_Part):
    """Proof: the answer and the expression that was asked are equal everywhere."""

    by: Literal["identity"]
    expression: Formula
    unknowns: list[Name] = Field(default_factory=list, max_length=4)


class Counting(_Part):
    """Proof: every case is looked at. The answer is how many there are, or their share."""

    by: Literal["counting"]
    over: dict[Name, tuple[Formula, Formula]] = Field(min_length=1, max_length=4)
    event: Condition
    among: Condition | None = Field(default=None, description="Which cases there are; null: all.")
    result: Literal["count", "probability"]


class Stepping(_Part):
    """Proof: from `start`, `step` is taken `times` times; `t` is the value, `k` counts from 1."""

    by: Literal["stepping"]
    start: Formula
    step: Formula
    times: Formula


Proof: TypeAlias = Annotated[Solving | Identity | Counting | Stepping, Field(discriminator="by")]


class Template(_Part):
    """One problem that can be drawn with many numbers. The text is what a student reads."""

    title: Annotated[Text, StringConstraints(max_length=80)]
    grade: Annotated[str, StringConstraints(max_length=20), AfterValidator(_printable)] = ""
    parameters: dict[Name, Span] = Field(min_length=1, max_length=8)
    derived: dict[Name, Formula] = Field(
        default_factory=dict, max_length=12, description="Further numbers, one after the other."
    )
    constraints: Few = Field(default_factory=list, description="A draw that breaks one is left.")
    unknowns: list[Name] = Field(default_factory=list, max_length=4)
    shown: dict[Name, Formula] = Field(
        default_factory=dict, max_length=8, description="Expressions that the text shows."
    )
    body: Text = Field(
        description="With {names} of parameters, derived numbers and shown expressions; "
        "{name:decimal} is written as a decimal."
    )
    answer: Answer
    distractors: list[list[Formula]] = Field(
        default_factory=list, max_length=12, description="Wrong answers, as mistakes lead to them."
    )
    proof: Proof

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        known = set(self.parameters)
        for name, formula in self.derived.items():
            _need(known, [formula])
            _fresh(known, [name])
        _need(known, self.constraints, "condition")
        numbers = set(known)
        _fresh(known, self.unknowns)
        for name, formula in self.shown.items():
            _need(known, [formula])
            _fresh(numbers, [name])
        if not {name for name, _ in PLACE.findall(self.body)} <= numbers:
            raise ValueError("the body has a {name} that no number or shown expression has")
        if re.search(r"[{}]", PLACE.sub("", self.body)):
            raise ValueError("the body has a brace of its own")
        _need(known, self.answer.formulas)
        for wrong in self.distractors:
            if not wrong or (self.answer.kind != "roots" and len(wrong) != 1):
                raise ValueError("a distractor has as many formulas as an answer of its kind")
            _need(known, wrong)
        _check_proof(self.proof, known - set(self.unknowns))
        return self


def _check_proof(proof: Solving | Identity | Counting | Stepping, numbers: set[str]) -> None:
    """Every name that the proof uses is known to it."""
    match proof:
        case Solving():
            known = numbers | set(proof.unknowns)
            _need(known, [*proof.equations, *proof.where], "condition")
            _need(known, [proof.asked] if proof.asked else [])
            if any("==" not in equation for equation in proof.equations):
                raise ValueError("an equation is written with ==")
        case Identity():
            _need(numbers | set(proof.unknowns), [proof.expression])
        case Counting():
            _need(numbers, [bound for bounds in proof.over.values() for bound in bounds])
            events = [proof.event, proof.among] if proof.among else [proof.event]
            _need(numbers | set(proof.over), events, "condition")
        case Stepping():
            _need(numbers, [proof.start, proof.times])
            _need(numbers | {"t", "k"}, [proof.step])


def _need(
    known: set[str], formulas: Iterable[str], sort: Literal["value", "condition"] = "value"
) -> None:
    for formula in formulas:
        if unknown := sorted(names_of(parse(formula, sort)) - known):
            raise ValueError(f"{formula!r} has unknown names: {', '.join(unknown)}")


def _fresh(known: set[str], names: Iterable[str]) -> None:
    for name in names:
        if name in known:
            raise ValueError(f"the name {name!r} is used twice")
        known.add(name)
