"""gunicorn's settings: ``gunicorn -c python:academy.settings.gunicorn academy.wsgi``.

Threads, because requests wait for the database and the file store, not for the processor.
"""

from __future__ import annotations

import os
from typing import Any

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# Event streams hold a thread each without holding a connection; the pool bounds the rest.
threads = int(os.environ.get("API_THREADS", "32"))
timeout = 60
graceful_timeout = 30
keepalive = 75
# Processes are renewed one by one, so that a slow leak never becomes an outage.
max_requests = 50_000
max_requests_jitter = 5_000
limit_request_line = 8_190
limit_request_fields = 100
# Heartbeat files belong in memory: a full or slow disk must not look like a hung worker.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108
# One file in the home folder for every copy on the machine; nothing here uses it.
control_socket_disable = True
# The middleware writes the access log, with request id and caller.
accesslog = None
errorlog = "-"


def post_worker_init(worker: Any) -> None:
    """Tell the application about its server, so that event streams leave room and end in time."""
    from academy.core.http.serving import server  # noqa: PLC0415 - the application is loaded now
    from academy.telemetry.requests import flusher  # noqa: PLC0415

    server.threads = worker.cfg.threads
    server.accepting = lambda: bool(worker.alive)
    flusher.start()


def worker_exit(_server: Any, _worker: Any) -> None:
    """Store what this process counted of its requests and has not stored yet."""
    from academy.telemetry.requests import flusher  # noqa: PLC0415

    flusher.stop()
