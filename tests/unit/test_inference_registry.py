"""The registry of files on this host: verified once, and never used where it is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from academy.inference import files, registry
from academy.jobs.classify import Permanent, classify
from academy.jobs.errors import PermanentError

BODY = b"weights" * 100


def entry(**changes: Any) -> dict[str, Any]:
    facts = {
        "uri": "a.onnx",
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "bytes": len(BODY),
        "format": "onnx",
    }
    return {**facts, **changes}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry.forget()
    yield
    registry.forget()


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Path:
    """A folder with one model, which the settings name."""
    (tmp_path / "a.onnx").write_bytes(BODY)
    settings.MODEL_REGISTRY = str(tmp_path / "registry.json")
    settings.MODEL_CACHE_DIR = tmp_path / "cache"
    write(tmp_path, entry())
    return tmp_path


def write(folder: Path, model: dict[str, Any], **more: Any) -> None:
    document = {"schema_version": 1, "models": {"a@1": model}, **more}
    (folder / "registry.json").write_text(json.dumps(document), encoding="utf-8")


def test_a_file_beside_the_registry_is_used_where_it_lies(place: Path) -> None:
    assert registry.path("a@1") == place / "a.onnx"
    assert registry.identity("a@1") == {"name": "a@1", "sha256": hashlib.sha256(BODY).hexdigest()}
    assert not (place / "cache").exists()


def test_a_file_elsewhere_is_named_in_full(place: Path) -> None:
    other = place / "other folder" / "b.onnx"
    other.parent.mkdir()
    other.write_bytes(BODY)
    write(place, entry(uri=other.as_uri()))
    assert registry.path("a@1") == other


@pytest.mark.parametrize("body", [BODY[:-1] + b"!", BODY + b"!", b""])
def test_other_bytes_are_never_used(place: Path, body: bytes) -> None:
    (place / "a.onnx").write_bytes(body)
    for _ in range(2):
        with pytest.raises(PermanentError) as caught:
            registry.path("a@1")
        assert caught.value.code == "model_wrong_hash"


def test_a_file_is_verified_once_for_a_process(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    check = files._is_right
    monkeypatch.setattr(
        files, "_is_right", lambda path, model: read.append(path) or check(path, model)
    )
    registry.path("a@1")
    registry.path("a@1")
    assert len(read) == 1
    registry.forget()
    registry.path("a@1")
    assert len(read) == 2


def test_what_is_not_registered_is_not_configured(place: Path) -> None:
    for ask in (registry.path, registry.identity, registry.default):
        with pytest.raises(registry.NotConfiguredError) as caught:
            ask("b@1")
        assert classify(caught.value) == Permanent("model_not_configured", {"model": "b@1"})


def test_a_registered_file_that_is_gone_is_not_configured(place: Path) -> None:
    (place / "a.onnx").unlink()
    with pytest.raises(registry.NotConfiguredError):
        registry.path("a@1")


@pytest.mark.parametrize("content", [None, "{", '{"schema_version": 1}'])
def test_a_registry_that_cannot_be_read_configures_nothing(
    place: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    (place / "registry.json").unlink()
    if content is not None:
        (place / "registry.json").write_text(content)
    with pytest.raises(registry.NotConfiguredError):
        registry.path("a@1")
    assert "the registry of models" in caplog.text


def test_no_registry_configures_nothing(settings: Any) -> None:
    settings.MODEL_REGISTRY = ""
    with pytest.raises(registry.NotConfiguredError):
        registry.path("a@1")


def test_a_purpose_is_served_by_its_default(place: Path) -> None:
    write(place, entry(), defaults={"text": "a@1"})
    assert registry.default("text") == "a@1"


def test_a_bucket_of_somebody_else_is_not_configured(place: Path) -> None:
    write(place, entry(uri="s3://somebody-elses/a.onnx"))
    with pytest.raises(registry.NotConfiguredError):
        registry.path("a@1")
