"""``manage.py console_texts``: keep the console's Korean beside its English.

The English in the code is the message id, so only Korean has a catalogue. This finds every text in
the operators' Python and templates, adds what is new to ``ko.po`` (and takes out what is gone), and
compiles ``ko.mo``, without GNU gettext.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation.template import templatize

OPS: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = OPS / "locale" / "ko" / "LC_MESSAGES"
PO: Final = FOLDER / "django.po"
MO: Final = FOLDER / "django.mo"
#: No contexts: one English text has one Korean.
_KEYWORDS: Final[dict[str, Any]] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
}

Text = str | tuple[str, ...]


def texts() -> Iterator[tuple[Text, str]]:
    """Every translatable text with the file it stands in."""
    for path in sorted([*OPS.rglob("*.py"), *OPS.glob("templates/**/*.html")]):
        source = path.read_text()
        if path.suffix == ".html":
            # Django's conversion leaves calls of gettext between X's; indentation means nothing.
            source = re.sub(r"(?m)^[ \t]+", "", templatize(source, origin=str(path)))
        for _, text, _, _ in extract("python", BytesIO(source.encode()), keywords=_KEYWORDS):
            yield text, path.relative_to(OPS).as_posix()


def template() -> Catalog:
    """The texts as an empty catalogue."""
    catalog = Catalog(project="academy", charset="utf-8")
    for text, place in texts():
        flags = {"python-format"} if "%(" in "".join(text) else set()
        catalog.add(text, locations=[(place, 0)], flags=flags)
    return catalog


def korean() -> Catalog:
    """The committed catalogue."""
    with PO.open("rb") as file:
        return pofile.read_po(file, locale="ko")


def compiled(catalog: Catalog) -> bytes:
    """What ``ko.mo`` must be."""
    buffer = BytesIO()
    mofile.write_mo(buffer, catalog)
    return buffer.getvalue()


class Command(BaseCommand):
    help = "Bring the console's Korean catalogue up to date and compile it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--compile", action="store_true", help="only compile what is there")

    def handle(self, *_args: Any, **options: Any) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        catalog = korean() if PO.exists() else Catalog(locale="ko", charset="utf-8")
        if not options["compile"]:
            made_at = catalog.creation_date
            catalog.update(template(), no_fuzzy_matching=True)
            catalog.obsolete.clear()
            catalog.creation_date = made_at  # else every run would be a change
            with PO.open("wb") as file:
                pofile.write_po(
                    file,
                    catalog,
                    width=100,
                    include_lineno=False,
                    sort_output=True,
                    omit_header=False,
                )
        MO.write_bytes(compiled(catalog))
        missing = [message.id for message in catalog if message.id and not done(message)]
        self.stdout.write(f"{len(catalog)} texts, {len(missing)} without Korean")
        for text in missing:
            self.stdout.write(f"  {text}")


def done(message: Any) -> bool:
    """Whether a message has its Korean."""
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(strings) and not message.fuzzy
