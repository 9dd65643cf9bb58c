"""The previous release: what is at work while this one is rolled out.

It is the newest tag ``vX.Y.Z`` in this history, or, from before there were tags, the last line of
``releases.txt``. Standard library and git only.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
RECORD: Final = Path(__file__).with_name("releases.txt")


class ReleaseError(Exception):
    """Why the previous release cannot be had, as a sentence that says what to do."""


@dataclass(frozen=True)
class Release:
    """One release and its commit."""

    version: str
    commit: str

    def __str__(self) -> str:
        return f"{self.version} ({self.commit[:7]})"


def previous(root: Path = ROOT) -> Release:
    """The release before this one. Raises ReleaseError without git, or without the history."""
    release = _tagged(root) or _recorded()
    try:
        _git(root, "cat-file", "-e", f"{release.commit}^{{commit}}")
    except ReleaseError:
        raise ReleaseError(
            f"Commit {release.commit[:7]} of release {release.version} is not in this clone. "
            "Fetch the whole history: git fetch --unshallow --tags"
        ) from None
    return release


def _tagged(root: Path) -> Release | None:
    """The newest tag on the way to HEAD that HEAD itself does not have."""
    names = _git(root, "tag", "--merged", "HEAD", "--list", "v[0-9]*", "--sort=-v:refname")
    head = _git(root, "rev-parse", "HEAD")
    for name in names.split():
        commit = _git(root, "rev-parse", f"{name}^{{commit}}")
        if commit != head:
            return Release(name.removeprefix("v"), commit)
    return None


def _recorded() -> Release:
    lines = [line.split("#")[0].split() for line in RECORD.read_text().splitlines()]
    releases = [Release(*line) for line in lines if line]
    return releases[-1]


def files(release: Release, pattern: str, root: Path = ROOT) -> set[str]:
    """The files of a release that a git pathspec names, as paths from the project's root."""
    listed = _git(root, "ls-tree", "-r", "--name-only", "-z", release.commit)
    return {name for name in listed.split("\0") if Path(name).match(pattern)}


def changed(release: Release, pattern: str, root: Path = ROOT) -> set[str]:
    """Those of `files` that read otherwise now, or are gone."""
    names = _git(root, "diff", "--name-only", "-z", "--diff-filter=MDTR", release.commit, "--")
    return {name for name in names.split("\0") if Path(name).match(pattern)}


def extract(release: Release, target: Path, root: Path = ROOT) -> None:
    """Write the release's whole tree into an empty folder."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", release.commit],
        cwd=root,
        capture_output=True,
        check=True,
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(target, filter="data")


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise ReleaseError("git is not on the PATH, and releases are commits.") from None
    if done.returncode:
        raise ReleaseError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()
