"""The console in two languages, and its files of others."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.translation import gettext, ngettext

from academy.ops.management.commands import console_texts

VENDOR = Path(console_texts.OPS) / "static" / "console" / "vendor"


def test_every_text_of_the_code_is_in_the_catalogue_and_no_other() -> None:
    made, kept = console_texts.template(), console_texts.korean()
    in_code = {message.id for message in made if message.id}
    in_catalogue = {message.id for message in kept if message.id}
    assert in_code == in_catalogue, "run: manage.py console_texts"


def test_every_text_has_its_korean() -> None:
    missing = [m.id for m in console_texts.korean() if m.id and not console_texts.done(m)]
    assert not missing


def test_the_korean_fills_in_the_same_values() -> None:
    def names(text: str) -> set[str]:
        return set(re.findall(r"%\((\w+)\)", text))

    for message in console_texts.korean():
        if not message.id:
            continue
        english = message.id if isinstance(message.id, tuple) else (message.id,)
        korean = message.string if isinstance(message.string, tuple) else (message.string,)
        allowed = set().union(*(names(text) for text in english))
        assert all(names(text) <= allowed for text in korean), message.id
        assert names(english[-1]) <= names(korean[-1]), message.id


def test_the_compiled_catalogue_is_of_the_readable_one() -> None:
    assert console_texts.MO.read_bytes() == console_texts.compiled(console_texts.korean()), (
        "run: manage.py console_texts"
    )


def test_django_serves_it() -> None:
    with translation.override("ko"):
        assert gettext("Needs a person") == "사람이 필요한 일"
        assert ngettext("%(n)s dead letter is open.", "%(n)s dead letters are open.", 2) == (
            "처리하지 않은 데드 레터가 %(n)s개 있습니다."
        )
    with translation.override("en"):
        assert gettext("Needs a person") == "Needs a person"


def test_files_of_others_are_what_was_published_and_have_their_licence() -> None:
    sums = dict(reversed(line.split()) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    files = {path.name for path in VENDOR.iterdir() if path.suffix in {".js", ".css"}}
    assert set(sums) == files
    for name, expected in sums.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == expected
        assert name in (VENDOR / "README.md").read_text()
        assert list(VENDOR.glob(f"{name.partition('-')[0]}.LICENSE*"))


@pytest.mark.parametrize("path", sorted(VENDOR.parent.glob("*.js")), ids=lambda path: path.name)
def test_no_script_of_ours_makes_code_of_text(path: Path) -> None:
    assert not re.search(r"\beval\b|new Function|innerHTML", path.read_text())
