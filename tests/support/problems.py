"""Material for tests: collections, problems, and vectors that a test makes up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from academy.core.ids import new_id
from academy.problems import services, vectors
from academy.problems.fields import Origin
from academy.problems.models import Collection, EncoderModel, Problem
from academy.problems.search import encoded
from academy.problems.vectors import DIMENSION
from academy.tenants.models import Tenant


def collection(tenant: Tenant, title: str = "") -> Collection:
    """A collection without problems."""
    return services.collection_create(
        tenant=tenant, title=title or f"자료 {new_id().hex[-12:]}", origin=Origin.PAST_EXAM
    )


def added(tenant: Tenant, into: Collection, texts: Sequence[str]) -> list[Problem]:
    """Problems of these texts, numbered from 1."""
    new = [services.NewProblem(text=text, number=str(n)) for n, text in enumerate(texts, 1)]
    return services.problems_add(tenant=tenant, collection_id=into.pk, problems=new)


def model(name: str = "made-up") -> EncoderModel:
    """A model of its own."""
    return vectors.encoder_model(name=name, sha256=new_id().hex * 2)


def directions(count: int, seed: int) -> np.ndarray[Any, Any]:
    """Vectors of length 1 in all directions."""
    made = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    unit: np.ndarray[Any, Any] = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


def indexed(
    tenant: Tenant, by: EncoderModel, problems: Sequence[Problem], made: np.ndarray[Any, Any]
) -> int:
    """Store the vectors of the problems."""
    return vectors.store(tenant.pk, by, [problem.pk for problem in problems], encoded(made))
