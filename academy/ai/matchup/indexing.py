"""`ai.embedding_index`: every problem gets a vector of the present model.

What is encoded is stored at once, so that a worker that dies loses one batch, and a repeated job
encodes what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from academy.ai.matchup.params import IndexParams, IndexPartParams
from academy.core.crash import crash_point
from academy.documents.envelope import Envelope, ModelRef
from academy.inference import text
from academy.jobs.context import Child, Done, FanOut, JobContext
from academy.jobs.steps import Step
from academy.problems import vectors
from academy.problems.models import EncoderModel, Problem, ProblemVector
from academy.problems.search import encoded
from academy.problems.selectors import problems_within, vectors_within, without_vector

SCHEMA: Final = 1
ENGINE: Final = "e5"
JOIN: Final = "join"
PART_KIND: Final = "ai.embedding_part"
PART: Final = 2_000
"""Problems of one part: about 20 s on two cores."""
BATCH: Final = 128
"""Problems that are stored together."""
_ENCODING: Final = Step("encoding", 0, 99)


def run(context: JobContext[IndexParams]) -> Done | FanOut:
    """Encode what has no vector yet, over many workers where it is much."""
    encoder, envelope = text.encoder(), Envelope(SCHEMA, engine=ENGINE)
    model = model_row(envelope, encoder, premium=True)
    collection = context.params.collection
    within = None if collection is None else [collection]
    problems = problems_within(tenant=context.tenant_id, collections=within)
    left = _ids(without_vector(problems, model))
    if len(left) > PART and context.phase != JOIN:
        context.log.info("%d problems to encode, by parts", len(left))
        return FanOut(list(_parts(collection, left)), then=JOIN, until_percent=_ENCODING.end)
    made = sum(child.result["result"]["encoded"] for child in context.children())
    with envelope.timed("encode"):
        # In the join: what was added meanwhile.
        made += _encode(context, encoder, model, left)
    superseded = _drop_others(context.tenant_id, model, within)
    present = vectors_within(tenant=context.tenant_id, model=model, collections=within)
    return Done(
        envelope.wrap(
            {
                "collection": None if collection is None else str(collection),
                "problems": problems.count(),
                "rows": present.count(),
                "encoded": made,
                "superseded": superseded,
                "dimension": vectors.DIMENSION,
                "stored_as": "float16",
            }
        )
    )


def run_part(context: JobContext[IndexPartParams]) -> Done:
    """Encode those of a range of ids that have no vector yet."""
    encoder, envelope = text.encoder(), Envelope(SCHEMA, engine=ENGINE)
    model = model_row(envelope, encoder, premium=True)
    params = context.params
    within = None if params.collection is None else [params.collection]
    problems = problems_within(tenant=context.tenant_id, collections=within)
    left = _ids(without_vector(problems.filter(pk__range=(params.first, params.last)), model))
    with envelope.timed("encode"):
        made = _encode(context, encoder, model, left)
    return Done(envelope.wrap({"encoded": made}))


def model_row(envelope: Envelope, encoder: text.Encoder, *, premium: bool) -> EncoderModel:
    """The model's row; the envelope says which it is, and on what it runs.

    ``premium``: the job was sold with a GPU, and warns where there was none.
    """
    envelope.model = ModelRef(encoder.model["name"], encoder.model["sha256"])
    envelope.ran_on(encoder.device, premium=premium)
    return vectors.encoder_model(name=encoder.model["name"], sha256=encoder.model["sha256"])


def _ids(problems: QuerySet[Problem]) -> list[UUID]:
    return list(problems.order_by("pk").values_list("pk", flat=True))


def _parts(collection: UUID | None, ids: Sequence[UUID]) -> Iterator[Child]:
    for number, start in enumerate(range(0, len(ids), PART), start=1):
        part = ids[start : start + PART]
        params = {
            "collection": None if collection is None else str(collection),
            "first": str(part[0]),
            "last": str(part[-1]),
        }
        yield Child(f"part-{number:04d}", PART_KIND, params)


def _encode(
    context: JobContext[Any], encoder: text.Encoder, model: EncoderModel, ids: Sequence[UUID]
) -> int:
    made = 0
    for start in range(0, len(ids), BATCH):
        told = _teller(context, start, len(ids))
        told(0)
        batch = ids[start : start + BATCH]
        problems = Problem.objects.for_tenant(context.tenant_id).filter(pk__in=batch)
        texts = dict(problems.values_list("pk", "text"))
        found = encoder.encode(list(texts.values()), role="passage", on_batch=told)
        made += vectors.store(context.tenant_id, model, list(texts), encoded(found))
        crash_point("matchup.encoded")
    return made


def _teller(context: JobContext[Any], before: int, total: int) -> Callable[[int], None]:
    """Tells how far it is, and ends the work where the attempt must."""

    def tell(done: int) -> None:
        context.raise_if_cancelled()
        context.progress(_ENCODING.name, _ENCODING.at((before + done) / total))

    return tell


def _drop_others(tenant_id: UUID, model: EncoderModel, within: Sequence[UUID] | None) -> int:
    """Delete what other models made of problems that this one has encoded."""
    own = vectors_within(tenant=tenant_id, model=model, collections=within)
    others = ProblemVector.objects.for_tenant(tenant_id).exclude(model=model)
    with transaction.atomic():
        dropped, _ = others.filter(problem_id__in=own.values("problem_id")).delete()
        if dropped:
            vectors.changed(tenant_id)
    return dropped
