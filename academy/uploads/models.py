"""One file on its way in."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from academy.core import clock
from academy.core.ids import new_id
from academy.core.storage import Bucket, ObjectStore, store
from academy.tenants.scoping import TenantScopedModel
from academy.uploads.parts import PartPlan
from academy.uploads.purposes import Purpose


class UploadState(models.TextChoices):
    """Pending until verified; complete until deleted; the others are final."""

    PENDING = "pending", "Pending"
    COMPLETE = "complete", "Complete"
    EXPIRED = "expired", "Expired"
    REJECTED = "rejected", "Rejected"
    DELETED = "deleted", "Deleted"


class Upload(TenantScopedModel):
    """A declared file: where it goes, what it must be, and whether it is."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    bucket = models.CharField(max_length=10, choices=[(item.value, item.name) for item in Bucket])
    key = models.CharField(max_length=200, unique=True)
    filename = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=100)
    sha256_b64 = models.CharField(max_length=44, null=True, blank=True)
    purpose = models.CharField(max_length=20, choices=[(item.value, item.name) for item in Purpose])
    state = models.CharField(
        max_length=10, choices=UploadState.choices, default=UploadState.PENDING
    )
    #: The object store's id of a multipart upload, and the size of its parts.
    multipart_id = models.TextField(null=True, blank=True)
    part_size = models.PositiveBigIntegerField(null=True, blank=True)
    sniffed_type = models.CharField(max_length=100, null=True, blank=True)
    #: Why it was rejected: a code of the catalogue and its parameters.
    error_code = models.CharField(max_length=60, null=True, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    #: When what was stored of an ended upload was removed for good.
    cleaned_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantScopedModel.Meta):
        """Constraints and the indexes of the list, the limits and the sweep."""

        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=UploadState.values), name="upload_state_known"
            ),
            models.CheckConstraint(condition=Q(size__gt=0), name="upload_size_positive"),
            models.CheckConstraint(
                condition=~Q(state=UploadState.COMPLETE) | Q(completed_at__isnull=False),
                name="upload_complete_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="upload_list"),
            models.Index(
                fields=["tenant"], condition=Q(state=UploadState.PENDING), name="upload_open"
            ),
            models.Index(
                fields=["expires_at"],
                condition=~Q(state=UploadState.COMPLETE) & Q(cleaned_at__isnull=True),
                name="upload_sweep",
            ),
        ]

    @property
    def store(self) -> ObjectStore:
        """The store that holds, or will hold, the object."""
        return store(Bucket(self.bucket))

    @property
    def parts(self) -> PartPlan | None:
        """The cut of a multipart upload; None for a single PUT."""
        return None if self.part_size is None else PartPlan(self.size, self.part_size)
