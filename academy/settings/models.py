"""Where the registry of models is, and where this host keeps the files that it fetched."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from academy.settings.reader import Reader


@dataclass(frozen=True, slots=True)
class ModelsEnvironment:
    """Models of this host."""

    registry: str
    """An absolute path, or ``s3://bucket/key``; empty: no models."""
    cache_dir: Path
    warm_start: bool
    """Whether a worker's processes load what they will need as they start."""


def read(reader: Reader, buckets: Collection[str]) -> ModelsEnvironment:
    """Read and check both; ``buckets`` are the names of those that the platform has keys for."""
    registry = reader.text("MODEL_REGISTRY", "")
    if registry.startswith("s3://"):
        place = urlsplit(registry)
        if place.netloc not in buckets or not place.path.strip("/"):
            reader.problem(
                "MODEL_REGISTRY",
                "must be s3://bucket/key with the name of one of the four buckets (R2_*_BUCKET)",
            )
    elif registry and not Path(registry).is_absolute():
        reader.problem("MODEL_REGISTRY", "must be an absolute path or s3://bucket/key")
    cache = Path(reader.text("MODEL_CACHE_DIR", Path(tempfile.gettempdir()) / "academy-models"))
    if not cache.is_absolute():
        reader.problem("MODEL_CACHE_DIR", "must be an absolute path")
    return ModelsEnvironment(
        registry=registry,
        cache_dir=cache,
        warm_start=reader.flag("MODEL_WARM_START", default=True),
    )
