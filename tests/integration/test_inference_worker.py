"""Models in real worker processes: loaded by the children alone, and anew by each of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.models import needs_encoder
from tests.support.world import VISIBILITY_SECONDS, World

pytestmark = [
    pytest.mark.integration,
    pytest.mark.platform,
    pytest.mark.timeout(300),
    *needs_encoder,
]

_TEXTS = ["이차방정식의 두 근의 합을 구하시오.", "다음 글의 주제로 가장 적절한 것은?"]


@pytest.fixture
def world(django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), World(MODEL_WARM_START="1") as made:
        yield made


def test_children_load_models_beside_a_parent_that_only_keeps_their_messages(world: World) -> None:
    """A job that computes for longer than its message's visibility runs once, in a warm child; the
    child's successor loads the same model again, in a fork of the same parent.
    """
    tenant = world.tenant()
    world.relay().said("relay up")
    worker = world.worker("ai-premium").said(" ready.")
    worker.said("loaded on cpu", 120)

    (long,) = world.submit(tenant, "test.encode", texts=_TEXTS, seconds=VISIBILITY_SECONDS * 1.5)
    world.end(long, seconds=90)

    assert (long.state, long.attempt) == ("succeeded", 1), long.error_code
    assert long.result["rounds"] > 1
    assert long.result["torch_here"]
    assert not long.result["torch_in_parent"]
    assert long.result["device"] == "cpu"

    os.kill(long.result["pid"], signal.SIGKILL)
    (again,) = world.submit(tenant, "test.encode", texts=_TEXTS)
    world.end(again, seconds=120)

    assert again.state == "succeeded", again.error_code
    assert again.result["pid"] != long.result["pid"]
    assert not again.result["torch_in_parent"]
    assert again.result["model"] == long.result["model"]
    assert np.allclose(again.result["vector"], long.result["vector"], atol=1e-6)
    assert worker.alive
