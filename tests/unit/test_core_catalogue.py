"""Every error has a stable code and a text in two languages that always renders."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from academy.core import catalogue
from academy.core.catalogue import CATALOGUE, CatalogueError, Entry, describe, register
from academy.core.errors import AppError, error_body
from academy.core.storage import StorageError

ENTRY = Entry("test_thing", 409, "{name} 문제", "Trouble with {name}", "다시", "Again")


@pytest.fixture(autouse=True)
def restored_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE", dict(CATALOGUE))


def test_an_error_fills_its_texts_with_its_parameters() -> None:
    register(ENTRY)
    error = AppError("test_thing", name="시험")
    assert (error.code, error.status, error.retryable) == ("test_thing", 409, False)
    assert error.message("ko") == "시험 문제"
    assert error.message("en") == "Trouble with 시험"
    assert error_body("test_thing", error.params)["details"] == {"name": "시험"}


def test_an_unregistered_code_is_the_programmers_mistake() -> None:
    with pytest.raises(CatalogueError, match="no_such_code"):
        AppError("no_such_code")


def test_a_stored_code_of_another_release_still_reads() -> None:
    assert describe("gone_since").code == "internal_error"
    assert error_body("gone_since", {})["code"] == "gone_since"


def test_a_missing_parameter_never_hides_the_error() -> None:
    assert ENTRY.message("en", {}) == "Trouble with ?"


def test_registering_the_same_entry_twice_is_harmless() -> None:
    register(ENTRY)
    register(ENTRY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": 410}, "registered twice"),
        ({"code": "Not-Snake"}, "snake_case"),
        ({"code": "other", "status": 200}, "not an HTTP error"),
        ({"code": "other", "en": "Trouble"}, "different parameters"),
        ({"code": "other", "ko": "{name.__class__}", "en": "{name.__class__}"}, "plain"),
        ({"code": "other", "ko": "{name!r}", "en": "{name!r}"}, "plain"),
        ({"code": "other", "action_en": "{0}"}, "plain"),
    ],
)
def test_a_malformed_entry_is_refused(change: dict[str, object], reason: str) -> None:
    register(ENTRY)
    with pytest.raises(CatalogueError, match=reason):
        register(dataclasses.replace(ENTRY, **change))


def test_every_registered_entry_has_both_languages() -> None:
    for entry in CATALOGUE.values():
        assert any("가" <= character <= "힣" for character in entry.ko + entry.action_ko), entry
        assert entry.en.isascii(), entry
        assert entry.action_en.isascii(), entry


def test_a_storage_error_says_whether_to_try_again_and_survives_being_copied() -> None:
    error = copy.copy(StorageError("storage_unavailable", "head", "t/1/source"))
    assert error.transient
    assert str(error) == "storage_unavailable: head t/1/source"
    assert not StorageError("storage_refused", "head", "k").transient
