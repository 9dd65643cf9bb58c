"""What a teacher made of the questions that a job found. The job's own result stays as it is."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from academy.core.ids import new_id
from academy.jobs.models import Job
from academy.tenants.scoping import TenantScopedModel


class Correction(TenantScopedModel):
    """The corrected questions of one `ai.question_segmentation`, all of them.

    ``revision`` grows with every saving. ``questions`` are objects with ``n``, ``last`` (of what
    several share, else null) and ``parts``: pages with boxes, in pixels of the page.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="+")
    revision = models.PositiveIntegerField()
    questions = models.JSONField()
    cut_job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    """Makes the pictures of this revision."""
    corrected_by = models.CharField(max_length=150)
    """Who saved it, as the audit trail names people."""
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        """The table."""

        db_table = "question_correction"
        indexes: ClassVar = [models.Index(fields=["tenant", "-updated_at"], name="qcorr_recent")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(revision__gte=1), name="qcorr_revision"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} r{self.revision}"
