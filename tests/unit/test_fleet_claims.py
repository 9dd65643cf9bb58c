"""A message that is held while its queue is paused goes back before its job is claimed."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from uuid import uuid4

import pytest
from celery.exceptions import Reject

from tasks import base
from tasks.worker import fleet

TASK = SimpleNamespace(request=None)
"""Nothing of the request is needed: whoever looks at it or at the database fails the test."""


@pytest.fixture(autouse=True)
def _held_back() -> Iterator[None]:
    fleet._holding[0] = 1
    yield
    fleet._holding[0] = 0


def test_a_job_is_not_claimed_while_work_is_held_back() -> None:
    with pytest.raises(Reject) as caught:
        base.run_job(TASK, job=str(uuid4()), version=1)
    assert caught.value.requeue is True


def test_poison_goes_to_the_dead_letters_also_then() -> None:
    with pytest.raises(Reject) as caught:
        base.run_job(TASK, job="../../etc/passwd", version=1)
    assert caught.value.requeue is False
