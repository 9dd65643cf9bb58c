"""Backups in a place: a dump, sealed where a key is given, and a manifest that says all of it.

The manifest is written last: a dump without one is the rest of a run that was cut off.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings

from academy.core import clock
from academy.ops.backup import postgres
from academy.ops.backup.places import Place
from academy.ops.backup.postgres import BackupError, Server

LEAST_KEPT: Final = 3
"""The newest backups stay whatever their age: where the timer stopped, they are all there is."""
_PREFIX: Final = "academy-"
_MANIFEST: Final = ".json"
_CUT_OFF: Final = timedelta(days=2)
"""A dump without a manifest is nobody's work in progress any more after this."""
_STAMP: Final = "%Y%m%dT%H%M%S"


@dataclass(frozen=True)
class Backup:
    """What a manifest says."""

    name: str
    """Of the file."""
    taken_at: str
    """The moment whose rows it holds."""
    finished_at: str
    database: str
    release: str
    server_major: int
    size: int
    sha256: str
    """Of the file as it is kept."""
    sealed: bool
    rows: dict[str, int]
    """How many rows each table had at that moment."""

    @property
    def taken(self) -> datetime:
        """`taken_at` as a moment."""
        return datetime.fromisoformat(self.taken_at)


def make(place: Place, server: Server, recipients: Sequence[str] = ()) -> Backup:
    """Dump the database into a place, sealed for every age recipient that is given.

    Raises BackupError; then nothing that counts as a backup is left there.
    """
    keys = [_recipient(text) for text in recipients]
    major = postgres.server_major(server)
    with _workshop() as folder:
        dump = folder / "dump"
        with postgres.snapshot(server) as (snapshot, connection):
            taken = clock.now()
            rows = postgres.row_counts(connection)
            postgres.dump(server, snapshot, dump, least=major)
        if keys:
            _seal(dump, keys)
        name = f"{_PREFIX}{taken.strftime(_STAMP)}-{os.urandom(3).hex()}.dump"
        name += ".age" if keys else ""
        place.put(name, dump)
        backup = Backup(
            name=name,
            taken_at=taken.isoformat(),
            finished_at=clock.now().isoformat(),
            database=server.name,
            release=settings.RELEASE,
            server_major=major,
            size=dump.stat().st_size,
            sha256=_digest(dump),
            sealed=bool(keys),
            rows=rows,
        )
        manifest = folder / "manifest"
        manifest.write_text(json.dumps(asdict(backup), indent=1))
        place.put(name + _MANIFEST, manifest)
    return backup


def kept(place: Place) -> list[Backup]:
    """Every whole backup there, the oldest first."""
    found = []
    with _workshop() as folder:
        names = set(place.names())
        for name in sorted(names):
            if name.startswith(_PREFIX) and name.endswith(_MANIFEST):
                place.get(name, folder / "manifest")
                found.append(_read(name, (folder / "manifest").read_text()))
    return sorted((one for one in found if one.name in names), key=lambda one: one.taken_at)


def chosen(place: Place, name: str = "") -> Backup:
    """The backup of that name, or the newest. Raises BackupError where there is none."""
    backups = kept(place)
    wanted = [one for one in backups if name in ("", one.name)]
    if not wanted:
        raise BackupError(f"there is no backup {name}".rstrip() + "; `backup list` names them")
    return wanted[-1]


def prune(place: Place, *, keep_days: int) -> list[str]:
    """Delete backups older than that, but never the newest few; returns what was deleted."""
    backups = kept(place)
    cutoff = clock.now() - timedelta(days=keep_days)
    old = [one.name for one in backups[:-LEAST_KEPT] if one.taken < cutoff]
    whole = {one.name for one in backups}
    stamp = (clock.now() - _CUT_OFF).strftime(_STAMP)
    cut_off = [
        name
        for name in place.names()
        if name.startswith(_PREFIX)
        and not name.endswith(_MANIFEST)
        and name not in whole
        and name.removeprefix(_PREFIX) < stamp
    ]
    for name in old:
        # A dump without its manifest is removed by a later round; the other way round is not.
        place.delete(name + _MANIFEST)
        place.delete(name)
    for name in cut_off:
        place.delete(name)
    return old + cut_off


@contextmanager
def opened(place: Place, backup: Backup, identity: Path | None = None) -> Iterator[Path]:
    """The dump as pg_restore reads it, in a file that only this process's user can read.

    Raises BackupError where it is not what the manifest says, or cannot be opened.
    """
    with _workshop() as folder:
        path = folder / "dump"
        place.get(backup.name, path)
        if _digest(path) != backup.sha256:
            raise BackupError(
                f"{backup.name} is not the file that was written: its SHA-256 differs. Take an "
                "older backup, and find out what changed it."
            )
        if backup.sealed:
            _open(path, identity)
        yield path


def _read(name: str, text: str) -> Backup:
    try:
        return Backup(**json.loads(text))
    except (ValueError, TypeError):
        raise BackupError(f"{name} cannot be read: it is not a manifest of a backup") from None


def _recipient(text: str) -> object:
    import pyrage  # noqa: PLC0415 - only where backups are sealed

    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise BackupError(
            "the recipient is not a public key of age: it begins with age1 (age-keygen makes one)"
        ) from None


def _seal(path: Path, keys: Sequence[object]) -> None:
    import pyrage  # noqa: PLC0415 - only where backups are sealed

    sealed = path.with_suffix(".age")
    pyrage.encrypt_file(str(path), str(sealed), list(keys))
    sealed.rename(path)


def _open(path: Path, identity: Path | None) -> None:
    import pyrage  # noqa: PLC0415 - only where backups are sealed

    if identity is None:
        raise BackupError("the backup is sealed: name the file of the age identity")
    lines = [line.strip() for line in _text(identity).splitlines()]
    try:
        keys = [
            pyrage.x25519.Identity.from_str(line) for line in lines if line[:1] not in ("#", "")
        ]
        plain = path.with_suffix(".plain")
        pyrage.decrypt_file(str(path), str(plain), keys)
    except (pyrage.IdentityError, pyrage.DecryptError):
        raise BackupError(f"{identity} does not open this backup") from None
    plain.rename(path)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _workshop() -> Iterator[Path]:
    """A folder that only this process's user can enter, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="academy-backup-") as name:
        yield Path(name)
