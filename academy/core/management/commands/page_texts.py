"""``manage.py page_texts``: keep the Korean of all pages beside their English.

The English in the code is the message id, so only Korean has a catalogue: one for each package that
has a folder ``locale/ko``. This finds every text in its Python and templates, adds what is new to
``django.po`` (and takes out what is gone), and compiles ``django.mo``, without GNU gettext.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation.template import templatize

ACADEMY: Final = Path(__file__).resolve().parents[3]
#: No contexts: one English text has one Korean.
_KEYWORDS: Final[dict[str, Any]] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
}

Text = str | tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """One package whose pages speak Korean."""

    folder: Path

    @property
    def po(self) -> Path:
        """The readable catalogue."""
        return self.folder / "locale" / "ko" / "LC_MESSAGES" / "django.po"

    @property
    def mo(self) -> Path:
        """The compiled one, which Django reads."""
        return self.po.with_suffix(".mo")

    @property
    def _inner(self) -> list[Path]:
        """Packages within, which have catalogues of their own."""
        found = (path.parents[1] for path in self.folder.glob("*/**/locale/ko"))
        return [folder for folder in found if folder != self.folder]

    def texts(self) -> Iterator[tuple[Text, str]]:
        """Every translatable text with the file it stands in."""
        for path in sorted([*self.folder.rglob("*.py"), *self.folder.glob("templates/**/*.html")]):
            if any(inner in path.parents for inner in self._inner):
                continue
            source = path.read_text()
            if path.suffix == ".html":
                # Django's conversion leaves calls of gettext between X's; indentation means
                # nothing.
                source = re.sub(r"(?m)^[ \t]+", "", templatize(source, origin=str(path)))
            for _, text, _, _ in extract("python", BytesIO(source.encode()), keywords=_KEYWORDS):
                yield text, path.relative_to(self.folder).as_posix()

    def template(self) -> Catalog:
        """The texts as an empty catalogue."""
        catalog = Catalog(project="academy", charset="utf-8")
        for text, place in self.texts():
            flags = {"python-format"} if "%(" in "".join(text) else set()
            catalog.add(text, locations=[(place, 0)], flags=flags)
        return catalog

    def korean(self) -> Catalog:
        """The committed catalogue."""
        if not self.po.exists():
            comment = f"# The pages of {self.folder.name} in Korean; the English is in the code."
            return Catalog(
                locale="ko", project="academy", version="1", charset="utf-8", fuzzy=False,
                last_translator="", header_comment=f"{comment} Kept by: manage.py page_texts",
            )  # fmt: skip
        with self.po.open("rb") as file:
            return pofile.read_po(file, locale="ko")

    def update(self) -> Catalog:
        """Write the catalogue as the code has it now."""
        catalog = self.korean()
        made_at = catalog.creation_date
        catalog.update(self.template(), no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.creation_date = made_at  # else every run would be a change
        with self.po.open("wb") as file:
            pofile.write_po(
                file, catalog, width=100, include_lineno=False, sort_output=True, omit_header=False
            )
        return catalog


def packages() -> list[Package]:
    """Every package with a catalogue."""
    return [Package(path.parents[1]) for path in sorted(ACADEMY.glob("**/locale/ko"))]


def compiled(catalog: Catalog) -> bytes:
    """What ``django.mo`` must be."""
    buffer = BytesIO()
    mofile.write_mo(buffer, catalog)
    return buffer.getvalue()


def done(message: Any) -> bool:
    """Whether a message has its Korean."""
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(strings) and not message.fuzzy


class Command(BaseCommand):
    help = "Bring the Korean catalogues of the pages up to date and compile them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("package", nargs="*", help="names of folders; default: all")

    def handle(self, *_args: Any, **options: Any) -> None:
        for package in packages():
            if options["package"] and package.folder.name not in options["package"]:
                continue
            (package.po.parent).mkdir(parents=True, exist_ok=True)
            catalog = package.update()
            package.mo.write_bytes(compiled(catalog))
            missing = [message.id for message in catalog if message.id and not done(message)]
            name = package.folder.name
            self.stdout.write(f"{name}: {len(catalog)} texts, {len(missing)} without Korean")
            for text in missing:
                self.stdout.write(f"  {text}")
