"""The stored vectors: written only for problems that there are, counted by version.

Vectors are bytes here; `academy.problems.search` makes arrays of them. Each is of one model, and no
statement reads those of two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from academy.problems.models import EncoderModel, IndexVersion

DIMENSION: Final = 384
VECTOR_BYTES: Final = 2 * DIMENSION
BLOCK_ROWS: Final = 4_096
_ZERO: Final = UUID(int=0)


@dataclass(frozen=True)
class RawBlock:
    """Some vectors, one behind the other: 16 bytes an id, `VECTOR_BYTES` a vector."""

    problems: bytes
    collections: bytes
    vectors: bytes

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.problems) // 16


def encoder_model(*, name: str, sha256: str) -> EncoderModel:
    """The row of a model, made at its first use."""
    return EncoderModel.objects.get_or_create(sha256=sha256, defaults={"name": name})[0]


# A problem that is being deleted is waited for, and then not there.
_STORE: Final = """
INSERT INTO problem_vector (problem_id, model_id, tenant_id, collection_id, vector)
SELECT problem.id, %(model)s, problem.tenant_id, problem.collection_id, made.vector
FROM unnest(%(ids)s::uuid[], %(vectors)s::bytea[]) AS made(id, vector)
JOIN problem ON problem.id = made.id AND problem.tenant_id = %(tenant)s
ORDER BY problem.id FOR KEY SHARE OF problem
ON CONFLICT (problem_id, model_id) DO NOTHING
"""
_CHANGED: Final = """
INSERT INTO problem_index_version (tenant_id, version) VALUES (%s, 1)
ON CONFLICT (tenant_id) DO UPDATE SET version = problem_index_version.version + 1
"""
_BLOCK: Final = """
SELECT string_agg(uuid_send(problem_id), ''::bytea ORDER BY problem_id),
       string_agg(uuid_send(collection_id), ''::bytea ORDER BY problem_id),
       string_agg(vector, ''::bytea ORDER BY problem_id)
FROM (SELECT problem_id, collection_id, vector FROM problem_vector
      WHERE tenant_id = %(tenant)s AND model_id = %(model)s AND problem_id > %(after)s
      ORDER BY problem_id LIMIT %(limit)s) AS page
"""


def store(
    tenant_id: UUID, model: EncoderModel, ids: Sequence[UUID], encoded: Sequence[bytes]
) -> int:
    """Store what the model made of the tenant's problems; returns how many are new.

    Problems that were deleted meanwhile, and foreign ones, are left out. ValueError for a vector
    of another size.
    """
    if any(len(one) != VECTOR_BYTES for one in encoded):
        raise ValueError(f"a vector has {VECTOR_BYTES} bytes")
    arguments: dict[str, Any] = {
        "tenant": tenant_id, "model": model.pk, "ids": list(ids), "vectors": list(encoded)
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_STORE, arguments)
        stored: int = cursor.rowcount
        if stored:
            changed(tenant_id)
    return stored


def changed(tenant_id: UUID) -> None:
    """Say that the tenant's vectors are others now; the last statement of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, [tenant_id])


def version_of(tenant_id: UUID) -> int:
    """Grows with every change of the tenant's vectors."""
    row = IndexVersion.objects.for_tenant(tenant_id).values_list("version", flat=True)
    return row.first() or 0


def blocks(tenant_id: UUID, model: EncoderModel) -> Iterator[RawBlock]:
    """All vectors of one tenant that the model made, `BLOCK_ROWS` at a time: memory stays flat."""
    after = _ZERO
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                _BLOCK,
                {
                    "tenant": tenant_id,
                    "model": model.pk,
                    "after": after,
                    "limit": BLOCK_ROWS,
                },
            )
            row = cursor.fetchone()
        if row[0] is None:
            return
        block = RawBlock(*map(bytes, row))
        yield block
        if block.rows < BLOCK_ROWS:
            return
        after = UUID(bytes=block.problems[-16:])
