"""The job core on a real PostgreSQL."""

from __future__ import annotations

import pytest

from academy.jobs import kinds
from academy.tenants.models import Tenant
from tests.support.jobs import Handlers, make_tenant
from tests.support.kinds import registry


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings, tmp_path) -> None:
    """The test kinds, and whatever a test registers, for this test only."""
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    return Handlers(monkeypatch)


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> Tenant:
    request.getfixturevalue("transactional_db" if _commits(request) else "db")
    return make_tenant()


def _commits(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("django_db")
    return marker is not None and bool(marker.kwargs.get("transaction"))
