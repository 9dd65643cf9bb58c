"""The catalogue of everything that can go wrong, in the user's words.

Each domain registers its entries at import. A code is stable for ever: clients branch on it, and
a failed job stores only its code and parameters, so that its text can be improved later.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Language = Literal["ko", "en"]

_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_FIELD = re.compile(r"[a-z][a-z0-9_]*\Z")


class CatalogueError(Exception):
    """An entry is malformed, registered twice, or missing: a mistake of the programmer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can go wrong.

    ``ko`` and ``en`` say what happened; ``action_ko`` and ``action_en`` what the reader can do.
    All four are ``str.format`` templates over the error's parameters. ``retryable`` says whether
    the same request can succeed later without a change.
    """

    code: str
    status: int
    ko: str
    en: str
    action_ko: str
    action_en: str
    retryable: bool = False

    def message(self, language: Language, params: Mapping[str, Any]) -> str:
        """What happened, in one sentence."""
        return _fill(self.ko if language == "ko" else self.en, params)

    def action(self, language: Language, params: Mapping[str, Any]) -> str:
        """What the reader can do about it."""
        return _fill(self.action_ko if language == "ko" else self.action_en, params)


class _Lenient(dict[str, Any]):
    """A missing parameter shows as a question mark: an old row must still render."""

    def __missing__(self, key: str) -> str:
        return "?"


def _fill(template: str, params: Mapping[str, Any]) -> str:
    return template.format_map(_Lenient(params))


def _fields(template: str) -> set[str]:
    found = set()
    for _, name, spec, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if not _FIELD.match(name) or spec or conversion:
            # Attribute access or a format spec would fail, or leak, on a stored parameter.
            raise CatalogueError(f"only plain {{names}} may stand in a template: {template!r}")
        found.add(name)
    return found


CATALOGUE: dict[str, Entry] = {}


def register(*entries: Entry) -> None:
    """Add entries; the same entry twice is harmless, a second meaning for a code is refused."""
    for entry in entries:
        if not _CODE.match(entry.code):
            raise CatalogueError(f"an error code is snake_case: {entry.code!r}")
        if not 400 <= entry.status <= 599:
            raise CatalogueError(f"{entry.code}: {entry.status} is not an HTTP error status")
        if _fields(entry.ko) != _fields(entry.en):
            raise CatalogueError(f"{entry.code}: ko and en use different parameters")
        _fields(entry.action_ko), _fields(entry.action_en)
        if CATALOGUE.get(entry.code, entry) != entry:
            raise CatalogueError(f"{entry.code} is registered twice with different contents")
        CATALOGUE[entry.code] = entry


def lookup(code: str) -> Entry:
    """The entry of a code. Raises CatalogueError when no domain registered it."""
    try:
        return CATALOGUE[code]
    except KeyError:
        raise CatalogueError(f"no catalogue entry for the error code {code!r}") from None


def describe(code: str) -> Entry:
    """The entry of a stored code; a code of another release reads as ``internal_error``."""
    return CATALOGUE.get(code) or CATALOGUE["internal_error"]


_WAIT_KO, _WAIT_EN = "잠시 후 다시 시도해 주세요.", "Please try again in a moment."

register(
    Entry(
        "internal_error", 500,
        "서버에서 예상하지 못한 문제가 생겼습니다.",
        "Something unexpected went wrong on our side.",
        "잠시 후 다시 시도하고, 계속되면 요청 번호(request_id)를 알려 주세요.",
        "Try again in a moment; if it persists, tell us the request_id.",
        retryable=True,
    ),
    Entry(
        "service_unavailable", 503,
        "지금은 요청을 처리할 수 없습니다.",
        "The service cannot take requests right now.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "storage_unavailable", 503,
        "파일 저장소가 응답하지 않습니다.",
        "The file store does not answer.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "storage_refused", 500,
        "파일 저장소가 요청을 거부했습니다.",
        "The file store refused the request.",
        "요청 번호(request_id)와 함께 운영자에게 알려 주세요.",
        "Tell the operator, with the request_id.",
    ),
    Entry(
        "object_missing", 404,
        "파일을 찾을 수 없습니다.",
        "The file does not exist.",
        "파일을 다시 올려 주세요.",
        "Upload the file again.",
    ),
    Entry(
        "malformed_request", 400,
        "요청 본문을 읽을 수 없습니다.",
        "The request body cannot be read.",
        "올바른 UTF-8 JSON인지 확인해 주세요.",
        "Send well-formed JSON in UTF-8.",
    ),
    Entry(
        "validation_failed", 400,
        "입력값이 올바르지 않습니다.",
        "Some of the values are not valid.",
        "표시된 항목을 고쳐 다시 보내 주세요.",
        "Correct the fields listed in details and send it again.",
    ),
    Entry(
        "unknown_field", 400,
        "알 수 없는 항목이 있습니다: {names}",
        "There are fields this request does not have: {names}",
        "항목 이름을 확인해 주세요.",
        "Check the names of the fields.",
    ),
    Entry(
        "invalid_cursor", 400,
        "페이지 위치(cursor)가 올바르지 않습니다.",
        "The page cursor is not valid.",
        "첫 페이지부터 다시 요청해 주세요.",
        "Start again from the first page.",
    ),
    Entry(
        "body_too_large", 413,
        "요청 본문이 너무 큽니다(최대 {limit_bytes}바이트).",
        "The request body is too large (at most {limit_bytes} bytes).",
        "요청을 나누어 보내 주세요.",
        "Send it in smaller requests.",
    ),
    Entry(
        "unsupported_media_type", 415,
        "지원하지 않는 본문 형식입니다.",
        "This type of request body is not supported.",
        "application/json으로 보내 주세요.",
        "Send application/json.",
    ),
    Entry(
        "not_acceptable", 406,
        "요청한 응답 형식을 제공하지 않습니다.",
        "The response cannot be given in the type that was asked for.",
        "application/json을 요청해 주세요.",
        "Accept application/json.",
    ),
    Entry(
        "not_authenticated", 401,
        "로그인이 필요하거나 인증 정보가 올바르지 않습니다.",
        "Credentials are missing or not valid.",
        "API 키나 로그인 토큰을 확인해 주세요.",
        "Check the API key or sign in again.",
    ),
    Entry(
        "forbidden", 403,
        "이 작업을 할 권한이 없습니다.",
        "You may not do this.",
        "필요한 권한(scope)을 학원 관리자에게 요청해 주세요.",
        "Ask the academy's owner for the scope it needs.",
    ),
    Entry(
        "not_found", 404,
        "찾을 수 없습니다.",
        "There is nothing here.",
        "주소나 번호를 확인해 주세요.",
        "Check the address or the identifier.",
    ),
    Entry(
        "method_not_allowed", 405,
        "이 주소에서는 사용할 수 없는 방식입니다.",
        "This method is not allowed here.",
        "허용된 방식은 Allow 헤더를 확인해 주세요.",
        "See the Allow header for the methods that are.",
    ),
    Entry(
        "conflict", 409,
        "다른 변경과 겹쳤습니다.",
        "The request conflicts with another change.",
        "최신 상태를 확인한 뒤 다시 시도해 주세요.",
        "Read the current state and try again.",
    ),
    Entry(
        "rate_limited", 429,
        "요청이 너무 많습니다.",
        "There are too many requests.",
        "{retry_after}초 뒤에 다시 시도해 주세요.",
        "Try again in {retry_after} seconds.",
        retryable=True,
    ),
)  # fmt: skip
