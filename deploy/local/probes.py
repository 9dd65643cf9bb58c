"""Is a child ready? Each probe is given the child's process id and asks once, quickly.

A probe first checks that it is this child that listens on the port, so that a stranger on the same
port is never taken for it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from deploy.local.ports import HOST, holds, listening_inodes
from deploy.local.process import Probe

_TIMEOUT = 2.0


def listens(port: int) -> Probe:
    """The child itself listens on the port."""

    async def probe(pid: int) -> bool:
        inodes = listening_inodes(port)
        return bool(inodes) and holds(pid, inodes)

    return probe


def answers(port: int, path: str, *statuses: int) -> Probe:
    """The child answers an HTTP GET with one of these statuses (any below 500 by default)."""
    mine = listens(port)

    async def probe(pid: int) -> bool:
        if not await mine(pid):
            return False
        try:
            status = await asyncio.wait_for(_status(port, path), timeout=_TIMEOUT)
        except (TimeoutError, OSError, ValueError):
            return False
        return status in statuses if statuses else status < 500

    return probe


async def _status(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {HOST}:{port}\r\n\r\n".encode())
        await writer.drain()
        line = await reader.readline()
        return int(line.split()[1]) if len(line.split()) > 1 else 599
    finally:
        writer.close()


def reports_in(health_file: Path) -> Probe:
    """The child, and not one before it, has written its health file: it consumes its queue."""

    async def probe(pid: int) -> bool:
        return _reporter(health_file) == pid

    return probe


def _reporter(health_file: Path) -> int | None:
    try:
        return int(json.loads(health_file.read_text())["pid"])
    except (OSError, ValueError, KeyError):
        return None


def accepts_postgres(pg_isready: Path, port: int) -> Probe:
    """PostgreSQL takes connections, which is later than listening."""
    mine = listens(port)

    async def probe(pid: int) -> bool:
        if not await mine(pid):
            return False
        child = await asyncio.create_subprocess_exec(
            *(str(pg_isready), "-q", "-t", "2", "-h", HOST, "-p", str(port)),
            stdin=asyncio.subprocess.DEVNULL,
        )
        return await child.wait() == 0

    return probe
