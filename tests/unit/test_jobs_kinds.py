"""The registry of kinds."""

from __future__ import annotations

import dataclasses
from importlib import import_module

import pytest
from pydantic import ValidationError

from academy.core.storage import Bucket
from academy.jobs import kinds
from tasks import queues


class _Params(kinds.Params):
    n: int = 0


def _spec(**changes: object) -> kinds.KindSpec[_Params]:
    known = {
        "name": "made.up",
        "version": 3,
        "queue": "ai-lite",
        "params": _Params,
        "handler": "tests.support.kinds.handlers:ok",
        "bucket": "storage",
    }
    return kinds.KindSpec(**{**known, **changes})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))


def test_a_kind_is_registered_once():
    kinds.register(_spec())
    kinds.register(_spec())
    with pytest.raises(ValueError, match="registered twice"):
        kinds.register(_spec(version=4))


def test_a_worker_claims_its_version_and_all_older_ones():
    kinds.register(_spec())
    mine = [name for name in kinds.known_versions() if name.startswith("made.up:")]
    assert mine == ["made.up:1", "made.up:2", "made.up:3"]


def test_parameters_refuse_what_they_do_not_know_and_cannot_change():
    spec = _spec()
    assert spec.parse({"n": 4}).n == 4
    with pytest.raises(ValidationError):
        spec.parse({"m": 1})
    with pytest.raises(ValidationError):
        spec.parse([])
    with pytest.raises(ValidationError):
        spec.parse({}).n = 5  # type: ignore[misc]


def test_every_registered_kind_can_be_run():
    queue_names = {row.name for row in queues.table()}
    for spec in kinds.all_kinds():
        assert spec.queue in queue_names, spec.name
        assert spec.bucket in set(Bucket), spec.name
        assert callable(spec.load_handler()), spec.name
        assert issubclass(spec.params, kinds.Params), spec.name
        limit = queues.by_name(spec.queue).soft_time_limit
        assert limit is None or spec.timeout_seconds < limit, f"{spec.name}: Celery cuts it first"


def test_a_handler_is_a_name_so_that_the_api_never_imports_it():
    for spec in kinds.all_kinds():
        module, _, name = spec.handler.partition(":")
        assert hasattr(import_module(module), name)
        assert not any(callable(v) for f, v in _fields(spec) if f == "handler")


def _fields(spec: kinds.KindSpec) -> list[tuple[str, object]]:
    return [(f.name, getattr(spec, f.name)) for f in dataclasses.fields(spec)]


def test_there_is_a_ping_for_every_queue():
    for row in queues.table():
        assert kinds.get(f"system.ping.{row.name}").queue == row.name
