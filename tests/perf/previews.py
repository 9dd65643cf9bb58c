"""``python -m tests.perf.previews [PEOPLE]``: what previewing a large campaign costs over HTTP.

Needs the services (``make bench-previews``).
A real gunicorn, one process, is asked for the same campaign three times: everybody who is enrolled,
the same students by their ids, and as many phones with a text of their own each, which is a body
above the usual limit. Exits with 1 where one takes longer than a proxy waits, or memory grows.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import django
import httpx

ROOT: Final = Path(__file__).resolve().parents[2]
MIB: Final = 1 << 20
SECONDS: Final = 60.0
"""A load balancer's usual patience."""
GROWTH_MB: Final = 150
"""Of the process over all three, the first included, which imports what it needs."""
_START_SECONDS: Final = 60.0


@contextmanager
def api() -> Iterator[tuple[httpx.Client, int]]:
    """gunicorn on a free port, and the id of the process that answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**os.environ, "WEB_CONCURRENCY": "1", "API_THREADS": "4", "BIND": f"127.0.0.1:{port}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "python:academy.settings.gunicorn",
         "academy.wsgi"], cwd=ROOT, env=env,
    )  # fmt: skip
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5 * SECONDS)
    try:
        _wait_for(client)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii")
        yield client, int(children.split()[0])
    finally:
        client.close()
        process.terminate()
        process.wait(60)


def _wait_for(client: httpx.Client) -> None:
    ends = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends:
        try:
            if client.get("/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("the API did not start")


def _memory(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _academy(people: int) -> tuple[str, list[str]]:
    """An academy of so many students; its key, and their ids."""
    from academy.messaging.policy import policy_change  # noqa: PLC0415 - needs Django
    from academy.roster import batches  # noqa: PLC0415
    from academy.roster.fields import NAMES  # noqa: PLC0415
    from academy.roster.models import Student  # noqa: PLC0415
    from tests.support.rest import new_tenant  # noqa: PLC0415

    new = new_tenant()
    policy_change(tenant=new.tenant, changes={"sender": "0200000000"})
    known = [{"name": f"보기{n}", "parent_phone": f"010{n:08}"} for n in range(people)]
    batches.store(new.tenant.pk, [[one.get(name) for name in NAMES] for one in known])
    ids = Student.objects.for_tenant(new.tenant).values_list("pk", flat=True)
    return new.key.token, [str(one) for one in ids]


def _ways(ids: list[str]) -> dict[str, dict[str, Any]]:
    said = "내일 과제는 다음과 같습니다. " * 6
    return {
        "all who are enrolled": {"all_enrolled": True},
        "students by id": {"students": [{"id": one} for one in ids]},
        "phones with a text each": {
            "phones": [
                {"phone": f"010{n:08}", "variables": {"이름": f"보기{n}", "과제": said}}
                for n in range(len(ids))
            ]
        },
    }


def main(people: int) -> int:
    """Ask for each, print a table, and say whether all was well."""
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    token, ids = _academy(people)
    headers = {"Authorization": f"Bearer {token}"}
    print("| recipients | body MB | seconds | a thousand | process MB |\n|---|---|---|---|---|")
    well = True
    with api() as (client, pid):
        client.get("/api/v1/me", headers=headers).raise_for_status()
        before = _memory(pid, "VmRSS")
        for name, to in _ways(ids).items():
            text = "#{이름} 학부모님께. #{과제}" if "phones" in to else "#{이름} 학부모님께."
            body = {"title": name, "text": {"body": text}, "to": to}
            started = time.monotonic()
            answer = client.post("/api/v1/messages/preview", json=body, headers=headers)
            seconds = time.monotonic() - started
            assert answer.status_code == 201, answer.text[:500]
            told = answer.json()["campaign"]
            assert (told["messages"], told["states"]) == (people, {"draft": people}), told
            peak = _memory(pid, "VmHWM")
            well = well and seconds < SECONDS and (peak - before) / MIB < GROWTH_MB
            size = int(answer.request.headers["Content-Length"]) / MIB
            print(
                f"| {people:,}: {name} | {size:.1f} | {seconds:.1f} | "
                f"{seconds * 1_000 / people:.2f} | {peak / MIB:.0f} |",
                flush=True,
            )
        print(f"the process grew by {(_memory(pid, 'VmHWM') - before) / MIB:.0f} MB at most")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
