"""The parts of an xlsx file that do not depend on its rows (ECMA-376, part 1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Final
from xml.sax.saxutils import escape, quoteattr

SHEET: Final = "xl/worksheets/sheet1.xml"
SHEET_TAIL: Final = "</sheetData></worksheet>"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NO_TITLE: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f']")
_TITLE_CHARS: Final = 31
_DAY_FORMAT, _MOMENT_FORMAT = 164, 165
_TEXT_FORMAT: Final = 49


class Look(IntEnum):
    """How a value is shown."""

    PLAIN = 0
    TEXT = 1
    DAY = 2
    MOMENT = 3


class Shade(IntEnum):
    """The colour of a cell."""

    NONE = 0
    GOOD = 1
    DOUBT = 2
    BAD = 3


_NUMBER_FORMATS: Final = (0, _TEXT_FORMAT, _DAY_FORMAT, _MOMENT_FORMAT)
_COLOURS: Final = ("FFC6EFCE", "FFFFEB9C", "FFFFC7CE")
_HEADING_COLOUR: Final = "FFD9E1F2"
HEADING: Final = len(Look) * len(Shade)
"""The style of titles."""


def style_of(look: Look, shade: Shade = Shade.NONE) -> int:
    """The number of a style in the file."""
    return shade * len(Look) + look


def fixed(title: str) -> dict[str, str]:
    """Every part but the sheet itself, by name."""
    name = _NO_TITLE.sub(" ", title).strip()[:_TITLE_CHARS] or "Sheet1"
    return {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": (
            f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
            f'<sheet name={quoteattr(name)} sheetId="1" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": _relations(
            ("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml")
        ),
        "xl/styles.xml": _styles(),
    }


def sheet_head(widths: Sequence[int]) -> str:
    """What stands before the rows: the first row stays in sight, columns have their widths."""
    columns = "".join(
        f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
        for number, width in enumerate(widths, 1)
    )
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        f"</sheetView></sheetViews>{f'<cols>{columns}</cols>' if columns else ''}<sheetData>"
    )


def _content_types() -> str:
    overrides = "".join(
        f'<Override PartName="/{part}" ContentType="{_SHEET_TYPE}.{kind}+xml"/>'
        for part, kind in (
            ("xl/workbook.xml", "sheet.main"), (SHEET, "worksheet"), ("xl/styles.xml", "styles"),
        )
    )  # fmt: skip
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _relations(*targets: tuple[str, str]) -> str:
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def _styles() -> str:
    fills = "".join(
        f'<fill><patternFill patternType="solid"><fgColor rgb="{escape(colour)}"/></patternFill>'
        "</fill>"
        for colour in (*_COLOURS, _HEADING_COLOUR)
    )
    # The first two fills of every file are fixed by Excel itself.
    fill_of = (0, 2, 3, 4)
    formats = "".join(
        f'<xf numFmtId="{number_format}" fontId="0" fillId="{fill}" borderId="0" xfId="0" '
        'applyNumberFormat="1" applyFill="1"/>'
        for fill in fill_of
        for number_format in _NUMBER_FORMATS
    )
    heading = (
        f'<xf numFmtId="{_TEXT_FORMAT}" fontId="1" fillId="5" borderId="0" xfId="0" '
        'applyNumberFormat="1" applyFont="1" applyFill="1"/>'
    )
    return (
        f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="2">'
        f'<numFmt numFmtId="{_DAY_FORMAT}" formatCode="yyyy\\-mm\\-dd"/>'
        f'<numFmt numFmtId="{_MOMENT_FORMAT}" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/></numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="6"><fill><patternFill patternType="none"/></fill>'
        f'<fill><patternFill patternType="gray125"/></fill>{fills}</fills>'
        '<borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>'
        f'</cellStyleXfs><cellXfs count="{HEADING + 1}">{formats}{heading}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
        "</styleSheet>"
    )
