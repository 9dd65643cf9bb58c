"""The systemd units of a single host, made from the table of queues.

``python -m deploy.units`` writes ``deploy/single-host/units``; ``--check`` says whether they are
what the table asks for. Standard library only: the installer needs no environment to read them.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tasks import queues

FOLDER: Final = Path(__file__).parent / "single-host" / "units"
RELEASE: Final = "/opt/academy/current"
PYTHON: Final = f"{RELEASE}/.venv/bin/python"
PLACE: Final = "/var/backups/academy"
FINISH_SECONDS: Final = 30
"""WORKER_FINISH_SECONDS as the environment page has it."""
STOP_SECONDS: Final = FINISH_SECONDS + 60
"""A warm shutdown: finish, give the rest back, flush acknowledgements."""
_PARENT_MB: Final = 768
"""What a worker holds beside its pool's processes."""
_VIDEO_MB: Final = 4096
"""ffmpeg's processes of one lecture, and the worker."""
_THREADS_MB: Final = 1024

_HEADER: Final = "# Made by `python -m deploy.units` from tasks/queues.py. Do not edit.\n"
# After the databases, where they are on this machine; systemd passes over units that are not there.
_AFTER: Final = "network-online.target postgresql.service academy-s3.service academy-sqs.service"

_COMMON: Final = (
    "User=academy",
    "Group=academy",
    f"WorkingDirectory={RELEASE}",
    # What stands in the file wins over what stands here.
    "Environment=DJANGO_SETTINGS_MODULE=academy.settings.production LOG_FORMAT=json",
    "Environment=PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/var/lib/academy",
    "Environment=SCRATCH_DIR=/var/lib/academy/scratch WORKER_HEALTH_DIR=/run/academy",
    "Environment=MODEL_CACHE_DIR=/var/cache/academy/models FLOWER_DB=/var/lib/academy/flower",
    f"EnvironmentFile=/etc/academy/academy.env\nEnvironmentFile={RELEASE}/release.env",
    "RuntimeDirectory=academy",
    "RuntimeDirectoryPreserve=yes",
    "StateDirectory=academy academy/scratch",
    "CacheDirectory=academy",
    "UMask=0077",
    "LimitNOFILE=65536",
)
_HARDENED: Final = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "ProtectControlGroups=yes",
    "ProtectKernelModules=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RemoveIPC=yes",
    "SystemCallArchitectures=native",
)
#: Processes that open no stranger's file need no namespaces of their own.
_CLOSED: Final = (
    *_HARDENED,
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelLogs=yes",
    "ProtectProc=invisible",
    "ProcSubset=all",
    "RestrictNamespaces=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallErrorNumber=EPERM",
)
#: Workers put strangers' files into bubblewrap, or into an empty network namespace with Landlock:
#: that takes namespaces and mounts, and a /proc that nothing covers.
_SANDBOXES: Final = (
    *_HARDENED,
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "SystemCallFilter=@system-service @mount seccomp",
    "SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
    "SystemCallErrorNumber=EPERM",
)
_RESTARTS: Final = ("StartLimitIntervalSec=300", "StartLimitBurst=10")


def unit(
    about: str, service: Sequence[str], *, head: Sequence[str] = (), target: str = "academy.target"
) -> str:
    """One unit's text."""
    parts = [_HEADER, "[Unit]", f"Description={about}", f"After={_AFTER}"]
    parts += ["Wants=network-online.target", *head]
    if target:
        parts.append(f"PartOf={target}")
    parts += ["", "[Service]", *service]
    if target:
        parts += ["", "[Install]", f"WantedBy={target}"]
    return "\n".join(parts) + "\n"


