"""Collections, problems, and the vectors by which problems are found."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from academy.core import clock
from academy.core.ids import new_id
from academy.problems import limits
from academy.problems.fields import Origin
from academy.tenants.scoping import TenantScopedModel


class Collection(TenantScopedModel):
    """A textbook, a past examination: problems that belong together."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(max_length=limits.TITLE_CHARS)
    origin = models.CharField(max_length=16, choices=[(item.value, item.value) for item in Origin])
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "problem_collection"
        ordering = ["created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["tenant", "title"], name="problem_collection_title_once"
            ),
            models.CheckConstraint(condition=~Q(title=""), name="problem_collection_has_title"),
            models.CheckConstraint(
                condition=Q(origin__in=[item.value for item in Origin]),
                name="problem_collection_origin_known",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="problem_collection_list")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Problem(TenantScopedModel):
    """One problem. Its text never changes: the vectors are of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="problems")
    number = models.CharField(max_length=limits.NUMBER_CHARS, blank=True, default="")
    """As printed; nothing makes sure that it is the only one."""
    text = models.TextField(max_length=limits.TEXT_CHARS)
    page = models.PositiveSmallIntegerField(null=True, blank=True)
    """Of the source, from 1."""
    tags = ArrayField(models.CharField(max_length=limits.TAG_CHARS), default=list, blank=True)
    picture = models.CharField(max_length=200, blank=True, default="")
    """Key in the bucket of AI kinds; empty where there is none."""
    source_job = models.UUIDField(null=True, blank=True)
    """The `ai.question_segmentation` that it comes from."""
    source_place = models.PositiveSmallIntegerField(null=True, blank=True)
    """Its place among that job's questions, from 1."""
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "problem"
        ordering = ["created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # A job that is taken over twice adds nothing.
            models.UniqueConstraint(
                fields=["collection", "source_job", "source_place"],
                name="problem_once_per_source",
                condition=Q(source_job__isnull=False),
            ),
            models.CheckConstraint(condition=~Q(text=""), name="problem_has_text"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["collection", "-created_at", "-id"], name="problem_list"),
            models.Index(fields=["tenant", "id"], name="problem_of_tenant"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class EncoderModel(models.Model):
    """A model that has made vectors, of all academies. Its weights' hash is its identity."""

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64, unique=True)

    class Meta:
        db_table = "problem_encoder"

    def __str__(self) -> str:
        return f"{self.name} {self.sha256[:12]}"


class ProblemVector(TenantScopedModel):
    """Where one model puts a problem: float16, little-endian, of length 1."""

    pk = models.CompositePrimaryKey("problem_id", "model_id")
    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="vectors")
    model = models.ForeignKey(EncoderModel, on_delete=models.PROTECT, related_name="+")
    collection_id = models.UUIDField()
    """The problem's, so that a search reads one table."""
    vector = models.BinaryField()

    class Meta(TenantScopedModel.Meta):
        db_table = "problem_vector"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "model", "problem"], name="problem_vector_search")
        ]

    def __str__(self) -> str:
        return str(self.problem_id)


class IndexVersion(TenantScopedModel):
    """Counts the changes of an academy's vectors: what a process has cached is of one version."""

    tenant = models.OneToOneField(
        "tenants.Tenant", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    version = models.BigIntegerField(default=0)

    class Meta(TenantScopedModel.Meta):
        db_table = "problem_index_version"

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.version}"


class LoosePicture(TenantScopedModel):
    """An object that no problem has: not yet, or no more. The sweep deletes it when it is due."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=200, unique=True)
    due_at = models.DateTimeField()

    class Meta(TenantScopedModel.Meta):
        db_table = "problem_loose_picture"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], name="problem_loose_due")
        ]

    def __str__(self) -> str:
        return self.key
