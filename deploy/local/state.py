"""What `make up` keeps in `.local/`: data, logs, secrets, and who is running.

The launcher holds a lock on `launcher.lock` for as long as it runs, so a stale file never looks
like a running platform and two launchers never share one data folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.local.errors import LaunchError
from deploy.local.setup import ROOT

NEEDED_BYTES = 2_000_000_000
#: Newer than the first release, and no data depends on them: an older folder gets them at once.
_ADDED = ("console_password",)
LOCATION = "ACADEMY_LOCAL_DIR"


@dataclass(frozen=True)
class Secrets:
    """Every password and key of one local platform; names are those of `secrets.env`."""

    secret_key: str
    api_key_pepper: str
    postgres_password: str
    s3_access_key: str
    s3_secret_key: str
    sqs_account: str  # 12 digits: the emulator keeps an account's queues apart from all others'
    sqs_secret_key: str
    flower_password: str
    console_password: str

    @staticmethod
    def generate() -> Secrets:
        """Fresh random ones."""
        return Secrets(
            secret_key=secrets.token_urlsafe(64),
            api_key_pepper=secrets.token_urlsafe(48),
            postgres_password=secrets.token_hex(24),
            s3_access_key=f"local{secrets.token_hex(8)}",
            s3_secret_key=secrets.token_hex(24),
            sqs_account=str(100_000_000_000 + secrets.randbelow(900_000_000_000)),
            sqs_secret_key=secrets.token_hex(20),
            flower_password=secrets.token_urlsafe(12),
            console_password=secrets.token_urlsafe(12),
        )


def kept_folder(environ: Mapping[str, str] = os.environ) -> StateFolder:
    """The folder of `make up`: `.local/` in the project, or what ACADEMY_LOCAL_DIR says."""
    place = environ.get(LOCATION)
    return StateFolder(Path(place).resolve() if place else ROOT / ".local")


class StateFolder:
    """`.local/`, or a temporary folder of the same shape."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "log"
        self.scratch = path / "scratch"
        self.s3 = path / "s3"
        self.sqs = path / "sqs"
        self.postgres = path / "postgres"
        self._lock = path / "launcher.lock"
        self._ready = path / "ready.json"
        self._secrets = path / "secrets.env"

    def create(self) -> None:
        """Make the folders, traversable by PostgreSQL's own user but listable only by this one."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o711)
        for folder in (self.logs, self.scratch, self.s3, self.sqs):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)

    def ensure_space(self, needed: int = NEEDED_BYTES) -> None:
        """LaunchError when less than `needed` bytes are free."""
        free = shutil.disk_usage(self.path).free
        if free < needed:
            raise LaunchError(
                f"Only {free / 1e9:.1f} GB are free on the disk of {self.path}, "
                f"{needed / 1e9:.1f} GB are needed. Make room (make clean removes local data) "
                "and start again."
            )

    def secrets(self) -> Secrets:
        """The kept secrets; made at the first call, in a file only this user can read."""
        if not self._secrets.exists():
            made = "".join(
                f"{name.upper()}={value}\n" for name, value in asdict(Secrets.generate()).items()
            )
            descriptor = os.open(self._secrets, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(made)
        values = {
            name.lower(): value
            for name, _, value in (
                line.partition("=") for line in self._secrets.read_text().splitlines()
            )
            if name
        }
        for name in _ADDED:
            if name not in values:
                values[name] = getattr(Secrets.generate(), name)
                with self._secrets.open("a") as file:
                    file.write(f"{name.upper()}={values[name]}\n")
        try:
            return Secrets(**values)
        except TypeError as error:
            raise LaunchError(
                f"{self._secrets} is of another version ({error}). Its data cannot be opened "
                "any more: make clean, then start again."
            ) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the one launcher of this folder; LaunchError when there is one already."""
        with self._lock.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LaunchError(
                    f"The platform is already running (process {self.running_pid()}). "
                    "See where with: make status. Stop it with: make down"
                ) from None
            self.withdraw()
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            try:
                yield
            finally:
                self.withdraw()

    def running_pid(self) -> int | None:
        """The launcher's process id while it runs, else None."""
        try:
            with self._lock.open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(self._lock.read_text() or 0) or None
        except FileNotFoundError:
            return None
        return None

    def publish(self, facts: dict[str, Any]) -> None:
        """Say that the platform is up; `make status` and `--detach` read it."""
        draft = self._ready.with_suffix(".draft")
        draft.write_text(json.dumps(facts, indent=2) + "\n")
        draft.replace(self._ready)

    def withdraw(self) -> None:
        """Take back what `publish` said: the platform is about to stop."""
        self._ready.unlink(missing_ok=True)

    def published(self) -> dict[str, Any] | None:
        """What `publish` wrote, while the launcher runs and everything was ready."""
        try:
            facts: dict[str, Any] = json.loads(self._ready.read_text())
        except FileNotFoundError:
            return None
        return facts if self.running_pid() is not None else None

    def started_at(self) -> float:
        """When everything was ready, in seconds since the epoch."""
        return self._ready.stat().st_mtime

    def remove(self) -> None:
        """Delete the folder and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
