"""What links to the correction page can be for."""

from __future__ import annotations

from typing import Final

from academy.desk.links import Purpose
from academy.tenants.scopes import Scope

QUESTIONS: Final = Purpose(
    "questions", ids=("job_id",), scopes=frozenset({Scope.JOBS_READ, Scope.JOBS_WRITE})
)
"""The questions of one test."""
