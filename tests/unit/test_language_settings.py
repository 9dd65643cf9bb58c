"""Language models are off, or configured in full; half of it is refused at boot."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from academy.settings.language import LanguageEnvironment, read_language
from academy.settings.reader import Reader
from tests.support.language_double import KEY, LanguageDouble


def loaded(https_only: bool = False, **environ: str) -> tuple[LanguageEnvironment, list[str]]:
    read = Reader(environ)
    return read_language(read, https_only=https_only), read.problems


def whole(**changes: str) -> dict[str, str]:
    double = LanguageDouble()
    double.url = "https://models.example"
    return double.environ(**changes)


def test_nothing_is_configured_by_default():
    found, problems = loaded()
    assert (found.chat, found.speech, problems) == (None, None, [])


def test_a_whole_configuration_is_taken_and_shows_no_key():
    found, problems = loaded(https_only=True, **whole())
    assert not problems
    assert found.chat is not None
    assert found.chat.service.base_url == "https://models.example/v1"
    assert (found.chat.input_price, found.tenant_budget) == (Decimal(1), Decimal(1000))
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"LLM_MODEL": ""}, "LLM_MODEL"),
        ({"LLM_OUTPUT_PRICE": ""}, "LLM_OUTPUT_PRICE"),
        ({"LLM_INPUT_PRICE": "-1"}, "LLM_INPUT_PRICE"),
        ({"LLM_INPUT_PRICE": "0.0000001"}, "LLM_INPUT_PRICE"),
        ({"SPEECH_MINUTE_PRICE": "NaN"}, "SPEECH_MINUTE_PRICE"),
        ({"LLM_BASE_URL": ""}, "LLM_MODEL"),
        ({"LLM_BASE_URL": "https://user:secret@models.example/v1"}, "LLM_BASE_URL"),
        ({"LLM_BASE_URL": "http://models.example/v1"}, "LLM_BASE_URL"),
        ({"SPEECH_BASE_URL": "file:///etc/passwd"}, "SPEECH_BASE_URL"),
        ({"LLM_API_KEY": "two\nlines"}, "LLM_API_KEY"),
        ({"LANGUAGE_CURRENCY": "EUR"}, "LANGUAGE_CURRENCY"),
        ({"LANGUAGE_TENANT_BUDGET": ""}, "LANGUAGE_TENANT_BUDGET"),
        ({"LANGUAGE_PLATFORM_BUDGET": "0"}, "LANGUAGE_PLATFORM_BUDGET"),
    ],
)
def test_half_of_a_configuration_is_refused_by_the_name_of_what_is_wrong(
    changes: dict[str, str], named: str
):
    _, problems = loaded(https_only=True, **whole(**changes))
    assert any(problem.startswith(f"{named} ") for problem in problems), problems
    assert not any(str(value) in " ".join(problems) for value in changes.values() if len(value) > 3)


def test_a_model_of_ones_own_may_cost_nothing_and_need_no_key():
    environ: dict[str, Any] = whole(LLM_INPUT_PRICE="0", LLM_OUTPUT_PRICE="0", LLM_API_KEY="")
    _, problems = loaded(**environ)
    assert not problems
