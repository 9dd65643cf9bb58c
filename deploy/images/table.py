"""`docker/images.yaml`, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
FILE = DOCKER / "images.yaml"
BUILDER = "academy-builder"
_IMAGE_KEYS = {"dockerfile", "target", "base", "args", "roles", "queues", "budget_mb", "check"}
_CHECK_KEYS = {"args", "budget_mb"}


class TableError(ValueError):
    """The file cannot be used; the text says what is wrong in it."""


@dataclass(frozen=True)
class Image:
    """One image. ``bases`` maps a build argument to the name of the image that it stands for.

    ``budget_mb`` is MiB of the unpacked image; None for one that is never run. ``check_args`` and
    ``check_budget_mb`` are those of `make build-check`.
    """

    name: str
    dockerfile: Path
    target: str | None = None
    bases: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    budget_mb: int | None = None
    check_args: Mapping[str, str] = field(default_factory=dict)
    check_budget_mb: int | None = None

    @property
    def is_started(self) -> bool:
        """Whether containers are made of it."""
        return bool(self.roles)


def load(path: Path = FILE) -> tuple[Image, ...]:
    """The images in the order in which they are built, the builder first. Raises TableError."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or set(raw) != {"builder", "images"}:
        raise TableError(f"{path.name} must have `builder` and `images`, and nothing else.")
    images = [_image(BUILDER, raw["builder"], path.parent)]
    for name, facts in raw["images"].items():
        image = _image(name, facts, path.parent)
        known = {one.name for one in images}
        if unknown := set(image.bases.values()) - known:
            raise TableError(f"{name} stands on {', '.join(unknown)}, which is not built before.")
        if image.budget_mb is None:
            raise TableError(f"{name} has no budget_mb.")
        images.append(image)
    return tuple(images)


def by_queue(images: tuple[Image, ...]) -> dict[str, Image]:
    """The image of each queue's workers. Raises TableError where a queue has two."""
    found: dict[str, Image] = {}
    for image in images:
        for queue in image.queues:
            if queue in found:
                raise TableError(f"{queue} has two images: {found[queue].name}, {image.name}.")
            found[queue] = image
    return found


def _image(name: str, facts: Mapping[str, Any], folder: Path) -> Image:
    if unknown := set(facts) - _IMAGE_KEYS:
        raise TableError(f"{name} has unknown keys: {', '.join(sorted(unknown))}.")
    check = facts.get("check", {})
    if unknown := set(check) - _CHECK_KEYS:
        raise TableError(f"{name}'s check has unknown keys: {', '.join(sorted(unknown))}.")
    dockerfile = folder / facts["dockerfile"]
    if not dockerfile.is_file():
        raise TableError(f"{name}: there is no {dockerfile}.")
    bases = {
        argument: BUILDER if base == "builder" else base
        for argument, base in facts.get("base", {}).items()
    }
    args = {key: str(value) for key, value in facts.get("args", {}).items()}
    queues = tuple(facts.get("queues", ()))
    if queues:
        args["QUEUES"] = " ".join(queues)
    return Image(
        name=name,
        dockerfile=dockerfile,
        target=facts.get("target"),
        bases=bases,
        args=args,
        roles=tuple(facts.get("roles", ())),
        queues=queues,
        budget_mb=facts.get("budget_mb"),
        check_args={**args, **{key: str(value) for key, value in check.get("args", {}).items()}},
        check_budget_mb=check.get("budget_mb", facts.get("budget_mb")),
    )