def worker(row: queues.Queue) -> str:
    """The worker of one queue: its own command line, and a limit of memory that fits its pool."""
    # systemd would read Celery's %h, the host's name, as a specifier of its own.
    argv = shlex.join(queues.worker_argv(row.name, environ={})).replace("%", "%%")
    if row.pool == "threads":
        memory = _THREADS_MB
    elif row.child_memory_mb is None:
        memory = _VIDEO_MB
    else:
        # A process is replaced after the job that went beyond, so one job more must fit.
        memory = _PARENT_MB + row.concurrency * row.child_memory_mb * 3 // 2
    return unit(
        f"Academy: worker of the queue {row.name}",
        (
            "Type=exec",
            f"ExecStart={PYTHON} -m {argv}",
            "Environment=ACADEMY_PROCESS=worker",
            # The parent alone is told; it tells its pool. A drained worker ends with 0 and stays.
            "KillMode=mixed",
            f"TimeoutStopSec={STOP_SECONDS}",
            "Restart=on-failure",
            "RestartSec=5",
            f"MemoryMax={memory}M",
            # A killed child is a lost job, which goes on elsewhere: the worker need not go with it.
            "OOMPolicy=continue",
            "OOMScoreAdjust=500",
            "TasksMax=1024",
            # People wait for the API, lectures do not.
            "CPUWeight=20" if row.name != "messaging" else "CPUWeight=100",
            *_COMMON,
            *_SANDBOXES,
        ),
        head=_RESTARTS,
        # A queue for GPU hosts is no part of every host: whoever has the card enables it.
        target="academy.target" if "cpu" in row.host_kinds else "multi-user.target",
    )


def _process(name: str, command: str, *options: str, role: str = "command") -> str:
    return unit(
        f"Academy: {name}",
        (
            f"ExecStart={PYTHON} {command}",
            f"Environment=ACADEMY_PROCESS={role}",
            "Restart=always",
            "RestartSec=3",
            *options,
            *_COMMON,
            *_CLOSED,
        ),
        head=_RESTARTS,
    )


def _once(name: str, command: str, *options: str) -> str:
    """Something that runs and ends: started by a timer."""
    return unit(
        f"Academy: {name}",
        (
            "Type=oneshot",
            f"ExecStart={PYTHON} {command}",
            "Environment=ACADEMY_PROCESS=command",
            *options,
            *_COMMON,
            *_CLOSED,
        ),
        target="",
    )


def _timer(about: str, *when: str) -> str:
    parts = [_HEADER, "[Unit]", f"Description=Academy: {about}", "", "[Timer]", *when]
    return "\n".join([*parts, "", "[Install]", "WantedBy=timers.target"]) + "\n"


def _health() -> Iterator[tuple[str, str]]:
    """A worker that consumes nothing although it lives is started again."""
    yield (
        "academy-health@.service",
        unit(
            "Academy: whether the worker of %i consumes",
            (
                "Type=oneshot",
                # One that was stopped on purpose, or is not part of this host, is well.
                "ExecCondition=/usr/bin/systemctl is-active --quiet academy-worker-%i.service",
                f"ExecStart={PYTHON} -m tasks.worker.health %i",
                "Environment=ACADEMY_PROCESS=command",
                *_COMMON,
                *_CLOSED,
            ),
            head=("OnFailure=academy-restart@%i.service",),
            target="",
        ),
    )
    often = ("OnBootSec=5min", "OnUnitInactiveSec=2min", "RandomizedDelaySec=15")
    yield "academy-health@.timer", _timer("look at the worker of %i", *often)
    again = "/usr/bin/systemctl restart academy-worker-%i.service"
    parts = [_HEADER, "[Unit]", "Description=Academy: start the worker of %i again", ""]
    yield (
        "academy-restart@.service",
        "\n".join([*parts, "[Service]", "Type=oneshot", f"ExecStart={again}"]) + "\n",
    )


