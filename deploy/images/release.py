"""What the images are made from, as git says it; a tree without git is `dev`."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.images.table import ROOT

_UNKNOWN_TIME = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Release:
    """``version`` is a tag of the images and RELEASE of their processes, 1 to 40 characters."""

    version: str
    revision: str
    created: str
    source: str

    def build_args(self) -> dict[str, str]:
        """The build arguments that every Dockerfile knows."""
        return {
            "VERSION": self.version,
            "REVISION": self.revision,
            "CREATED": self.created,
            "SOURCE": self.source,
        }


def current(version: str = "") -> Release:
    """The release of the working tree; *version* instead of `git describe` where it is given.

    The time is the commit's, so that the same commit gives the same labels.
    """
    described = version or _git("describe", "--tags", "--always", "--dirty") or "dev"
    moment = _git("show", "--no-patch", "--format=%ct", "HEAD")
    created = (
        datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if moment.isdecimal()
        else _UNKNOWN_TIME
    )
    return Release(
        version=re.sub(r"[^A-Za-z0-9._-]", "-", described)[:40],
        revision=_git("rev-parse", "HEAD") or "unknown",
        created=created,
        source=_address(_git("remote", "get-url", "origin")) or "unknown",
    )


def _address(remote: str) -> str:
    """A remote as an address that a person can open; what stands before @ is nobody's business."""
    if found := re.fullmatch(r"[^@/]+@([^:/]+):(.+?)(\.git)?", remote):
        return f"https://{found[1]}/{found[2]}"
    if found := re.fullmatch(r"(https?://)(?:[^@/]+@)?(.+?)(\.git)?", remote):
        return found[1] + found[2]
    return ""


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True, timeout=30
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
