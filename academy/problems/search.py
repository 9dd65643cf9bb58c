"""Exact search: every vector of the tenant is compared, so that nothing near is ever missed.

For workers alone: the API has no numpy. A process keeps the vectors of the tenants that it searched
last, `CACHE_BYTES` in all, each as of one version; a tenant too large for that is read in blocks
for every search. Why not an index of approximate neighbours: ``docs/decisions/0013``.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import UUID

import numpy as np

from academy.problems import vectors
from academy.problems.models import EncoderModel
from academy.problems.selectors import vectors_within
from academy.problems.vectors import DIMENSION, RawBlock

CACHE_BYTES: Final = 96 << 20
"""Of one process: about 120,000 vectors."""
_ID_BYTES: Final = 16
_DECIMALS: Final = 5
"""Of a score: what float16 leaves of one."""
_STORED: Final = np.dtype("<f2")

Vectors: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
"""Shape (n, `DIMENSION`), each of length 1."""


@dataclass(frozen=True)
class Found:
    """A problem near a query; ``score`` is the cosine."""

    problem: UUID
    score: float


@dataclass(frozen=True)
class _Key:
    tenant: UUID
    model: int


@dataclass(frozen=True)
class _Kept:
    version: int
    blocks: tuple[RawBlock, ...]
    size: int


class Cache:
    """The vectors of some tenants, those that were searched last."""

    def __init__(self, capacity: int = CACHE_BYTES) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def blocks(self, tenant_id: UUID, model: EncoderModel) -> Iterable[RawBlock]:
        """All vectors of the tenant that the model made, as they are now or later."""
        key = _Key(tenant_id, model.pk)
        # Read before the vectors: what changes in between is loaded again at the next search.
        version = vectors.version_of(tenant_id)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.version == version:
                self._kept.move_to_end(key)
                return kept.blocks
            self._kept.pop(key, None)
        count = vectors_within(tenant=tenant_id, model=model, collections=None).count()
        if _size(count) > self._capacity:
            return vectors.blocks(tenant_id, model)
        loaded = tuple(vectors.blocks(tenant_id, model))
        self._keep(key, _Kept(version, loaded, _size(sum(block.rows for block in loaded))))
        return loaded

    def _keep(self, key: _Key, kept: _Kept) -> None:
        with self._lock:
            self._kept[key] = kept
            while sum(one.size for one in self._kept.values()) > self._capacity:
                self._kept.popitem(last=False)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(one.size for one in self._kept.values())


_cache: Final = Cache()


def search(
    tenant_id: UUID,
    model: EncoderModel,
    queries: Vectors,
    *,
    most: int,
    least: float = -1.0,
    collections: Collection[UUID] | None = None,
    cache: Cache = _cache,
) -> list[list[Found]]:
    """The ``most`` nearest problems of each query, the nearest first; none below ``least``.

    ``queries`` were encoded by the same model: ValueError for another dimension. Equal scores are
    ordered by id.
    """
    if queries.ndim != 2 or queries.shape[1] != DIMENSION:
        raise ValueError(f"queries have the shape {queries.shape}, not (n, {DIMENSION})")
    best: list[list[Found]] = [[] for _ in queries]
    transposed = np.ascontiguousarray(queries.T, dtype=np.float32)
    for block in cache.blocks(tenant_id, model):
        for at, found in enumerate(_nearest(block, transposed, most, least, collections)):
            best[at] = sorted([*best[at], *found], key=_order)[:most]
    return best


def encoded(made: Vectors) -> list[bytes]:
    """Vectors as they are stored."""
    return [row.tobytes() for row in made.astype(_STORED)]


def decoded(raw: bytes) -> Vectors:
    """Stored vectors, one behind the other, as an array."""
    return np.frombuffer(raw, _STORED).reshape(-1, DIMENSION).astype(np.float32)


def _nearest(
    block: RawBlock,
    queries: Vectors,
    most: int,
    least: float,
    collections: Collection[UUID] | None,
) -> Iterator[list[Found]]:
    stored = np.frombuffer(block.vectors, _STORED).reshape(-1, DIMENSION)
    rows = np.arange(block.rows)
    if collections is not None:
        rows = _rows_of(block, collections)
        stored = stored[rows]
    # The same vector in two rows of a product comes out different in the last bits.
    scores = (stored.astype(np.float32) @ queries).T.round(_DECIMALS)
    for one in scores:
        # One more than asked for would not do: of equal scores the lowest id is wanted.
        bar = least
        if len(one) > most:
            bar = max(least, float(np.partition(one, -most)[-most]))
        near = np.flatnonzero(one >= bar)
        found = [Found(_id(block.problems, int(rows[at])), float(one[at])) for at in near]
        yield sorted(found, key=_order)[:most]


def _rows_of(block: RawBlock, collections: Collection[UUID]) -> np.ndarray[Any, Any]:
    """The rows of these collections: two halves of an id are two numbers."""
    halves = np.frombuffer(block.collections, "<u8").reshape(-1, 2)
    wanted = np.zeros(block.rows, dtype=bool)
    for collection in collections:
        first, second = np.frombuffer(collection.bytes, "<u8")
        wanted |= (halves[:, 0] == first) & (halves[:, 1] == second)
    return np.flatnonzero(wanted)


def _id(ids: bytes, row: int) -> UUID:
    return UUID(bytes=ids[_ID_BYTES * row : _ID_BYTES * (row + 1)])


def _order(found: Found) -> tuple[float, UUID]:
    return -found.score, found.problem


def _size(rows: int) -> int:
    return rows * (vectors.VECTOR_BYTES + 2 * _ID_BYTES)
