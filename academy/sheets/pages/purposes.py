"""What links to pages of answer sheets can be for."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from academy.desk.links import Purpose
from academy.tenants.scopes import Scope

EXAM: Final = Purpose(
    "exam",
    ids=("exam_id",),
    scopes=frozenset({Scope.SHEETS_READ, Scope.SHEETS_WRITE, Scope.JOBS_WRITE}),
)
"""An examination: its scores, and the review of what is doubtful."""

RESULT: Final = Purpose(
    "result",
    ids=("exam_id", "student_id"),
    scopes=frozenset({Scope.SHEETS_READ}),
    lifetime=timedelta(days=30),
    longest=timedelta(days=180),
    visit=timedelta(hours=2),
    follows_maker=False,
)
"""One student's result. It ends when the results are withdrawn, not when a teacher leaves."""
