"""No phone number, key or password survives a log line; ids and measures do."""

from __future__ import annotations

import io
import json
import logging
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.core import logs
from academy.core.logs import ConsoleFormatter, ContextFilter, JsonFormatter, MaskFilter
from academy.core.masking import mask, mask_value

# The last eight digits of every canary; nobody's number.
MIDDLE, LAST = "0000", "0017"

CANARIES = [
    f"010-{MIDDLE}-{LAST}",
    f"010{MIDDLE}{LAST}",
    f"010 {MIDDLE} {LAST}",
    f"010.{MIDDLE}.{LAST}",
    f"010/{MIDDLE}/{LAST}",
    f"010_{MIDDLE}_{LAST}",
    f"010 - {MIDDLE} - {LAST}",
    f"010\N{EN DASH}{MIDDLE}\N{EN DASH}{LAST}",
    f"010\N{MINUS SIGN}{MIDDLE}\N{MINUS SIGN}{LAST}",
    f"010\N{NO-BREAK SPACE}{MIDDLE}\N{NO-BREAK SPACE}{LAST}",
    f"010\N{IDEOGRAPHIC SPACE}{MIDDLE}\N{IDEOGRAPHIC SPACE}{LAST}",
    f"010\N{ZERO WIDTH SPACE}{MIDDLE}\N{ZERO WIDTH SPACE}{LAST}",
    f"(010){MIDDLE}-{LAST}",
    f"(010) {MIDDLE}-{LAST}",
    f"+82-10-{MIDDLE}-{LAST}",
    f"+82 10 {MIDDLE} {LAST}",
    f"+8210{MIDDLE}{LAST}",
    f"82-10-{MIDDLE}-{LAST}",
    f"8210{MIDDLE}{LAST}",
    f"+82 (0)10 {MIDDLE} {LAST}",
    f"+82) 10-{MIDDLE}-{LAST}",
    f"0082 10 {MIDDLE} {LAST}",
    f"00182-10-{MIDDLE}-{LAST}",
    f"%2B8210{MIDDLE}{LAST}",
    f"010%20{MIDDLE}%20{LAST}",
    f"011-{MIDDLE[:3]}-{LAST}",
    f"016{MIDDLE[:3]}{LAST}",
    f"010-{MIDDLE}-{LAST}".translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)}),
    f"010{MIDDLE}{LAST}".translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)}),
]

SURROUNDINGS = ["{}", "전화 {}로 보냄", "to={}&text=x", "phone:'{}'", '{{"to": "{}"}}', "[{}]\n"]


def digits(text: str) -> str:
    ascii_text = text.translate({0xFF10 + n: str(n) for n in range(10)})
    return "".join(character for character in ascii_text if character.isdigit())


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
@pytest.mark.parametrize("number", CANARIES)
def test_a_korean_mobile_number_is_masked_however_it_is_written(
    number: str, surroundings: str
) -> None:
    shown = mask(surroundings.format(number))
    assert LAST not in digits(shown)
    assert "010-****-****" in shown


@given(st.uuids())
def test_an_id_is_never_taken_for_a_number(value: uuid.UUID) -> None:
    assert mask(str(value)) == str(value)


@pytest.mark.parametrize(
    "text",
    [
        "82167148-3409-447c-95d5-ebfdf7004265",
        "01a208c0-fe51-71e7-9714-821727594452",
        "2026-03-02T09:10:11.012345+00:00",
        "took 1732371011.1234 5678 s",
        "0.10123456789",
        "sha256:a01012345678b",
        "1080p30 at 010 fps",
        "t/01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11/uploads/1/source",
    ],
)
def test_what_only_resembles_a_number_stays(text: str) -> None:
    assert mask(text) == text


SECRET = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6"


@pytest.mark.parametrize(
    "text",
    [
        f"key ak_ab12cd34_{SECRET}",
        f"Authorization: Bearer ak_ab12cd34_{SECRET}",
        f"refresh rt_{SECRET}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{SECRET}",
        f"https://s3.example/b/k?X-Amz-Signature={SECRET}&x=1",
        f"https://s3.example/b/k?X-Amz-Credential={SECRET}%2F20260302",
        f"postgresql://academy:{SECRET}@db:5432/academy",
        f"postgresql://academy:p@#/{SECRET}@db:5432/academy",
        f'{{"password": "{SECRET}"}}',
        f"secret={SECRET}",
    ],
)
def test_keys_tokens_signatures_and_passwords_are_masked(text: str) -> None:
    assert SECRET not in mask(text)


def test_a_keys_prefix_stays_so_that_it_can_be_found() -> None:
    assert mask(f"ak_ab12cd34_{SECRET}") == "ak_ab12cd34_***"


def test_values_are_masked_at_any_depth() -> None:
    masked = mask_value({CANARIES[0]: [{"to": (CANARIES[1], 3)}], "n": 7})
    assert LAST not in json.dumps(masked)
    assert masked["n"] == 7


@pytest.fixture(params=[JsonFormatter, ConsoleFormatter])
def logged(request: pytest.FixtureRequest) -> Any:
    """A logger through the platform's own handler, and what it wrote."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(ContextFilter())
    handler.addFilter(MaskFilter())
    handler.setFormatter(request.param())
    logger = logging.getLogger("test.masking")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def test_message_arguments_extra_fields_and_tracebacks_are_all_masked(logged: Any) -> None:
    logger, stream = logged
    logger.info("sent to %s", CANARIES[0])
    logger.info("extra", extra={"recipient": CANARIES[4], "nested": {"to": [CANARIES[15]]}})
    logger.info("wrong %d", CANARIES[1])
    with logs.bound(note=CANARIES[2]):
        logger.warning("bound")
    try:
        int(f"provider refused {CANARIES[3]}, key ak_ab12cd34_{SECRET}")
    except ValueError:
        logger.exception("failed", stack_info=True)
    written = stream.getvalue()
    assert LAST not in digits(written.replace(SECRET, ""))
    assert SECRET not in written
    assert "provider refused 010-****-****" in written


def test_bound_fields_are_on_every_line_of_their_block_only(logged: Any) -> None:
    logger, stream = logged
    with logs.bound(request_id="r-1"), logs.bound(job="j-1"):
        logs.bind(attempt=2)
        logger.info("inside")
    logger.info("outside")
    inside, outside = stream.getvalue().splitlines()
    assert all(word in inside for word in ("r-1", "j-1", "2"))
    assert "r-1" not in outside


def test_a_json_line_is_one_object_with_its_fields() -> None:
    record = logging.makeLogRecord({"msg": "한글 %s", "args": ("x",), "name": "a", "tenant": "t"})
    line = json.loads(JsonFormatter().format(record))
    assert line["event"] == "한글 x"
    assert line["tenant"] == "t"
    assert line["at"].endswith("+00:00")
