"""Input is taken exactly, or refused with a code."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from academy.core.errors import AppError
from academy.core.http.address import client_address
from academy.core.http.pagination import CursorPagination, decode_cursor, encode_cursor
from academy.core.http.parsers import MAX_DEPTH, StrictJSONParser
from academy.core.http.problems import as_app_error
from academy.core.http.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
    parse_query,
)
from academy.core.ids import new_id


class Inner(StrictSerializer):
    size = StrictIntegerField()


class Body(StrictSerializer):
    name = StrictCharField(required=False)
    inner = Inner(required=False)
    items = Inner(many=True, required=False)
    flag = StrictBooleanField(required=False)


def parse(text: bytes) -> Any:
    return StrictJSONParser().parse(io.BytesIO(text), "application/json", {})


@pytest.mark.parametrize(
    "text",
    [
        b'"\\u0000"',
        b'{"a\\u0000": 1}',
        b'["\\ud800"]',
        b'{"\\udfff": 1}',
        b"NaN",
        b"[Infinity]",
        b"\xff",
        b"{",
        b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2),
        b"[" * 100_000,
        b"1" * 5_000,
    ],
)
def test_json_that_cannot_be_stored_is_refused(text: bytes) -> None:
    with pytest.raises((AppError, ParseError)) as caught:
        parse(text)
    assert as_app_error(caught.value).code == "malformed_request"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
        max_leaves=20,
    )
)
def test_any_other_json_passes_unchanged(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value


def errors_of(data: Any) -> AppError:
    with pytest.raises(ValidationError) as caught:
        Body(data=data).is_valid(raise_exception=True)
    return as_app_error(caught.value)


def test_an_unknown_field_is_named_wherever_it_stands() -> None:
    assert errors_of({"nam": 1}).params == {"names": "nam"}
    assert errors_of({"inner": {"size": 1, "sise": 2}}).params == {"names": "inner.sise"}
    assert errors_of({"items": [{"size": 1}, {"size": 2, "x": 3}]}).params == {"names": "items.1.x"}
    assert errors_of({"y": 1}).code == "unknown_field"


def test_long_and_many_unknown_names_are_cut() -> None:
    error = errors_of({f"{index:02}" + "x" * 500: 1 for index in range(99)})
    assert len(error.params["names"]) < 1_000


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": 3}, "name"),
        ({"name": True}, "name"),
        ({"inner": {"size": "3"}}, "inner.size"),
        ({"inner": {"size": True}}, "inner.size"),
        ({"inner": {"size": 1.5}}, "inner.size"),
        ({"flag": "yes"}, "flag"),
        ({"flag": 1}, "flag"),
        ([], "body"),
    ],
)
def test_a_wrong_json_type_is_refused_and_named(data: Any, field: str) -> None:
    error = errors_of(data)
    assert error.code == "validation_failed"
    assert list(error.params["fields"]) == [field]


def query(text: str) -> Request:
    return Request(APIRequestFactory().get(f"/?{text}"))


def test_query_parameters_are_strict_too() -> None:
    class Query(StrictSerializer):
        state = StrictCharField(required=False)

    assert parse_query(query("state=a&limit=3&cursor=x"), Query) == {"state": "a"}
    for wrong in ("state=a&state=b", "sort=asc"):
        with pytest.raises(ValidationError):
            parse_query(query(wrong), Query)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_comes_back_as_it_went(moment: datetime, row: Any) -> None:
    cursor = encode_cursor(moment, row)
    assert decode_cursor(cursor) == (moment, row)
    assert cursor.replace("-", "").replace("_", "").replace(".", "").isalnum()


def test_a_cursor_that_was_touched_is_refused() -> None:
    cursor = encode_cursor(datetime(2026, 1, 1, tzinfo=UTC), new_id())
    for broken in ("", "x", "a.b", cursor[:-1], f"x{cursor}", cursor + "0"):
        with pytest.raises(AppError) as caught:
            decode_cursor(broken)
        assert caught.value.code == "invalid_cursor"


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1e2", "9" * 30, "٣"])
def test_a_limit_outside_the_range_is_refused(limit: str) -> None:
    with pytest.raises(ValidationError):
        CursorPagination()._limit(query(f"limit={limit}"))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_vouch_for_an_address(
    proxies: int, forwarded: str, expected: str, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = APIRequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == expected
