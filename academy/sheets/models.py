"""Designs of answer sheets, examinations, and the pages that were read of them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import Q

from academy.core import clock
from academy.core.ids import new_id
from academy.sheets.fields import ExamState, IdentifyBy
from academy.sheets.grading import AnswerKey
from academy.sheets.identity import Match
from academy.sheets.layout import Layout
from academy.tenants.scoping import TenantScopedModel

TITLE_CHARS = 80


class SheetDesign(TenantScopedModel):
    """A sheet that can be printed. It never changes: paper that was printed from it does not."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(max_length=TITLE_CHARS)
    layout = models.JSONField()
    fingerprint = models.CharField(max_length=8)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        ordering = ["created_at", "id"]
        constraints = [
            # A page says by its fingerprint which design it is of.
            models.UniqueConstraint(fields=["tenant", "fingerprint"], name="design_once_per_tenant")
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="design_list")]

    def __str__(self) -> str:
        return str(self.pk)

    @cached_property
    def sheet(self) -> Layout:
        """The layout."""
        return Layout.model_validate(self.layout)


class Exam(TenantScopedModel):
    """An examination on sheets of one design. Scores are computed from the key when read."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    design = models.ForeignKey(SheetDesign, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=TITLE_CHARS)
    identify_by = models.CharField(
        max_length=16, choices=[(item.value, item.value) for item in IdentifyBy]
    )
    """Which of a student's numbers is marked on the sheet."""
    key = models.JSONField(null=True, blank=True)
    state = models.CharField(
        max_length=8,
        default=ExamState.OPEN.value,
        choices=[(item.value, item.value) for item in ExamState],
    )
    published_at = models.DateTimeField(null=True, blank=True)
    """Since when students may see their results; null while they may not."""
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantScopedModel.Meta):
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in ExamState]), name="exam_state_known"
            ),
            models.CheckConstraint(
                condition=Q(identify_by__in=[item.value for item in IdentifyBy]),
                name="exam_identification_known",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="exam_list")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def answer_key(self) -> AnswerKey | None:
        """The key, once there is one."""
        return None if self.key is None else AnswerKey.model_validate(self.key)


class Scan(TenantScopedModel):
    """One page as it was read, and apart from that what a person has settled."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="scans")
    job = models.ForeignKey("jobs.Job", on_delete=models.PROTECT, related_name="+")
    upload = models.ForeignKey("uploads.Upload", on_delete=models.PROTECT, related_name="+")
    index = models.PositiveSmallIntegerField()
    """Page of the file, from 1."""
    page = models.PositiveSmallIntegerField(null=True, blank=True)
    """Page of the sheet; null where it could not be read."""
    reading = models.JSONField()
    """A `academy.sheets.reading.results.PageReading`; nothing changes it."""
    reviews = models.JSONField(default=list)
    """What later engines read of its doubtful rows, the last last: ``{"job", "engine", "model",
    "device", "answers", "identifier"}``. Of each only what is certain counts; see
    `academy.sheets.scans.effective`."""
    match = models.CharField(
        max_length=24, blank=True, default="", choices=[(item.value, item.value) for item in Match]
    )
    candidates = models.JSONField(default=list)
    """Ids of students who may be meant, best first."""
    settled = models.JSONField(default=dict)
    """What people settled: ``{"answers": {"3": [2]}, "student": id}``; `Change` says who."""
    student = models.ForeignKey(
        "roster.Student", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """Whose it is: settled, or matched beyond doubt."""
    discarded = models.BooleanField(default=False)
    duplicate = models.BooleanField(default=False)
    """Another page that is not discarded claims to be the same page of the same student."""
    needs_review = models.BooleanField()
    prefix = models.CharField(max_length=200)
    """Where its pictures lie in the bucket."""
    pictures_removed_at = models.DateTimeField(null=True, blank=True)
    """When they were deleted, at the end of their retention; what was read of them stays."""
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantScopedModel.Meta):
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["exam", "upload", "index"], name="scan_once_per_exam")
        ]
        indexes = [
            models.Index(fields=["exam", "-created_at", "-id"], name="scan_list"),
            models.Index(
                fields=["exam", "-created_at", "-id"],
                condition=Q(needs_review=True),
                name="scan_review",
            ),
            models.Index(fields=["exam", "student", "page"], name="scan_of_student"),
            models.Index(
                fields=["created_at"],
                condition=Q(pictures_removed_at__isnull=True),
                name="scan_with_pictures",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class ReadPages(TenantScopedModel):
    """Pages that an attempt has read, until its job ends: then they are scans, or nothing.

    A job's result is no place for them: it cannot be changed any more, and they hold numbers of
    students.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="+")
    attempt = models.PositiveIntegerField()
    pages = models.JSONField()

    class Meta(TenantScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["job", "attempt"], name="read_pages_of_attempt")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class SheetNetwork(TenantScopedModel):
    """A network for hard marks that was trained with an academy's own settled answers.

    At most one of an academy's is active: later readings use it, earlier ones stay as they are.
    Without one the network that comes with the platform reads.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    sha256 = models.CharField(max_length=64)
    """Of the weights, in hex."""
    key = models.CharField(max_length=240)
    """Where the weights lie in the bucket."""
    description = models.JSONField()
    """What `academy.sheets.network.model` reads beside the weights."""
    metrics = models.JSONField()
    """``{"before": ..., "after": ...}`` on the same held-out sheets."""
    labels = models.PositiveIntegerField()
    """Settled answers that it learnt from."""
    active = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(active=True), name="sheet_network_one_active"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="sheet_network_list")]

    def __str__(self) -> str:
        return self.name


class Change(TenantScopedModel):
    """Who changed what of an examination or of a scan, and when; only ever added."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="changes")
    scan = models.ForeignKey(
        Scan, null=True, blank=True, on_delete=models.PROTECT, related_name="changes"
    )
    by = models.CharField(max_length=100)
    what = models.CharField(max_length=40)
    """``key``, ``state``, ``title``, ``published``, ``student``, ``discarded``, or ``answer.3``."""
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["exam", "-created_at", "-id"], name="sheet_change_list")]

    def __str__(self) -> str:
        return str(self.pk)


def readings_of(scan: Scan) -> list[dict[str, Any]]:
    """The answers as read."""
    found: list[dict[str, Any]] = scan.reading["answers"]
    return found
