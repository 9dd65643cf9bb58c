"""What must hold of an image before anything of it is started."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from deploy.images.container import Config
from deploy.images.table import Image

UID = 10001
LABELS = ("title", "description", "version", "revision", "created", "source")
SBOM = Path("usr/share/academy/sbom.cdx.json")
REGISTRY = Path("models/registry.json")
#: Compilers, and what package managers keep for their next run.
FORBIDDEN = (
    *("usr/bin/gcc", "usr/bin/cc", "usr/bin/g++", "usr/bin/make", "opt/tools", "weights"),
    *("root/.cache", "var/cache/apt/pkgcache.bin", "var/lib/apt/lists/*", "build", "added"),
)


def problems(image: Image, config: Config, root: Path) -> Iterator[str]:
    """Everything that is wrong with an unpacked image, as sentences."""
    if (config.uid, config.gid) != (UID, UID):
        yield f"it runs as {config.uid}:{config.gid}, not as {UID}"
    for label in LABELS:
        if not config.labels.get(f"org.opencontainers.image.{label}"):
            yield f"it has no label {label}"
    for pattern in FORBIDDEN:
        for found in root.glob(pattern):
            yield f"it contains /{found.relative_to(root)}"
    if not image.is_started:
        return
    if config.labels.get("org.opencontainers.image.title") != image.name:
        yield f"it calls itself {config.labels.get('org.opencontainers.image.title')}"
    if not config.health:
        yield "it has no HEALTHCHECK"
    for volume in sorted({"/scratch", "/tmp"} - set(config.volumes)):  # noqa: S108 - of the image
        yield f"it declares no volume at {volume}"
    yield from _bill_of_materials(image, root)
    yield from _models(root)


def _bill_of_materials(image: Image, root: Path) -> Iterator[str]:
    try:
        bill = json.loads((root / SBOM).read_text())
    except (OSError, ValueError) as error:
        yield f"its SBOM cannot be read ({error})"
        return
    if bill["metadata"]["component"]["name"] != image.name:
        yield f"its SBOM is of {bill['metadata']['component']['name']}"
    purls = [component["purl"].partition("@")[0] for component in bill["components"]]
    for package in ("pkg:pypi/django", "pkg:pypi/celery", "pkg:deb/debian/tini"):
        if package not in purls:
            yield f"its SBOM lacks {package}"


def _models(root: Path) -> Iterator[str]:
    registry = root / REGISTRY
    if not registry.is_file():
        return
    for name, facts in json.loads(registry.read_text())["models"].items():
        file = registry.parent / facts["uri"]
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != facts["sha256"]:
                yield f"the model {name} has another hash than its registry says"
