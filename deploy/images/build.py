"""Build all images in order, tag them, and hold them against their budgets (`make build`)."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence

from deploy.images import release, table
from deploy.images.engine import Engine, EngineError, find
from deploy.images.table import Image, TableError

MIB = 1 << 20
#: Also on every image that is built: what compose.yml takes where no version is named.
LOCAL_TAG = "dev"


def tag(prefix: str, name: str, version: str) -> str:
    """The name of an image as it is built, run and pushed."""
    return f"{prefix}{name}:{version}"


def build_args(
    image: Image, prefix: str, made: release.Release, extra: Mapping[str, str]
) -> dict[str, str]:
    """Every build argument of one image: release, its own, the images below it, the caller's."""
    bases = {key: tag(prefix, base, made.version) for key, base in image.bases.items()}
    return {**made.build_args(), **image.args, **bases, **extra}


def wanted(images: Sequence[Image], names: Sequence[str]) -> list[Image]:
    """The named images and all that they stand on, in order. Raises TableError."""
    known = {image.name: image for image in images}
    if unknown := [name for name in names if name not in known]:
        raise TableError(f"There is no image {unknown[0]!r}. The images are: {', '.join(known)}.")
    needed: set[str] = set()

    def need(name: str) -> None:
        needed.add(name)
        for base in known[name].bases.values():
            need(base)

    for name in names or known:
        need(name)
    return [image for image in images if image.name in needed]


def build(engine: Engine, images: Sequence[Image], options: argparse.Namespace) -> bool:
    """Build and report; False where an image is over its budget. Raises EngineError."""
    made = release.current(options.version)
    extra = dict(pair.split("=", 1) for pair in options.build_arg)
    print(f"build: {made.version} with {engine.name}", flush=True)
    within = True
    for image in images:
        name = tag(options.prefix, image.name, made.version)
        argv = engine.build_argv(
            tags=[name, tag(options.prefix, image.name, LOCAL_TAG)],
            dockerfile=image.dockerfile,
            target=image.target,
            args=build_args(image, options.prefix, made, extra),
            platform=options.platform,
        )
        began = time.monotonic()
        engine.build(argv)
        size = engine.size_bytes(name) / MIB
        over = image.budget_mb is not None and size > image.budget_mb
        within = within and not over
        budget = f" of {image.budget_mb}" if image.budget_mb else ""
        mark = "  OVER ITS BUDGET" if over else ""
        seconds = time.monotonic() - began
        print(f"build: {name:<48} {size:7.0f}{budget} MiB  {seconds:5.0f} s{mark}", flush=True)
    return within


def main() -> int:
    """Entry point: 1 with a sentence where an image cannot be built or is too large."""
    parser = argparse.ArgumentParser(prog="python -m deploy.images.build", description=__doc__)
    parser.add_argument("names", nargs="*", help="of the images; without: all")
    parser.add_argument("--engine", default="", help="docker, podman or buildah")
    parser.add_argument("--prefix", default=os.environ.get("IMAGE_PREFIX", ""))
    parser.add_argument("--version", default="", help="instead of git describe")
    parser.add_argument("--platform", default="", help="such as linux/arm64")
    parser.add_argument("--build-arg", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    try:
        images = wanted(table.load(), options.names)
        within = build(find(options.engine), images, options)
    except (EngineError, TableError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    if not within:
        print(
            "build: an image is larger than docker/images.yaml allows. Find out what came in "
            "(its SBOM lists it); raise the budget only where it is worth it.",
            file=sys.stderr,
        )
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
