"""The four corner markers: entries 0 to 3 of ArUco's 4x4 dictionary, here without OpenCV.

A test holds these bits to OpenCV's dictionary. Each corner has its own number, so a page says by
any one of them which way up it lies.
"""

from __future__ import annotations

from typing import Final

CELLS: Final = 6
"""Cells along a side: four of the code and a black border of one on each side."""
TOP_LEFT, TOP_RIGHT, BOTTOM_RIGHT, BOTTOM_LEFT = range(4)

BITS: Final[tuple[tuple[str, ...], ...]] = (
    ("1011", "0101", "0011", "0010"),
    ("0000", "1111", "1001", "1010"),
    ("0011", "0011", "0010", "1101"),
    ("1001", "1001", "0100", "0110"),
)
"""Rows of each marker, 1 is white."""


def white_cells(number: int) -> list[tuple[int, int]]:
    """Row and column of every white cell, counted from the corner of the black border."""
    return [
        (row, column)
        for row, bits in enumerate(BITS[number], start=1)
        for column, bit in enumerate(bits, start=1)
        if bit == "1"
    ]
