"""``make single-host-check``: the installer, really run, on a Debian made for it.

A root file system from debootstrap, the distribution's PostgreSQL and nginx, a certificate of its
own. The installer runs twice (the second time changes nothing), systemd's own tools judge the
units, nginx its configuration; then, in a network of its own, everything that the units start is
started as they say, and work goes through it (``deploy/single-host/check_inside.py``). At last an
upgrade, the way back, and an uninstallation that keeps the data.

It needs root, debootstrap and unshare, and says what is missing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from deploy.images import standin
from deploy.images.engine import EngineError
from deploy.local.setup import ROOT

WORK: Final = ROOT / ".local" / "single-host"
SOURCE: Final = "/usr/src/academy"
DOMAIN: Final = "academy.test"
STORE: Final = "s3.academy.test"
#: What `systemd-analyze security` may say at most, of 10: below 3 it calls a service well confined.
EXPOSURE: Final = {"worker": 3.5, "restart": 10.0, "": 2.0}
_PRIVATE: Final = "ACADEMY_HOSTCHECK_PRIVATE"
_TOOLS: Final = ("debootstrap", "unshare", "chroot", "mount", "tar", "git")
_SYSTEM: Final = ("systemd", "iproute2")
_INSTALLER: Final = f"{SOURCE}/deploy/single-host/install.sh"
_OPTIONS: Final = (
    *("--domain", DOMAIN, "--local-s3", STORE, "--embedded-sqs"),
    *("--tls-cert", "/etc/academy-test/cert.pem", "--tls-key", "/etc/academy-test/key.pem"),
)
_CERTIFICATE: Final = f"""
set -eu
mkdir -p /etc/academy-test && cd /etc/academy-test
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=academy-test-ca \
    -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN={DOMAIN} -keyout key.pem -out request.pem 2>/dev/null
printf 'subjectAltName=DNS:{DOMAIN},DNS:{STORE}\\n' > names
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
    -extfile names -out cert.pem 2>/dev/null
chmod 644 ca.pem
printf '%s\\n' AWS_CA_BUNDLE=/etc/academy-test/ca.pem WORKER_FINISH_SECONDS=5 \
    SQS_WAIT_SECONDS=2 > settings
