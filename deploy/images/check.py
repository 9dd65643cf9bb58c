"""Build and start every image without a container engine (`make build-check`).

Images are built by buildah on a stand-in base, held against their budgets, unpacked and looked
through; then the whole platform is started from them by runc on the services of a local platform,
given real work over REST, wedged, and stopped. Needs root, and Debian's packages buildah,
debootstrap and runc. Everything is kept in `.local/images`, and its storage removed at the end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from deploy.images import examine, release, standin, table
from deploy.images.build import MIB, build_args, tag
from deploy.images.container import Unpacked
from deploy.images.engine import Engine, EngineError
from deploy.images.table import Image, TableError
from deploy.images.trial import Outcome, Trial
from deploy.local.setup import ROOT

FOLDER = ROOT / ".local" / "images"
PREFIX = "localhost/"
_PROGRAMS = ("buildah", "debootstrap", "runc")


def engine(folder: Path, mounts: Sequence[Path] = ()) -> Engine:
    """Buildah with a storage of its own; overlay where the kernel has it, else plain copies."""
    driver = next(
        (name for name in ("overlay", "vfs") if _works(_buildah(folder, name, ()))), "vfs"
    )
    return _buildah(folder, driver, mounts)


def _buildah(folder: Path, driver: str, mounts: Sequence[Path]) -> Engine:
    storage = ("--root", str(folder / driver), "--runroot", str(folder / f"{driver}.run"))
    options = ["--isolation", "chroot", "--layers", "--pull-never"]
    for mount in mounts:
        options += ["--volume", f"{mount}:{mount}:ro"]
    return Engine("buildah", (*storage, "--storage-driver", driver), tuple(options))


def _works(candidate: Engine) -> bool:
    """Whether a container can be made and mounted."""
    try:
        name = candidate.call("from", "scratch")
    except EngineError:
        return False
    try:
        candidate.call("mount", name)
        candidate.call("umount", name)
    except EngineError:
        return False
    finally:
        candidate.call("rm", name)
    return True


def build(builder: Engine, images: Sequence[Image], made: release.Release, base: str) -> None:
    """Build all of them on the stand-in, each with its arguments of the check."""
    logs = FOLDER / "log"
    logs.mkdir(parents=True, exist_ok=True)
    for image in images:
        checked = replace(image, args={**image.args, **image.check_args})
        began = time.monotonic()
        argv = builder.build_argv(
            tags=[tag(PREFIX, image.name, made.version)],
            dockerfile=image.dockerfile,
            target=image.target,
            args=build_args(checked, PREFIX, made, {"PYTHON_IMAGE": base}),
        )
        builder.build(argv, logs / f"{image.name}.log")
        print(f"build-check: {image.name} built in {time.monotonic() - began:.0f} s", flush=True)


def sizes(builder: Engine, images: Sequence[Image], made: release.Release) -> dict[str, float]:
    """MiB of every image."""
    return {
        image.name: builder.size_bytes(tag(PREFIX, image.name, made.version)) / MIB
        for image in images
    }


def trial(builder: Engine, images: Sequence[Image], made: release.Release) -> int:
    """Look through all images, start them, and print the table; 1 where anything failed."""
    measured = sizes(builder, images, made)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="academy-images-")))
        folder.chmod(0o755)
        unpacked = {
            image.name: stack.enter_context(
                Unpacked(builder, tag(PREFIX, image.name, made.version))
            )
            for image in images
        }
        started = [image for image in images if image.is_started]
        trial_of_all = Trial(started, unpacked, folder)
        outcomes = trial_of_all.outcomes | {
            image.name: Outcome() for image in images if not image.is_started
        }
        for image in images:
            found = unpacked[image.name]
            outcomes[image.name].failed += examine.problems(image, found.config, found.root)
            limit = image.check_budget_mb
            if limit is not None and measured[image.name] > limit:
                outcomes[image.name].failed.append(
                    f"it measures {measured[image.name]:.0f} MiB, more than {limit}"
                )
        trial_of_all.run()
    return report(images, measured, outcomes)


def report(
    images: Sequence[Image], measured: dict[str, float], outcomes: dict[str, Outcome]
) -> int:
    """Print the table; 1 where anything failed."""
    head = f"{'image':<26} {'MiB':>6} {'budget':>6} {'start':>7} {'stop':>7}  outcome"
    print(f"\n{head}\n{'-' * len(head)}")
    for image in images:
        outcome = outcomes[image.name]
        start = f"{outcome.start_seconds:.1f} s" if image.is_started else "-"
        stop = f"{outcome.stop_seconds:.1f} s" if image.is_started else "-"
        words = "FAILED" if outcome.failed else "; ".join(outcome.did) or "built"
        size = f"{measured[image.name]:>6.0f} {image.check_budget_mb or 0:>6}"
        print(f"{image.name:<26} {size} {start:>7} {stop:>7}  {words}")
    failures = [(name, why) for name, outcome in outcomes.items() for why in outcome.failed]
    for name, why in failures:
        print(f"build-check: {name}: {why}", file=sys.stderr)
    print(f"build-check: {'FAILED' if failures else 'every image works'}", flush=True)
    return 1 if failures else 0


def beside_services(arguments: Sequence[str]) -> int:
    """This program again, for the trial, beside PostgreSQL, S3 and SQS of a local platform."""
    command = [
        *(sys.executable, "-m", "deploy.local", "run", "--services-only", "--"),
        *(sys.executable, "-m", "deploy.images.check", "--trial", *arguments),
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main() -> int:
    """Entry point: 1 where anything does not hold, with all of it said."""
    parser = argparse.ArgumentParser(prog="python -m deploy.images.check", description=__doc__)
    parser.add_argument("--mirror", default=standin.MIRROR, help="of Debian")
    parser.add_argument("--keep", action="store_true", help="keep the images for the next run")
    parser.add_argument("--version", default="", help="instead of git describe")
    parser.add_argument("--trial", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        print(
            f"build-check: needs root and {', '.join(_PROGRAMS)}"
            + (f"; missing: apt-get install {' '.join(missing)}" if missing else ""),
            file=sys.stderr,
        )
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = release.current(options.version)
    images = [image for image in table.load() if image.budget_mb is not None]
    if options.trial:
        return trial(engine(FOLDER), images, made)
    pip = standin.pip_options()
    builder = engine(FOLDER, standin.local_folders(pip))
    try:
        base = standin.build(builder, FOLDER, pip, options.mirror)
        build(builder, table.load(), made, base)
        return beside_services(["--version", made.version])
    except (EngineError, TableError) as error:
        print(f"build-check: {error}", file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            clear(builder)


def clear(builder: Engine) -> None:
    """Remove every container and image; the root of the stand-in is kept."""
    for arguments in (("rm", "--all"), ("rmi", "--all", "--force")):
        try:
            builder.call(*arguments)
        except EngineError as error:
            print(f"build-check: the storage could not be cleared: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
