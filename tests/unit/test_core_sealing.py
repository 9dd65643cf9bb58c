"""Sealed values open under their own secret, purpose and place, and nowhere else."""

from __future__ import annotations

import pytest

from academy.core.sealing import OVERHEAD_BYTES, SealBrokenError, Sealer, blind_index

OLD, NEW = "old-".ljust(40, "o"), "new-".ljust(40, "n")
PHONE, PLACE = b"01000000001", b"tenant:message:1"


def sealer(*secrets: str, purpose: str = "test.phone") -> Sealer:
    return Sealer(purpose, lambda: secrets)


def test_a_value_opens_again_and_never_looks_the_same() -> None:
    one = sealer(OLD)
    sealed = one.seal(PHONE, PLACE)
    assert one.unseal(memoryview(sealed), PLACE) == PHONE
    assert len(sealed) == len(PHONE) + OVERHEAD_BYTES
    assert PHONE not in sealed
    assert one.seal(PHONE, PLACE) != sealed


def test_a_new_secret_seals_and_the_old_one_still_opens() -> None:
    sealed = sealer(OLD).seal(PHONE, PLACE)
    both = sealer(NEW, OLD)
    assert both.unseal(sealed, PLACE) == PHONE
    assert (both.is_current(sealed), both.is_current(both.seal(PHONE, PLACE))) == (False, True)


@pytest.mark.parametrize(
    ("opener", "place", "change"),
    [
        (sealer(NEW), PLACE, None),
        (sealer(OLD, purpose="test.other"), PLACE, None),
        (sealer(OLD), b"tenant:message:2", None),
        (sealer(OLD), PLACE, 0),
        (sealer(OLD), PLACE, 6),
        (sealer(OLD), PLACE, -1),
    ],
)
def test_it_opens_nowhere_else(opener: Sealer, place: bytes, change: int | None) -> None:
    sealed = bytearray(sealer(OLD).seal(PHONE, PLACE))
    if change is not None:
        sealed[change] ^= 1
    with pytest.raises(SealBrokenError):
        opener.unseal(bytes(sealed), place)


def test_a_cut_value_does_not_open() -> None:
    sealed = sealer(OLD).seal(PHONE, PLACE)
    for length in (0, 1, 5, 17, len(sealed) - 1):
        with pytest.raises(SealBrokenError):
            sealer(OLD).unseal(sealed[:length], PLACE)


def test_an_index_finds_equal_values_of_one_purpose_only() -> None:
    index = blind_index(OLD, "phones", PHONE)
    assert (len(index), index) == (32, blind_index(OLD, "phones", PHONE))
    assert index != blind_index(OLD, "names", PHONE)
    assert index != blind_index(NEW, "phones", PHONE)
    assert index != blind_index(OLD, "phones", b"01000000002")