"""


class CheckError(Exception):
    """What did not hold, or what is missing on this machine."""


class Guest:
    """The Debian in a folder, and commands in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self) -> None:
        """Unpack a fresh system, give it this machine's package sources and the working tree."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        images = ROOT / ".local" / "images"
        images.mkdir(parents=True, exist_ok=True)
        tar = standin.root(images)
        _run(["tar", "-x", "-f", str(tar), "-C", str(self.root)])
        options = standin.pip_options()
        standin.configuration(options, self.root)
        shutil.copyfile("/etc/resolv.conf", self.root / "etc/resolv.conf")
        shutil.copyfile("/etc/hosts", self.root / "etc/hosts")
        for kind, place in (("proc", "proc"), ("tmpfs", "run")):
            _run(["mount", "-t", kind, kind, str(self.root / place)])
        _run(["mount", "--rbind", "/dev", str(self.root / "dev")])
        for folder in standin.local_folders(options):
            self._bind(folder, folder)
        self._bind(WORK / "pip-cache", Path("/root/.cache/pip"))
        self._bind(WORK / "debs", Path("/var/cache/apt/archives"))
        # A package must not start its service: there is no systemd, and the ports are the host's.
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        self._copy_source()

    def _bind(self, folder: Path, place: Path) -> None:
        target = self.root / place.relative_to("/")
        folder.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        _run(["mount", "--bind", str(folder), str(target)])

    def _copy_source(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True,
        ).stdout  # fmt: skip
        names = [
            name for name in listed.split(b"\0") if name and (ROOT / os.fsdecode(name)).exists()
        ]
        target = self.root / SOURCE.lstrip("/")
        target.mkdir(parents=True)
        packed = subprocess.run(
            ["tar", "-c", "--null", "--no-recursion", "-T", "-"],
            cwd=ROOT, input=b"\0".join(names), capture_output=True, check=True,
        ).stdout  # fmt: skip
        subprocess.run(["tar", "-x", "-C", str(target)], input=packed, check=True)

    def run(self, *argv: str, fails: bool = False) -> str:
        """A command inside; its output. Raises CheckError when it ends otherwise than asked."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C"}
        environment["DEBIAN_FRONTEND"] = "noninteractive"
        return _run(["chroot", str(self.root), *argv], environment, fails=fails)

    def apart(self, *argv: str) -> None:
        """A command in a network and a tree of processes of its own, its output shown."""
        alone = ("unshare", "--net", "--pid", "--fork", "--kill-child")
        done = subprocess.run(
            [*alone, "chroot", str(self.root), *argv],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"},
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise CheckError(f"{argv[-1]} ended with {done.returncode}")


def _run(argv: list[str], environment: dict[str, str] | None = None, *, fails: bool = False) -> str:
    done = subprocess.run(
        argv, env=environment, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if bool(done.returncode) != fails:
        tail = "\n".join(done.stdout.strip().splitlines()[-25:])
        raise CheckError(f"{' '.join(argv)} ended with {done.returncode}:\n{tail}")
    return done.stdout


def check(guest: Guest) -> None:
    """Every step in its order; raises CheckError at the first that does not hold."""
    with _step("a fresh Debian with this working tree"):
        guest.make()
    with _step("the installer says what is missing and changes nothing"):
        said = guest.run(_INSTALLER, "check", "--domain", DOMAIN, fails=True)
        _expect("no certificate at /etc/letsencrypt/live/academy.test" in said, said)
        _expect(not (guest.root / "etc/academy").exists(), "it changed something")
    with _step("systemd, and a certificate"):
        guest.run("apt-get", "-q", "update")
        guest.run("apt-get", "-q", "install", "-y", "--no-install-recommends", *_SYSTEM, "openssl")
        guest.run("sh", "-c", _CERTIFICATE)
    begin = (*_OPTIONS, "--env-file", "/etc/academy-test/settings")
    with _step("install: packages, user, database, release, units, nginx"):
        guest.run(_INSTALLER, "check", *begin, "--version", "1.0.0")
        guest.run(_INSTALLER, "install", *begin, "--version", "1.0.0")
    with _step("the second time nothing changes"):
        before = _state(guest.root)
        guest.run(_INSTALLER, "install", *begin, "--version", "1.0.0")
        changed = [name for name, was in _state(guest.root).items() if before.get(name) != was]
        _expect(not changed, f"changed: {changed}")
    with _step("settings and keys are for root and the platform alone"):
        _private(guest.root)
    with _step("systemd-analyze verify, and security within limits"):
        _units(guest)
    with _step("nginx -t"):
        guest.run("nginx", "-t")
    guest.run("sh", "-c", "pg_lsclusters -h | while read v c _; do pg_ctlcluster $v $c stop; done")
    print("in a network of its own:", flush=True)
    guest.apart("/usr/bin/python3.11", f"{SOURCE}/deploy/single-host/check_inside.py")
    with _step("upgrade to another release, and back"):
        guest.run(_INSTALLER, "upgrade", *_OPTIONS, "--version", "1.1.0")
        _expect(_current(guest.root) == "1.1.0", "1.1.0 is not current")
        guest.run(_INSTALLER, "rollback")
        _expect(_current(guest.root) == "1.0.0", "1.0.0 is not current")
    with _step("uninstall keeps settings, data and backups"):
        guest.run(_INSTALLER, "uninstall")
        for kept in ("etc/academy/academy.env", "var/lib/academy", "var/backups/academy"):
            _expect((guest.root / kept).exists(), f"{kept} is gone")
        for gone in ("opt/academy", "usr/local/bin/academy"):
            _expect(not (guest.root / gone).exists(), f"{gone} is there")
        units = list((guest.root / "etc/systemd/system").glob("academy*"))
        _expect(not units, f"units are there: {units}")


def _units(guest: Guest) -> None:
    folder = guest.root / "etc/systemd/system"
    names = sorted(path.name for path in folder.glob("academy*") if "@" not in path.name)
    templates = [path.name.replace("@", "@video") for path in folder.glob("academy-*@.*")]
    said = guest.run("systemd-analyze", "verify", "--man=no", *names, *templates)
    ours = [line for line in said.splitlines() if "academy" in line]
    _expect(not ours, "\n".join(ours))
    for name in (name for name in names if name.endswith(".service")):
        said = guest.run("systemd-analyze", "security", "--offline=true", "--no-pager", name)
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        _expect(found is not None, said[-500:])
        assert found is not None
        limit = next(most for part, most in EXPOSURE.items() if part in name)
        print(f"    {name:<36} exposure {found[1]} (at most {limit})", flush=True)
        _expect(float(found[1]) <= limit, f"{name}: {found[1]} is more than {limit}")


def _state(root: Path) -> dict[str, tuple[int, int]]:
    """Size and time of what a second run could change."""
    places = (
        "etc/academy",
        "etc/systemd/system",
        "etc/nginx/sites-available",
        "opt/academy/releases",
    )
    found = {}
    for place in places:
        for path in (root / place).rglob("*"):
            if path.is_file() and not path.is_symlink() and ".venv" not in path.parts:
                facts = path.stat()
                # Units and nginx's file are written anew with the same content.
                rewritten = place.startswith(("etc/systemd", "etc/nginx"))
                mark = hash(path.read_bytes()) if rewritten else facts.st_mtime_ns
                found[str(path.relative_to(root))] = (facts.st_size, mark)
    return found


def _private(root: Path) -> None:
    for name in ("etc/academy/academy.env", "etc/academy/s3.json"):
        _expect((root / name).stat().st_mode & 0o777 == 0o640, f"{name} can be read by others")
    for name in ("var/lib/academy", "var/backups/academy", "var/lib/academy-s3"):
        _expect((root / name).stat().st_mode & 0o077 == 0, f"{name} can be entered by others")
    strange = [path for path in (root / "opt/academy").rglob("*") if path.lstat().st_uid != 0]
    _expect(not strange, f"not root's: {strange[:3]}")


def _current(root: Path) -> str:
    return (root / "opt/academy/current").readlink().name


def _expect(holds: bool, text: str) -> None:
    if not holds:
        raise CheckError(text)


class _step:  # noqa: N801 - reads as a word of the language
    """Says what is checked, and how long it took."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        print(f"{self._what} ...", end=" ", flush=True)
        self._began = time.monotonic()

    def __exit__(self, kind: object, *_: object) -> None:
        verdict = "FAILED" if kind else "holds"
        print(f"{verdict} ({time.monotonic() - self._began:.0f} s)", flush=True)


def main() -> int:
    """0 when all of it holds; 1 and what did not, or what this machine lacks."""
    if os.getuid() != 0:
        print("single-host-check: it makes a system in a folder, which takes root", file=sys.stderr)
        return 1
    if missing := [name for name in _TOOLS if shutil.which(name) is None]:
        print(f"single-host-check: missing here: {', '.join(missing)}", file=sys.stderr)
        return 1
    if _PRIVATE not in os.environ:
        # Whatever is mounted is this program's alone, and gone with it.
        argv = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m"]
        os.execvpe(  # noqa: S606 - the same program, apart
            argv[0], [*argv, "deploy.hostcheck"], {**os.environ, _PRIVATE: "1"}
        )
    began = time.monotonic()
    try:
        check(Guest(WORK / "root"))
    except (CheckError, EngineError) as error:
        print(f"single-host-check: {error}", file=sys.stderr)
        return 1
    print(f"The installation holds ({time.monotonic() - began:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
