"""How much of a table is read. What lies beyond is refused, or left out and said."""

from dataclasses import dataclass
from typing import Final

MIB: Final = 1 << 20


@dataclass(frozen=True)
class TableLimits:
    """Bounds of one file; far above what a school's table needs, far below what hurts a host."""

    archive_entries: int = 1_000
    archive_directory_bytes: int = MIB
    entry_bytes: int = 256 * MIB
    archive_bytes: int = 384 * MIB
    archive_ratio: int = 200
    """Unpacked to packed size of a part above one MiB; sheets of repeated rows reach about 60."""
    part_bytes: int = 4 * MIB
    """Of the parts that describe the workbook: its list of sheets, its formats."""
    text_bytes: int = 128 * MIB
    shared_strings: int = 2_000_000
    shared_characters: int = 48_000_000
    sheets: int = 200
    rows: int = 200_000
    columns: int = 256
    cells: int = 8_000_000
    empty_rows: int = 1_000
    """So many empty rows in a line end the table."""
    cell_characters: int = 32_767


LIMITS: Final = TableLimits()
