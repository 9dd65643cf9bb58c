"""The manifest of models: what it says, and what it refuses to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from academy.inference.manifest import ManifestError, parse

_MODEL = {"uri": "a.onnx", "sha256": "0" * 64, "bytes": 10, "format": "onnx"}


def manifest(models: dict[str, Any], **more: Any) -> str:
    return json.dumps({"schema_version": 1, "models": models, **more})


def test_a_model_needs_twice_its_file_unless_it_says_otherwise() -> None:
    read = parse(manifest({"a@1": _MODEL, "b@1": {**_MODEL, "memory_bytes": 99}}))
    assert read.models["a@1"].needed_bytes == 20
    assert read.models["b@1"].needed_bytes == 99


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"format": "pickle"}, "format"),
        ({"format": "pt"}, "format"),
        ({"sha256": "0" * 63}, "sha256"),
        ({"sha256": "0" * 64 + "\n"}, "sha256"),
        ({"bytes": 0}, "bytes"),
        ({"uri": "https://hub.example/a.onnx"}, "uri"),
        ({"uri": "../a.onnx"}, "uri"),
        ({"uri": "file:///models/../../etc/passwd"}, "uri"),
        ({"uri": "s3://bucket"}, "uri"),
        ({"trust": True}, "trust"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
def test_what_is_no_verifiable_file_of_data_is_refused(change: dict[str, Any], where: str) -> None:
    with pytest.raises(ManifestError, match=where):
        parse(manifest({"a@1": {**_MODEL, **change}}))


@pytest.mark.parametrize("name", ["a", "a@", "@1", "A@1", "a@1@2", "a b@1", "../a@1"])
def test_a_model_is_named_with_its_version(name: str) -> None:
    with pytest.raises(ManifestError, match="name@version"):
        parse(manifest({name: _MODEL}))


def test_defaults_and_parts_are_among_the_models() -> None:
    with pytest.raises(ManifestError, match="not among the models"):
        parse(manifest({"a@1": _MODEL}, defaults={"text": "b@1"}))
    with pytest.raises(ManifestError, match="part tokenizer is b@1"):
        parse(manifest({"a@1": {**_MODEL, "parts": {"tokenizer": "b@1"}}}))


def test_a_message_quotes_nothing_of_the_document() -> None:
    with pytest.raises(ManifestError) as caught:
        parse(manifest({"a@1": {**_MODEL, "uri": "https://user:secret@hub.example/a"}}))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 2, "models": {}}'])
def test_no_manifest_is_refused_in_words(text: str) -> None:
    with pytest.raises(ManifestError, match=r"\w"):
        parse(text)
