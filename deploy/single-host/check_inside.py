"""Run by `python -m deploy.hostcheck` in the Debian that it made, in a network of its own.

PostgreSQL, nginx and everything that the units start, each as its unit says; then work goes
through all of it, as a client sends it. Standard library only.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

INSTALLER = Path(__file__).with_name("install.sh")
URL = "https://academy.test"
CA = "/etc/academy-test/ca.pem"
WORKERS = ("video", "ai-lite", "ai-basic", "messaging")
LOGS = Path("/var/log/academy-check")
READY_SECONDS = 120.0


class Failed(Exception):
    """What did not hold."""


def run(*argv: str, fails: bool = False) -> str:
    """A command's output; Failed when it ends otherwise than asked."""
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if bool(done.returncode) != fails:
        raise Failed(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.stdout


def curl(path: str, *options: str) -> str:
    """An answer of the API, through nginx."""
    return run("curl", "-sS", "--max-time", "60", "--cacert", CA, *options, f"{URL}{path}")


def eventually(holds: Callable[[], Any], what: str, seconds: float = READY_SECONDS) -> Any:
    """What *holds* returns once it is true."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := holds():
                return found
            last = ""
        except Failed as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds:.0f} s: {what}\n{last}")
        time.sleep(0.5)


def answers(url: str) -> bool:
    """True; Failed where it does not answer with success."""
    run("curl", "-fsS", "--max-time", "10", "--cacert", CA, "-o", "/dev/null", url)
    return True


class Unit:
    """What one unit starts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log = LOGS / f"{name}.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                ["/usr/local/bin/academy", "unit", name],
                stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    def alive(self) -> bool:
        """True; Failed with its last words where it has ended."""
        if (status := self.process.poll()) is not None:
            raise SystemExit(f"{self.name} ended with {status}:\n{self.log.read_text()[-3000:]}")
        return True

    def stop(self, seconds: float = 90.0) -> int:
        """SIGTERM to the parent alone; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def manage(*arguments: str) -> str:
    """manage.py as an operator types it."""
    return run("/usr/local/bin/academy", "manage", *arguments)


def folders() -> None:
    """What systemd makes before it starts a unit."""
    LOGS.mkdir(parents=True, exist_ok=True)
    for name in ("/run/academy", "/var/lib/academy/scratch", "/var/cache/academy"):
        Path(name).mkdir(parents=True, exist_ok=True)
        shutil.chown(name, "academy", "academy")


def machine() -> None:
    """The network, PostgreSQL, nginx."""
    run("mount", "-t", "proc", "proc", "/proc")
    run("ip", "link", "set", "lo", "up")
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write("127.0.0.1 academy.test s3.academy.test localhost\n")
    for line in run("pg_lsclusters", "-h").splitlines():
        version, cluster, *_ = line.split()
        run("pg_ctlcluster", version, cluster, "start")
    run("nginx")


def stores() -> list[Unit]:
    """The object store and the queues of this machine."""
    made = [Unit("academy-s3"), Unit("academy-sqs")]
    health = "http://127.0.0.1:9324/_ministack/health"
    eventually(lambda: made[1].alive() and answers(health), "SQS answers")
    store = "http://127.0.0.1:8333/healthz"
    eventually(lambda: made[0].alive() and answers(store), "the object store answers")
    return made


def platform() -> list[Unit]:
    """API, relay, workers and Flower, once they work."""
    run(str(INSTALLER), "prepare")
    made = [Unit("academy-api"), Unit("academy-relay"), Unit("academy-flower")]
    made += [Unit(f"academy-worker-{queue}") for queue in WORKERS]
    eventually(lambda: made[0].alive() and answers(f"{URL}/healthz"), "the API answers by nginx")
    for unit, queue in zip(made[3:], WORKERS, strict=True):
        eventually(functools.partial(consumes, unit, queue), f"{queue} consumes")
    return made


def consumes(unit: Unit, queue: str) -> bool:
    """Whether the worker's own health check is content."""
    run("/usr/local/bin/academy", "health", queue)
    return unit.alive()


def work() -> str:
    """A job through every queue, and one over REST as a client sends it; returns what was seen."""
    queues = [option for queue in WORKERS for option in ("--queue", queue)]
    # An object store that has never held anything takes its time for the first one.
    eventually(
        lambda: manage("deepcheck", *queues, "--timeout", "120"), "the deep check is content"
    )
    told = manage(
        *("tenant_create", "--slug", "first", "--name", "첫학원", "--owner-username", "owner"),
        "--json",
    )
    key = json.loads(told.splitlines()[-1])["api_key"]
    login = ("-H", f"Authorization: Bearer {key}")
    table = {"columns": [{"title": "이름"}], "rows": [["김가나"]], "format": "csv"}
    body = json.dumps({"kind": "tables.export", "params": table})
    asked = ("-H", "Content-Type: application/json", "-H", "Idempotency-Key: one", "-d", body)
    job = json.loads(curl("/api/v1/jobs", *login, *asked))["id"]

    def ended() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(curl(f"/api/v1/jobs/{job}", *login))
        return found if found["state"] in ("succeeded", "failed", "dead") else {}

    found = eventually(ended, "the job ends")
    if found["state"] != "succeeded":
        raise Failed(f"the job ended as {found}")
    stream = curl(f"/api/v1/jobs/{job}/events", *login, "-H", "Accept: text/event-stream", "-i")
    for words in ("text/event-stream", "event:", "succeeded"):
        if words not in stream:
            raise Failed(f"the stream of events lacks {words}:\n{stream[:800]}")
    return "a job through every queue, one over REST, its events as a stream"


def fences() -> str:
    """What nginx and the application say to a stranger."""
    head = curl("/console/", "-i").lower()
    for words in ("content-security-policy:", "strict-transport-security:"):
        if words not in head:
            raise Failed(f"no {words} in\n{head[:800]}")
    plain = run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://academy.test/x")
    if plain != "308":
        raise Failed(f"plain http was answered with {plain}")
    if "401" not in run("curl", "-sS", "-i", "http://127.0.0.1:5555/"):
        raise Failed("Flower asks nobody for a login")
    return "https alone, with the application's own headers; Flower asks for a login"


def backup() -> str:
    """The unit of every night, and the drill."""
    unit = Unit("academy-backup")
    if unit.process.wait(120):
        raise Failed(unit.log.read_text()[-2000:])
    said = manage("backup", "drill", "--place", "/var/backups/academy", "--json")
    found = json.loads(said.splitlines()[-1])
    if found["wrong"] or found["objects"]["missing"] or not found["jobs"]:
        raise Failed(f"the drill found {found}")
    return f"{found['rows']} rows restored and checked in {found['rto_seconds']} s"


def users(units: list[Unit]) -> str:
    """Nothing runs as root."""
    wrong = [unit.name for unit in units if Path(f"/proc/{unit.process.pid}").stat().st_uid == 0]
    if wrong:
        raise Failed(f"as root: {wrong}")
    return f"{len(units)} processes, none of them root's"


def ends(units: list[Unit]) -> str:
    """SIGTERM ends everything in order, within its time."""
    statuses = {unit.name: unit.stop() for unit in units}
    wrong = {name: status for name, status in statuses.items() if status not in (0, -15, 143)}
    if wrong:
        raise Failed(f"ended with {wrong}")
    return ", ".join(
        f"{name.removeprefix('academy-')} {status}" for name, status in statuses.items()
    )


def main() -> int:
    """0 when all of it holds."""
    os.environ["PATH"] = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    running: list[Unit] = []
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("folders", folders),
        ("PostgreSQL and nginx", machine),
        ("stores of this machine", lambda: running.extend(stores())),
        ("schema, queues, buckets; every unit's process", lambda: running.extend(platform())),
        ("work", work),
        ("fences", fences),
        ("backup and drill", backup),
        ("users", lambda: users(running)),
        ("SIGTERM", lambda: ends(list(reversed(running)))),
    ]
    for name, step in steps:
        began = time.monotonic()
        try:
            said = step()
        except Failed as error:
            print(f"  {name}: FAILED\n{error}", flush=True)
            for log in sorted(LOGS.glob("*.log")):
                print(f"--- {log.stem}\n{log.read_text()[-1500:]}", flush=True)
            return 1
        text = f": {said}" if isinstance(said, str) else ""
        print(f"  {name} holds ({time.monotonic() - began:.0f} s){text}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
