"""What the HTTP server says about itself to code that holds one of its threads for long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _always() -> bool:
    return True


@dataclass
class Server:
    """One server process: its threads, and whether it still takes requests.

    The server's settings fill it in when the process starts; without a server (tests, runserver)
    the defaults hold.
    """

    threads: int = 16
    accepting: Callable[[], bool] = _always


server = Server()
