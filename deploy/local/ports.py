"""Which ports the platform listens on: always the same ones for a person, free ones for tests.

A free port is taken from below the kernel's ephemeral range, so that no outgoing connection can
grab it, and is claimed by an abstract socket, so that two copies starting at once never choose the
same; the claim ends with the process that holds it.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from deploy.local.errors import LaunchError

HOST = "127.0.0.1"
_FREE_RANGE = range(22_000, 30_000)
_ADMIN_GRPC_OFFSET = 10_000
_ADMIN_RANGE = range(20_000, 22_000)  # so that the derived port is outside _FREE_RANGE too
_LISTEN = "0A"


@dataclass(frozen=True)
class Ports:
    """One port for each listener; the `s3_*` ones are SeaweedFS's parts behind its S3 gateway."""

    api: int = 8000
    flower: int = 5555
    postgres: int = 15432
    sqs: int = 14566
    s3: int = 18333
    s3_grpc: int = 18334
    s3_master: int = 18335
    s3_master_grpc: int = 18336
    s3_volume: int = 18337
    s3_volume_grpc: int = 18338
    s3_filer: int = 18339
    s3_filer_grpc: int = 18340
    s3_admin: int = 18341

    @property
    def s3_admin_grpc(self) -> int:
        """SeaweedFS's own worker derives this one and cannot be told another."""
        return self.s3_admin + _ADMIN_GRPC_OFFSET

    def by_name(self) -> dict[str, int]:
        """Every port with its name."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**chosen, "s3_admin_grpc": self.s3_admin_grpc}


def variable(name: str) -> str:
    """The environment variable with which a person moves a port: `PORT_API` and so on."""
    return f"PORT_{name.upper()}"


def fixed(environ: Mapping[str, str] = os.environ) -> Ports:
    """The ports of `make up`, moved by PORT_* variables; LaunchError where one is no port."""
    chosen: dict[str, int] = {}
    for field in fields(Ports):
        text = environ.get(variable(field.name), "")
        if not text:
            continue
        if not text.isdecimal() or not 1024 <= int(text) <= 65_535:
            raise LaunchError(f"{variable(field.name)}={text} is no port: use 1024 to 65535.")
        chosen[field.name] = int(text)
    return Ports(**chosen)


def ensure_free(ports: Ports) -> None:
    """Raise LaunchError naming the first taken port, who has it and how to go on."""
    owners: dict[int, str] = {}
    for name, port in ports.by_name().items():
        if port in owners:
            raise LaunchError(
                f"{variable(name)} and {variable(owners[port])} are both {port}: move one."
            )
        owners[port] = name
        if not _bindable(port):
            holder = describe_listener(port)
            raise LaunchError(
                f"Port {port} (for {name}) is taken by {holder}. Stop that program, or choose "
                f"another port: {variable(name)}=NUMBER make up"
            )


class FreePorts:
    """Free ports, claimed until `release` or until this process ends."""

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []

    def take(self) -> Ports:
        """A set of ports on which nothing listens and which no other launcher has claimed."""
        chosen = {field.name: self._one() for field in fields(Ports)}
        while True:
            chosen["s3_admin"] = self._one(_ADMIN_RANGE)
            if _bindable(chosen["s3_admin"] + _ADMIN_GRPC_OFFSET):
                return Ports(**chosen)

    def release(self) -> None:
        """Give the claims up, once the ports are no longer used."""
        for claim in self._claims:
            claim.close()
        self._claims.clear()

    def _one(self, among: range = _FREE_RANGE) -> int:
        for port in random.sample(among, k=200):
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                claim.bind(f"\0academy-port-{port}")
            except OSError:
                claim.close()
                continue
            if _bindable(port):
                self._claims.append(claim)
                return port
            claim.close()
        raise LaunchError("No free port was found among 200 tried: too many programs listen here.")


def _bindable(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def listening_inodes(port: int) -> set[str]:
    """The kernel's socket numbers of everything that listens on a TCP port."""
    inodes: set[str] = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        if not path.exists():
            continue
        for line in path.read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == _LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(columns[9])
    return inodes


def holds(pid: int, inodes: set[str]) -> bool:
    """Whether a process has one of these sockets open; False where its files cannot be read."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    try:
        descriptors = list((Path("/proc") / str(pid) / "fd").iterdir())
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            if str(descriptor.readlink()) in wanted:
                return True
        except OSError:
            continue
    return False


def describe_listener(port: int) -> str:
    """`name (process 123)` of whoever listens on a port, as far as this user may see it."""
    inodes = listening_inodes(port)
    if inodes:
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and holds(int(entry.name), inodes):
                name = (entry / "comm").read_text().strip()
                return f"{name} (process {entry.name})"
    return "another program"
