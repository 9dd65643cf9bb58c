"""How a file is cut: one PUT while that is safe, equal parts above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from academy.core.storage import MIB

#: S3 and R2 take no larger single PUT.
SINGLE_PUT_MAX_BYTES: Final = 5 * 1024 * MIB
#: From here on a client that does not choose gets parts: a lost connection then costs one part.
MULTIPART_FROM_BYTES: Final = 256 * MIB
PART_MIN_BYTES: Final = 16 * MIB
PART_MAX_BYTES: Final = 64 * MIB
MAX_PARTS: Final = 10_000
_COMFORTABLE_PARTS = 1_000


@dataclass(frozen=True, slots=True)
class PartPlan:
    """Equal parts but for the last one, as R2 requires; numbers start at 1."""

    size: int
    part_size: int

    @property
    def count(self) -> int:
        """How many parts there are."""
        return -(-self.size // self.part_size)

    def size_of(self, number: int) -> int:
        """Bytes of one part. Raises ValueError for a number outside the plan."""
        if not 1 <= number <= self.count:
            raise ValueError(f"there are parts 1 to {self.count}, not {number}")
        return min(self.part_size, self.size - (number - 1) * self.part_size)


def plan_parts(size: int) -> PartPlan:
    """The cut of a file: parts of 16 to 64 MiB, about a thousand of them where that suffices.

    Raises ValueError above 64 MiB x 10,000.
    """
    wanted = -(-size // _COMFORTABLE_PARTS)
    whole_mib = -(-wanted // MIB) * MIB
    plan = PartPlan(size, min(max(whole_mib, PART_MIN_BYTES), PART_MAX_BYTES))
    if plan.count > MAX_PARTS:
        raise ValueError(f"{size} bytes do not fit into {MAX_PARTS} parts")
    return plan
