"""Make sure that there is a Chromium: the tests of pages need one, and nothing else does.

`python -m deploy.local.browser` prints where it is. On Debian and Ubuntu it installs one when it
runs as root; anywhere else it says what to do. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PACKAGE = "chromium"
_TIMEOUT_SECONDS = 600
_ADVICE = (
    "There is no Chromium. Install one (Debian, Ubuntu: apt-get install chromium; macOS: brew "
    "install --cask chromium) or name it: CHROMIUM_BIN=/path/to/chromium."
)


def find() -> str | None:
    """The browser's path, where CHROMIUM_BIN or the PATH has one."""
    if named := os.environ.get("CHROMIUM_BIN"):
        return shutil.which(named)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> str:
    """Install the distribution's own package; returns what went wrong, empty where nothing did."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return "it takes root and apt-get"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", _PACKAGE],
    ):
        try:
            done = subprocess.run(
                [apt, *arguments],
                env=quiet,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"apt-get {arguments[0]}: {type(error).__name__}"
        # An index that one mirror did not give need not stop the package from another.
        if done.returncode != 0 and arguments[0] == "install":
            return f"apt-get install {_PACKAGE} failed: {done.stdout.strip()[-500:]}"
    return ""


def main() -> int:
    """0 with the path on standard output; 1 with a sentence of what to install."""
    path = find()
    if path is None:
        print("There is no Chromium yet: installing one.", file=sys.stderr, flush=True)
        problem = install()
        path = find()
        if path is None:
            print(f"{_ADVICE} (Not installed by itself: {problem or 'no program'}.)")
            return 1
    print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
