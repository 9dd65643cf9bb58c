import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from deploy.local import sentinel
from deploy.local.errors import NotReady, ProcessDied
from deploy.local.ports import FreePorts
from deploy.local.probes import answers, listens
from deploy.local.process import Command, Supervisor

IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""
LEAVES_A_GRANDCHILD = """
import subprocess, sys, time
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def python(name: str, code: str, **options: object) -> Command:
    return Command(name, [sys.executable, "-I", "-S", "-c", code], **options)  # type: ignore[arg-type]


def supervised(
    tmp_path: Path, work: Callable[[Supervisor], Awaitable[None]], **options: bool
) -> None:
    async def main() -> None:
        async with Supervisor(tmp_path / "log", **options) as supervisor:
            await work(supervisor)

    asyncio.run(main())


async def said(supervisor: Supervisor, name: str) -> str:
    """The first line a child printed."""
    (process,) = (item for item in supervisor.processes if item.command.name == name)
    for _ in range(500):
        if process.tail:
            return process.tail[0]
        await asyncio.sleep(0.01)
    raise AssertionError(f"{name} said nothing")


def test_a_child_that_dies_is_named_with_its_last_lines_and_its_log(tmp_path: Path) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(python("cook", "print('no more eggs'); raise SystemExit(3)"))
        await supervisor.watch()

    with pytest.raises(ProcessDied) as caught:
        supervised(tmp_path, work)

    assert "cook ended with status 3" in str(caught.value)
    assert "no more eggs" in str(caught.value)
    assert (tmp_path / "log" / "cook.log").read_text() == "no more eggs\n"


def test_a_child_that_was_killed_is_told_apart_from_one_that_failed(tmp_path: Path) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(python("cook", "import time; time.sleep(60)"))
        supervisor.processes[0].signal(signal.SIGKILL)
        await supervisor.watch()

    with pytest.raises(ProcessDied, match="cook was killed by signal 9"):
        supervised(tmp_path, work)


def test_a_program_that_does_not_exist_is_a_sentence(tmp_path: Path) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.run(Command("cook", ["/nowhere/cook"]))

    with pytest.raises(ProcessDied, match="cannot run /nowhere/cook: No such file"):
        supervised(tmp_path, work)


def test_stages_stop_in_reverse_order(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = f"""
import signal, sys, time
def stop(*_):
    with open({str(order)!r}, "a") as file:
        file.write("NAME ")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
time.sleep(60)
"""

    async def work(supervisor: Supervisor) -> None:
        for name in ("first", "second", "third"):
            await supervisor.start(python(name, code.replace("NAME", name)))
            await said(supervisor, name)

    supervised(tmp_path, work)

    assert order.read_text().split() == ["third", "second", "first"]


def test_a_child_that_ignores_the_request_is_killed_after_its_grace(tmp_path: Path) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(python("deaf", IGNORES_SIGTERM, grace_seconds=0.3))
        await said(supervisor, "deaf")

    began = time.monotonic()
    supervised(tmp_path, work)

    assert 0.3 < time.monotonic() - began < 5


def test_force_cuts_the_grace_short(tmp_path: Path) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(python("deaf", IGNORES_SIGTERM, grace_seconds=60))
        await said(supervisor, "deaf")
        asyncio.get_running_loop().call_later(0.2, supervisor.force)

    began = time.monotonic()
    supervised(tmp_path, work)

    assert time.monotonic() - began < 10


def test_what_a_child_leaves_behind_in_another_session_is_swept(tmp_path: Path) -> None:
    left: list[int] = []

    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(python("parent", LEAVES_A_GRANDCHILD))
        left.append(int(await said(supervisor, "parent")))
        assert sentinel.is_running(left[0])

    supervised(tmp_path, work)

    assert not sentinel.is_running(left[0])


def test_a_child_is_started_again_where_the_supervisor_is_told_to(tmp_path: Path) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(
            python("cook", "import time; print('hi', flush=True); time.sleep(60)")
        )
        first = supervisor.processes[0].pid
        await said(supervisor, "cook")
        watch = asyncio.create_task(supervisor.watch())
        supervisor.processes[0].signal(signal.SIGKILL)
        for _ in range(500):
            if supervisor.processes[0].pid != first:
                break
            await asyncio.sleep(0.01)
        assert supervisor.processes[0].pid != first
        assert await said(supervisor, "cook") == "hi"
        watch.cancel()

    supervised(tmp_path, work, restart=True)


def test_a_command_gets_its_status_back_and_the_children_stay_with_it(tmp_path: Path) -> None:
    statuses: list[int] = []

    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(python("cook", "import time; time.sleep(60)"))
        argv = [sys.executable, "-c", "import os; raise SystemExit(int(os.environ['STATUS']))"]
        statuses.append(await supervisor.foreground(argv, {"STATUS": "7"}))
        assert supervisor.processes[0].returncode is None

    supervised(tmp_path, work)

    assert statuses == [7]


def test_a_stranger_on_the_port_is_not_taken_for_the_child(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]

        async def work(supervisor: Supervisor) -> None:
            await supervisor.start(
                python(
                    "late", "import time; time.sleep(60)", ready=listens(port), ready_seconds=0.5
                )
            )

        with pytest.raises(NotReady, match="late did not answer within"):
            supervised(tmp_path, work)


def test_a_child_that_answers_with_an_error_is_not_ready(tmp_path: Path) -> None:
    claims = FreePorts()
    port = claims.take().api
    server = f"""
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/good" else 503)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""

    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(python("api", server, ready=answers(port, "/good", 200)))
        probe = answers(port, "/bad")
        assert not await probe(supervisor.processes[0].pid)

    supervised(tmp_path, work)
    claims.release()


def test_a_sweep_finds_only_its_own_mark(tmp_path: Path) -> None:
    mine = subprocess.Popen(["sleep", "60"], env={sentinel.VARIABLE: "outer.mine"})
    other = subprocess.Popen(["sleep", "60"], env={sentinel.VARIABLE: "outer.other"})
    deadline = time.monotonic() + 10
    try:
        while not (sentinel.members("mine", set()) and sentinel.members("other", set())):
            assert time.monotonic() < deadline
            time.sleep(0.01)  # until both have become `sleep`

        assert sentinel.members("outer", set()) == sorted([mine.pid, other.pid])
        assert sentinel.sweep("mine", set()) == 1
        assert mine.wait(timeout=5) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        mine.kill()
        mine.wait()


def test_a_process_whose_session_leader_is_outside_its_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pid, state in (("71", "S"), ("72", "Z")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "stat").write_text(f"{pid} (sleep) {state} 1 1 0 0 -1")
        (tmp_path / pid / "environ").write_bytes(f"{sentinel.VARIABLE}=outer.mine\0".encode())
    monkeypatch.setattr(sentinel, "_PROC", tmp_path)

    assert sentinel.members("mine", set()) == [71]
    assert sentinel.is_running(71)
    assert not sentinel.is_running(72)
