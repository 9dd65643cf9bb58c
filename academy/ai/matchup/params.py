"""Parameters of the match-up kinds, as clients submit them, and what they must find."""

from __future__ import annotations

from typing import Annotated, Final, Self, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from academy.ai.corrections.selectors import standing
from academy.ai.tiers import TieredParams
from academy.core.errors import AppError
from academy.jobs.kinds import Params
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.problems.limits import MAX_TAGS, NUMBER_CHARS, TAG_CHARS, TEXT_CHARS, TITLE_CHARS
from academy.problems.selectors import collection_get, collections_check
from academy.problems.services import room_check

SEGMENTATION: Final = "ai.question_segmentation"
MAX_QUESTIONS: Final = 200
"""Of one search."""
MAX_COLLECTIONS: Final = 50
MAX_HITS: Final = 10
MIN_SCORE: Final = 0.89
"""The default; `docs/how-to/find-problems.md` says what it was chosen by."""


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("control characters are not allowed")
    return text


_Plain: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True), AfterValidator(_storable)
]
Text: TypeAlias = Annotated[_Plain, StringConstraints(min_length=1, max_length=TEXT_CHARS)]


class IndexParams(TieredParams):
    """Encode the problems that have no vector of the present model."""

    collection: UUID | None = Field(default=None, description="Null: all of the academy's.")


class IndexPartParams(Params):
    """Some of them, by the order of their ids."""

    collection: UUID | None
    first: UUID
    last: UUID


class ImportParams(TieredParams):
    """Add the questions of a divided test to a collection, with their texts and pictures."""

    collection: UUID
    job: UUID = Field(description="An `ai.question_segmentation` that succeeded.")
    tags: list[Annotated[_Plain, StringConstraints(min_length=1, max_length=TAG_CHARS)]] = Field(
        default_factory=list, max_length=MAX_TAGS, description="Of every problem."
    )


class AskedQuestion(Params):
    """A question as text."""

    text: Text
    number: Annotated[_Plain, StringConstraints(max_length=NUMBER_CHARS)] = ""


class SearchParams(TieredParams):
    """Search a question, or every question of an examination, in the academy's own material."""

    text: Text | None = Field(default=None, description="One question.")
    questions: list[AskedQuestion] | None = Field(
        default=None, min_length=1, max_length=MAX_QUESTIONS, description="An examination as text."
    )
    job: UUID | None = Field(
        default=None,
        description="An examination that an `ai.question_segmentation` divided.",
    )
    collections: list[UUID] | None = Field(
        default=None, min_length=1, max_length=MAX_COLLECTIONS, description="Null: all."
    )
    top_k: int = Field(default=5, ge=1, le=MAX_HITS, strict=True, description="Hits a question.")
    min_score: float = Field(
        default=MIN_SCORE, ge=0, le=1, strict=True, description="A cosine below it is no hit."
    )
    report: bool = Field(
        default=True, strict=True, description="Make a PDF of an examination's hits."
    )
    title: Annotated[_Plain, StringConstraints(max_length=TITLE_CHARS)] = Field(
        default="", description="Of the report."
    )

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [self.text, self.questions, self.job]
        if sum(one is not None for one in given) != 1:
            raise ValueError("give one of text, questions and job")
        return self

    @property
    def is_exam(self) -> bool:
        """Whether it is about more than one question."""
        return self.text is None


def index_check(tenant_id: UUID, params: IndexParams) -> None:
    """For KindSpec. Raises AppError collection_not_found."""
    if params.collection is not None:
        collection_get(tenant=tenant_id, collection_id=params.collection)


def import_check(tenant_id: UUID, params: ImportParams) -> None:
    """For KindSpec.

    Raises AppError: collection_not_found, job_not_found, segmentation_unusable, collection_full,
    problems_too_many.
    """
    collection = collection_get(tenant=tenant_id, collection_id=params.collection)
    segmentation_of(tenant_id, params.job)
    room_check(tenant_id, collection, 1)


def search_check(tenant_id: UUID, params: SearchParams) -> None:
    """For KindSpec.

    Raises AppError: collection_not_found, job_not_found, segmentation_unusable,
    matchup_too_many_questions.
    """
    collections_check(tenant_id, params.collections or [])
    if params.job is not None:
        count = len(questions_in(segmentation_of(tenant_id, params.job)))
        if count > MAX_QUESTIONS:
            raise AppError("matchup_too_many_questions", count=count, limit=MAX_QUESTIONS)


def segmentation_of(tenant_id: UUID, job_id: UUID) -> Job:
    """The tenant's job that divided a test.

    Raises AppError: job_not_found, segmentation_unusable.
    """
    job = Job.objects.for_tenant(tenant_id).filter(pk=job_id).first()
    if job is None:
        raise AppError("job_not_found")
    if job.kind != SEGMENTATION or job.state != JobState.SUCCEEDED:
        raise AppError("segmentation_unusable")
    return job


def questions_in(job: Job) -> list[dict[str, object]]:
    """The questions of a segmentation as they count now: corrected, or as they were found."""
    return standing(job).questions


def questions_asked(tenant_id: UUID, params: SearchParams) -> int:
    """For the offer: the questions are what is paid for."""
    if params.job is not None:
        return len(questions_in(segmentation_of(tenant_id, params.job)))
    return len(params.questions or [params.text])


def questions_taken(tenant_id: UUID, params: ImportParams) -> int:
    """For the offer: the questions are what is paid for."""
    return len(questions_in(segmentation_of(tenant_id, params.job)))
