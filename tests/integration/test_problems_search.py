"""Exact search over stored vectors: what a plain comparison finds, of one tenant and one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from academy.problems import search, services, vectors
from academy.problems.models import Collection, EncoderModel, Problem
from academy.problems.search import Cache, Found, decoded, encoded
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant
from tests.support.problems import added, collection, directions, indexed, model

pytestmark = pytest.mark.django_db


class Bank:
    """A tenant with two collections of vectors of one model."""

    def __init__(self, rows: int = 60, *, seed: int = 1, by: EncoderModel | None = None) -> None:
        self.tenant: Tenant = make_tenant()
        self.model = by or model()
        self.collections: list[Collection] = [collection(self.tenant) for _ in range(2)]
        self.vectors = directions(rows, seed)
        self.problems: list[Problem] = []
        half = rows // 2
        for own, count in zip(self.collections, (half, rows - half), strict=True):
            self.problems += added(self.tenant, own, ["문제"] * count)
        assert indexed(self.tenant, self.model, self.problems, self.vectors) == rows

    def search(self, queries: np.ndarray[Any, Any], **options: Any) -> list[list[Found]]:
        options = {"most": 5, "cache": Cache()} | options
        return search.search(self.tenant.pk, self.model, queries, **options)

    def plain(self, query: np.ndarray[Any, Any], among: Sequence[int]) -> list[UUID]:
        """What comparing one after the other finds."""
        stored = decoded(b"".join(encoded(self.vectors)))
        order = sorted(among, key=lambda at: (-float(stored[at] @ query), self.problems[at].pk))
        return [self.problems[at].pk for at in order]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "BLOCK_ROWS", 7)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("capacity", [0, 1 << 20])
def test_the_nearest_are_those_of_a_plain_comparison_whether_kept_or_read_in_blocks(
    capacity: int,
) -> None:
    bank, queries, cache = Bank(), directions(4, seed=9), Cache(capacity)
    for _ in range(2):
        found = bank.search(queries, cache=cache)
        for query, hits in zip(queries, found, strict=True):
            assert [hit.problem for hit in hits] == bank.plain(query, range(60))[:5]
            assert [hit.score for hit in hits] == sorted((h.score for h in hits), reverse=True)
    assert (cache.size > 0) == (capacity > 0)


@pytest.mark.usefixtures("small_blocks")
def test_only_the_collections_that_are_named_are_searched() -> None:
    bank, queries = Bank(), directions(2, seed=3)
    second = range(30, 60)
    found = bank.search(queries, collections=[bank.collections[1].pk])
    for query, hits in zip(queries, found, strict=True):
        assert [hit.problem for hit in hits] == bank.plain(query, second)[:5]
    assert bank.search(queries, collections=[]) == [[], []]


def test_below_the_least_score_there_is_no_hit() -> None:
    bank = Bank()
    (hits,) = bank.search(bank.vectors[:1], least=0.9)
    assert [hit.problem for hit in hits] == [bank.problems[0].pk]
    assert hits[0].score == pytest.approx(1, abs=1e-3)
    assert bank.search(-bank.vectors[:1], least=0.9) == [[]]


def test_equal_scores_are_ordered_by_id_and_the_lowest_is_never_cut_off() -> None:
    tenant, own, by = make_tenant(), None, model()
    own = collection(tenant)
    problems = added(tenant, own, ["같은 문제"] * 9)
    same = np.repeat(directions(1, seed=4), 9, axis=0)
    indexed(tenant, by, list(reversed(problems)), same)
    (hits,) = search.search(tenant.pk, by, same[:1], most=4, cache=Cache())
    assert [hit.problem for hit in hits] == sorted(problem.pk for problem in problems)[:4]


def test_vectors_of_another_model_are_never_compared() -> None:
    bank, other = Bank(), model("another")
    assert search.search(bank.tenant.pk, other, directions(1, 1), most=5, cache=Cache()) == [[]]
    indexed(bank.tenant, other, bank.problems[:1], bank.vectors[5:6])
    found = search.search(bank.tenant.pk, other, bank.vectors[5:6], most=5, cache=Cache())
    assert [[hit.problem for hit in hits] for hits in found] == [[bank.problems[0].pk]]
    assert bank.search(bank.vectors[5:6], most=1)[0][0].problem == bank.problems[5].pk


def test_another_tenants_kept_vectors_are_never_compared_and_its_problems_never_indexed() -> None:
    by, cache = model(), Cache()
    bank, stranger = Bank(by=by), Bank(4, seed=2, by=by)
    bank.search(bank.vectors[:1], cache=cache)
    for options in ({}, {"collections": [bank.collections[0].pk]}):
        hits = stranger.search(bank.vectors[:1], cache=cache, **options)[0]
        assert {hit.problem for hit in hits} <= {problem.pk for problem in stranger.problems}
    assert indexed(stranger.tenant, model(), bank.problems, bank.vectors) == 0


@pytest.mark.parametrize("capacity", [0, 1 << 20])
def test_what_is_deleted_is_not_found_and_what_is_added_is(capacity: int) -> None:
    bank, cache = Bank(10), Cache(capacity)
    first, query = bank.problems[0], bank.vectors[:1]
    assert bank.search(query, cache=cache)[0][0].problem == first.pk
    services.problem_delete(tenant=bank.tenant, problem_id=first.pk)
    assert first.pk not in {hit.problem for hit in bank.search(query, cache=cache, most=20)[0]}
    (again,) = added(bank.tenant, bank.collections[0], ["다시"])
    indexed(bank.tenant, bank.model, [again], query)
    assert bank.search(query, cache=cache)[0][0].problem == again.pk
    services.collection_delete(tenant=bank.tenant, collection_id=bank.collections[0].pk)
    left = {problem.pk for problem in bank.problems[5:]}
    assert {hit.problem for hit in bank.search(query, cache=cache, most=20)[0]} == left


def test_a_process_keeps_the_tenants_it_searched_last_within_its_bytes() -> None:
    by = model()
    banks = [Bank(8, seed=seed, by=by) for seed in range(3)]
    one = 8 * (vectors.VECTOR_BYTES + 32)
    cache = Cache(2 * one)
    for bank in banks:
        bank.search(bank.vectors[:1], cache=cache)
    assert cache.size == 2 * one
    kept = cache.blocks(banks[2].tenant.pk, by)
    assert cache.blocks(banks[2].tenant.pk, by) is kept
    assert cache.blocks(banks[0].tenant.pk, by) is not kept
    assert cache.size == 2 * one


def test_a_vector_is_stored_once_and_of_the_right_size() -> None:
    bank = Bank(2)
    assert indexed(bank.tenant, bank.model, bank.problems, -bank.vectors) == 0
    with pytest.raises(ValueError, match="768 bytes"):
        vectors.store(bank.tenant.pk, model(), [bank.problems[0].pk], [b"short"])
    with pytest.raises(ValueError, match="shape"):
        bank.search(directions(1, 1)[:, :100])
