"""A PostgreSQL of one's own, which can be stopped as hard as a power cut would."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psycopg

from deploy.local import services
from deploy.local.ports import HOST, FreePorts
from deploy.local.state import StateFolder
from tests.support.processes import Identity, Process, eventually

DATABASE = "academy"
# What was committed must be there after an immediate stop, so the log is written and replayed;
# only the disk itself is trusted.
_OPTIONS = ("max_connections=120", "fsync=off", "full_page_writes=off", "shared_buffers=32MB")


class Postgres:
    """One server on a free port, without a password, on 127.0.0.1 alone."""

    def __init__(self, folder: Path, ports: FreePorts) -> None:
        self.port = ports.take().postgres
        place = StateFolder(folder / "postgres")
        place.create()
        self._files = services.postgres_files(place)
        user = self._files.user
        self._identity = Identity(user.uid, user.gid) if user else Identity()
        self._folder = folder
        self._process: Process | None = None
        self.stops = 0

    @property
    def url(self) -> str:
        return f"postgresql://{DATABASE}@{HOST}:{self.port}/{DATABASE}"

    @property
    def _admin_url(self) -> str:
        return f"postgresql://{DATABASE}@{HOST}:{self.port}/postgres"

    def create(self) -> None:
        """Make the cluster, start it, and make the database."""
        subprocess.run(
            [
                str(self._files.programs / "initdb"),
                *("-D", str(self._files.data), "-U", DATABASE, "--auth=trust", "--no-sync"),
                *("--encoding=UTF8", "--locale=C"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._files.data.parent,
            user=self._identity.uid if self._identity.uid >= 0 else None,
            group=self._identity.gid if self._identity.gid >= 0 else None,
            extra_groups=[] if self._identity.uid >= 0 else None,
        )
        self.start()
        with psycopg.connect(
            self.url.removesuffix(DATABASE) + "postgres", autocommit=True
        ) as admin:
            admin.execute(f"CREATE DATABASE {DATABASE}")

    def start(self) -> None:
        """Start it, or start it again, and wait until it takes connections."""
        if self._process is None:
            options = ["unix_socket_directories=", f"listen_addresses={HOST}", *_OPTIONS]
            self._process = Process(
                "postgres",
                [
                    str(self._files.programs / "postgres"),
                    *("-D", str(self._files.data), "-p", str(self.port)),
                    *(part for option in options for part in ("-c", option)),
                ],
                folder=self._folder,
                identity=self._identity,
                death_signal=signal.SIGQUIT,
            )
        self._process.start()
        eventually(self._answers, 30, "PostgreSQL takes connections")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url.removesuffix(DATABASE) + "postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop_hard(self) -> None:
        """``pg_ctl stop -m immediate``: no checkpoint, no goodbye; the next start recovers."""
        assert self._process is not None
        self._process.signal(signal.SIGQUIT)
        self._process.wait(20)
        self.stops += 1

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
