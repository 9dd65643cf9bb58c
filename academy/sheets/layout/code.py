"""The row of black cells by which a page says which sheet it is, and which of its pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

COLUMNS: Final = 28
ROWS: Final = 2
BITS: Final = COLUMNS * ROWS
"""Bits of one copy: 32 of the fingerprint, 4 + 4 of the page and the count, 16 of the check."""
_CHECK_BITS = 16
_POLYNOMIAL = 0x1021
# Scrambling keeps a code from being all white or all black, which blank paper would also be.
_SCRAMBLE = 0x5A3C_96E1_78D2_B4


@dataclass(frozen=True, slots=True)
class PageCode:
    """What is printed: the layout's short fingerprint, this page and how many there are."""

    fingerprint: str
    page: int
    pages: int


def encode(code: PageCode) -> tuple[int, ...]:
    """The bits of a code, first cell first; 1 is black."""
    payload = int(code.fingerprint, 16) << 8 | (code.page - 1) << 4 | (code.pages - 1)
    word = (payload << _CHECK_BITS | _crc(payload)) ^ _SCRAMBLE
    return tuple(word >> (BITS - 1 - index) & 1 for index in range(BITS))


def decode(bits: Sequence[int]) -> PageCode | None:
    """The code in these bits, or None where the check fails."""
    word = 0
    for bit in bits:
        word = word << 1 | (1 if bit else 0)
    word ^= _SCRAMBLE
    payload, check = word >> _CHECK_BITS, word & (1 << _CHECK_BITS) - 1
    if _crc(payload) != check:
        return None
    page, pages = (payload >> 4 & 0xF) + 1, (payload & 0xF) + 1
    return PageCode(f"{payload >> 8:08x}", page, pages) if page <= pages else None


def _crc(payload: int) -> int:
    """CRC-16/CCITT-FALSE of the five bytes of the payload."""
    register = 0xFFFF
    for byte in payload.to_bytes(5, "big"):
        register ^= byte << 8
        for _ in range(8):
            register = register << 1 ^ (_POLYNOMIAL if register & 0x8000 else 0)
            register &= 0xFFFF
    return register