def _stores() -> Iterator[tuple[str, str]]:
    """SQS and S3 on the machine itself: for a trial, or an academy that accepts what is said."""
    answers = "curl -fs -o /dev/null http://127.0.0.1:9324/_ministack/health"
    yield (
        "academy-sqs.service",
        unit(
            "Academy: the embedded SQS",
            (
                "Type=exec",
                f"ExecStart={RELEASE}/.venv-emulator/bin/ministack",
                # It forgets its queues when it stops; what waited in them is published again.
                f"ExecStartPost=/bin/sh -c 'until {answers}; do sleep 0.5; done'",
                f"ExecStartPost={PYTHON} manage.py ensure_queues",
                "Environment=GATEWAY_PORT=9324 BIND_HOST=127.0.0.1 SERVICES=sqs,sts",
                "Environment=LOG_LEVEL=WARNING IOT_MTLS_ENABLED=0 SFTP_ENABLED=0",
                "TimeoutStartSec=90",
                "Restart=always",
                "RestartSec=2",
                "MemoryMax=1024M",
                *_COMMON,
                *_CLOSED,
            ),
        ).replace(f"After={_AFTER}", "After=network-online.target postgresql.service"),
    )
    weed = (
        f"{RELEASE}/.venv/bin/weed -logtostderr=true mini -dir=/var/lib/academy-s3 -ip=127.0.0.1"
        " -ip.bind=127.0.0.1 -s3.port=8333 -s3.config=/etc/academy/s3.json -admin.ui=false"
        " -webdav=false -s3.port.iceberg=0 -s3.port.lance=0 -s3.autoCreateBucket=false"
        " -master.telemetry=false -volume.preStopSeconds=0"
    )
    yield (
        "academy-s3.service",
        unit(
            "Academy: the object store on this machine",
            (
                "Type=exec",
                f"ExecStart={weed}",
                "Restart=always",
                "RestartSec=2",
                "TimeoutStopSec=60",
                "MemoryMax=2048M",
                "User=academy",
                "Group=academy",
                "StateDirectory=academy-s3",
                "StateDirectoryMode=0700",
                "UMask=0077",
                "LimitNOFILE=65536",
                *_CLOSED,
            ),
        ).replace(f"After={_AFTER}", "After=network-online.target"),
    )


def units() -> dict[str, str]:
    """Every unit by its file's name."""
    found = {
        "academy.target": f"{_HEADER}\n[Unit]\nDescription=Academy: everything\n"
        "Wants=network-online.target\n\n[Install]\nWantedBy=multi-user.target\n",
        "academy-api.service": _process(
            "API",
            "-m gunicorn -c python:academy.settings.gunicorn academy.wsgi",
            "Type=notify",
            "NotifyAccess=main",
            "ExecReload=/bin/sh -c 'kill -HUP $MAINPID'",
            "KillMode=mixed",
            "TimeoutStopSec=45",
            "MemoryMax=1536M",
            "OOMScoreAdjust=-100",
            role="api",
        ),
        "academy-relay.service": _process(
            "relay", "-m tasks.relay", "Type=exec", "TimeoutStopSec=30", "MemoryMax=1024M",
            role="relay",
        ),
        "academy-flower.service": _process(
            "Flower", "-m tasks.flower", "Type=exec", "TimeoutStopSec=15", "MemoryMax=512M",
        ),
        "academy-backup.service": _once(
            "back up the database",
            "manage.py backup make --place ${BACKUP_PLACE} --keep-days 30 $BACKUP_OPTIONS",
            f"Environment=BACKUP_PLACE={PLACE}",
            "CacheDirectoryMode=0700",
            "Nice=10",
            f"ReadWritePaths=-{PLACE}",
        ),
        "academy-backup.timer": _timer(
            "back up every night", "OnCalendar=*-*-* 04:10:00", "Persistent=yes",
            "RandomizedDelaySec=10min",
        ),
    }  # fmt: skip
    found |= {f"academy-worker-{row.name}.service": worker(row) for row in queues.table({})}
    found |= dict(_health())
    found |= dict(_stores())
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the units, or with ``--check`` compare them: 1 where they differ."""
    parser = argparse.ArgumentParser(prog="python -m deploy.units", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on a difference")
    check = parser.parse_args(arguments).check
    wanted = units()
    there = {path.name: path.read_text() for path in FOLDER.glob("academy*")}
    differing = sorted(
        name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)
    )
    if check:
        for name in differing:
            print(f"{name} differs: run python -m deploy.units", file=sys.stderr)
        return 1 if differing else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in differing:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name])
        else:
            (FOLDER / name).unlink()
    print(f"{len(wanted)} units, {len(differing)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
