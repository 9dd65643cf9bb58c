"""The two sizes, as the template's mapping: how much of everything runs.

``start`` is for one academy of some 500 students: the cheapest that is safe. Nothing but the four
processes that must always be up runs all day, no load balancer and no NAT gateway stand before
them, and whatever computes comes and goes with its queue. ``grow`` is for 10,000 students or jobs a
day: two of everything that may not stand still, a load balancer, and wider pools.

Processor is in ECS units (1,024 a core), memory in MiB, disk in GiB. What a process needs was read
from the running platform: the API's two processes hold 300 MiB, the relay 200, Flower 135, the
worker of ``messaging`` 175, and a child of a pool what the table of queues lets it hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deploy.aws.stack.cfn import Json, camel


@dataclass(frozen=True)
class Task:
    """What one task of a role is given, and how many there are: 0 to *most*, at least *least*."""

    cpu: int
    memory: int
    least: int = 1
    most: int = 1
    disk: int = 21


@dataclass(frozen=True)
class Database:
    """The RDS instance: its class, GB of disk, zones, and how many days backups are kept."""

    kind: str
    disk: int
    zones: int
    backup_days: int
    connections: int
    """That its class allows; 85 % of them are worth an alarm."""


@dataclass(frozen=True)
class Size:
    """One size: tasks by role, and what is not a task."""

    tasks: dict[str, Task]
    gpu_hosts: int
    log_days: int
    #: gunicorn's processes in each task of the API.
    web_processes: int
    database: Database


SIZES: Final[dict[str, Size]] = {
    "start": Size(
        tasks={
            "api": Task(512, 1024),
            "relay": Task(256, 512),
            "flower": Task(256, 512),
            "messaging": Task(256, 512),
            "manage": Task(256, 512),
            "video": Task(4096, 8192, least=0, most=2, disk=60),
            "ai-lite": Task(2048, 6144, least=0, most=1, disk=30),
            "ai-basic": Task(2048, 6144, least=0, most=1, disk=30),
        },
        gpu_hosts=1,
        log_days=30,
        web_processes=2,
        database=Database("db.t4g.small", disk=30, zones=1, backup_days=7, connections=200),
    ),
    "grow": Size(
        tasks={
            "api": Task(2048, 4096, least=2, most=2),
            "relay": Task(512, 1024, least=2, most=2),
            "flower": Task(512, 1024),
            "messaging": Task(512, 1024, least=2, most=2),
            "manage": Task(512, 1024),
            "video": Task(4096, 8192, least=0, most=8, disk=100),
            "ai-lite": Task(2048, 6144, least=1, most=4, disk=30),
            "ai-basic": Task(2048, 6144, least=0, most=4, disk=30),
        },
        gpu_hosts=2,
        log_days=90,
        web_processes=4,
        database=Database("db.t4g.large", disk=100, zones=2, backup_days=35, connections=800),
    ),
}


def mapping() -> Json:
    """``Mappings.Sizes``: every key is read with :func:`deploy.aws.stack.cfn.sized`."""
    return {name: _row(size) for name, size in SIZES.items()}


def _row(size: Size) -> Json:
    row: Json = {}
    for role, task in size.tasks.items():
        key = camel(role)
        row |= {f"{key}Cpu": str(task.cpu), f"{key}Memory": str(task.memory)}
        row |= {f"{key}Least": task.least, f"{key}Most": task.most, f"{key}Disk": task.disk}
    return row | {
        "GpuHosts": str(size.gpu_hosts),
        "LogDays": size.log_days,
        "WebProcesses": str(size.web_processes),
        "DatabaseConnections": round(size.database.connections * 0.85),
    }
