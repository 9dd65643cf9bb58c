"""Real workers, relays, APIs and a PostgreSQL that can be stopped: one world a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from academy.tenants.models import Tenant
from tests.support.world import World


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a module share its world: they run in one process, in their order (loadfile)."""
    for item in items:
        if "tests/acceptance/" in item.nodeid:
            item.add_marker(pytest.mark.platform)
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="module")
def world(django_db_blocker) -> Iterator[World]:
    with django_db_blocker.unblock(), World() as made:
        yield made


@pytest.fixture
def tenant(world: World) -> Tenant:
    return world.tenant()
