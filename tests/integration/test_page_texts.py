"""Pages in two languages, and the files of others that they load."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.translation import gettext, ngettext

from academy.core.management.commands.page_texts import ACADEMY, Package, compiled, done, packages

VENDOR = ACADEMY / "ops" / "static" / "console" / "vendor"
SCRIPTS = sorted(path for path in ACADEMY.glob("**/static/*/*.js"))

each_package = pytest.mark.parametrize("package", packages(), ids=lambda one: one.folder.name)


def test_the_packages_with_pages_are_found() -> None:
    assert {"corrections", "desk", "ops", "sheets"} <= {
        package.folder.name for package in packages()
    }


@each_package
def test_every_text_of_the_code_is_in_the_catalogue_and_no_other(package: Package) -> None:
    in_code = {message.id for message in package.template() if message.id}
    in_catalogue = {message.id for message in package.korean() if message.id}
    assert in_code == in_catalogue, "run: manage.py page_texts"


@each_package
def test_every_text_has_its_korean(package: Package) -> None:
    missing = [m.id for m in package.korean() if m.id and not done(m)]
    assert not missing


@each_package
def test_the_korean_fills_in_the_same_values(package: Package) -> None:
    def names(text: str) -> set[str]:
        return set(re.findall(r"%\((\w+)\)|\{(\w+)\}", text))

    for message in package.korean():
        if not message.id:
            continue
        english = message.id if isinstance(message.id, tuple) else (message.id,)
        korean = message.string if isinstance(message.string, tuple) else (message.string,)
        allowed = set().union(*(names(text) for text in english))
        assert all(names(text) <= allowed for text in korean), message.id
        assert names(english[-1]) <= names(korean[-1]), message.id


@each_package
def test_the_compiled_catalogue_is_of_the_readable_one(package: Package) -> None:
    assert package.mo.read_bytes() == compiled(package.korean()), "run: manage.py page_texts"


def test_one_english_text_has_one_korean_everywhere() -> None:
    """Django merges the catalogues, so that the first would win."""
    known: dict[str, tuple[str, str]] = {}
    for package in packages():
        for message in package.korean():
            if not message.id:
                continue
            where, korean = known.setdefault(
                str(message.id), (package.folder.name, str(message.string))
            )
            assert korean == str(message.string), (message.id, where, package.folder.name)


def test_django_serves_it() -> None:
    with translation.override("ko"):
        assert gettext("Needs a person") == "사람이 필요한 일"
        assert gettext("This page cannot be opened") == "페이지를 열 수 없습니다"
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


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_of_ours_makes_code_of_text(path: Path) -> None:
    assert not re.search(r"\beval\b|new Function|innerHTML", path.read_text())
