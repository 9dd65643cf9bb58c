"""Times in requests."""

from __future__ import annotations

import math
from typing import Any

from rest_framework import serializers


class SecondsField(serializers.FloatField):
    """A finite JSON number of seconds, or a factor of them."""

    def to_internal_value(self, data: Any) -> float:
        """Accept a number and nothing else."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        value: float = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value
