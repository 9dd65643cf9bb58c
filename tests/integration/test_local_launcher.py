"""The launcher as a person and CI use it: real services, real kills, nothing left behind."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError

from deploy.local import sentinel
from deploy.local.ports import FreePorts, variable
from deploy.local.state import LOCATION

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = [sys.executable, "-m", "deploy.local"]
READY_SECONDS = 40


@pytest.fixture
def mark() -> str:
    """A mark that every process of the launcher under test inherits."""
    return secrets.token_hex(6)


@pytest.fixture
def place() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's user can reach; pytest keeps its own ones private."""
    folder = Path(tempfile.mkdtemp(prefix="launcher-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def variables(place: Path, mark: str) -> dict[str, str]:
    """The environment of a launcher under test."""
    return {**os.environ, "TMPDIR": str(place), sentinel.VARIABLE: sentinel.nested(mark)}


def gone(mark: str, seconds: float = 10.0) -> list[int]:
    """The processes of a run that are still there after a while: none, if all is well."""
    deadline = time.monotonic() + seconds
    while (left := sentinel.members(mark, set())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@contextmanager
def services(variables: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], dict[str, dict]]]:
    """`deploy.local services` until the block ends, with the facts it printed."""
    launcher = subprocess.Popen(
        [*LAUNCHER, "services", "--json"],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    assert launcher.stderr is not None
    try:
        line = launcher.stdout.readline()
        assert line, launcher.stderr.read()
        yield launcher, json.loads(line)
    finally:
        if launcher.poll() is None:
            launcher.terminate()
        launcher.wait(timeout=READY_SECONDS)
        launcher.stdout.close()
        launcher.stderr.close()


def test_a_command_finds_all_three_services_and_nothing_outlives_it(
    variables: dict[str, str], mark: str, place: Path
) -> None:
    code = """
import os, boto3, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    assert connection.execute("select current_database()").fetchone() == ("academy",)
s3 = boto3.client("s3", endpoint_url=os.environ["R2_ENDPOINT_URL"], region_name="auto",
    aws_access_key_id=os.environ["R2_ACCESS_KEY_ID"],
    aws_secret_access_key=os.environ["R2_SECRET_ACCESS_KEY"])
s3.create_bucket(Bucket="probe")
s3.put_object(Bucket="probe", Key="a", Body=b"x")
assert s3.get_object(Bucket="probe", Key="a")["Body"].read() == b"x"
sqs = boto3.client("sqs", endpoint_url=os.environ["SQS_ENDPOINT_URL"])
url = sqs.create_queue(QueueName="probe")["QueueUrl"]
sqs.send_message(QueueUrl=url, MessageBody="hello")
assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"
raise SystemExit(42)
"""
    done = subprocess.run(
        [*LAUNCHER, "run", "--services-only", "--", sys.executable, "-c", code],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 42, done.stderr
    assert gone(mark) == []
    assert list(place.glob("academy-*")) == []


def test_the_services_refuse_whoever_has_no_password_or_key(variables: dict[str, str]) -> None:
    with services(variables) as (_, facts):
        environment = facts["environment"]
        address = environment["DATABASE_URL"].rpartition("@")[2]
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://academy:guess@{address}", connect_timeout=5)
        intruder = boto3.client(
            "s3",
            endpoint_url=environment["R2_ENDPOINT_URL"],
            region_name="auto",
            aws_access_key_id=environment["R2_ACCESS_KEY_ID"],
            aws_secret_access_key="guess",
        )
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            intruder.list_buckets()


def test_an_upload_does_not_make_the_bucket_it_names(variables: dict[str, str]) -> None:
    with services(variables) as (_, facts):
        environment = facts["environment"]
        s3 = boto3.client(
            "s3",
            endpoint_url=environment["R2_ENDPOINT_URL"],
            region_name="auto",
            aws_access_key_id=environment["R2_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["R2_SECRET_ACCESS_KEY"],
        )
        with pytest.raises(ClientError, match="NoSuchBucket"):
            s3.put_object(Bucket="misspelt", Key="a", Body=b"x")


def test_every_listener_is_on_the_loopback_address(variables: dict[str, str]) -> None:
    with services(variables) as (_, facts):
        inodes = set()
        for process in facts["processes"].values():
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                target = str(descriptor.readlink())
                if target.startswith("socket:"):
                    inodes.add(target[8:-1])
        listening = [
            columns[1]
            for table in ("tcp", "tcp6")
            for columns in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
            if columns[3] == "0A" and columns[9] in inodes
        ]

    assert len(listening) >= 3
    assert [address for address in listening if not address.startswith("0100007F:")] == []


def sockets_of(facts: dict[str, dict]) -> list[Path]:
    """The socket files of a copy's object store, which it makes in /tmp whatever TMPDIR says."""
    port = facts["environment"]["R2_ENDPOINT_URL"].rpartition(":")[2]
    return list(Path("/tmp").glob(f"seaweedfs-*-{port}.sock"))


def test_two_copies_run_side_by_side(variables: dict[str, str], mark: str) -> None:
    with services(variables) as (_, one), services(variables) as (_, two):
        for name in ("DATABASE_URL", "R2_ENDPOINT_URL", "SQS_ENDPOINT_URL"):
            assert one["environment"][name] != two["environment"][name]
        for facts in (one, two):
            with psycopg.connect(facts["environment"]["DATABASE_URL"]) as connection:
                assert connection.execute("select 1").fetchone() == (1,)
            assert sockets_of(facts)

    assert gone(mark) == []
    assert sockets_of(one) + sockets_of(two) == []


def test_a_killed_launcher_leaves_neither_process_nor_folder(
    variables: dict[str, str], mark: str, place: Path
) -> None:
    with services(variables) as (launcher, facts):
        assert len(sentinel.members(mark, set())) > len(facts["processes"])
        launcher.kill()
        launcher.wait()
        assert gone(mark) == []

    assert list(place.glob("academy-*")) == []
    assert sockets_of(facts) == []


def test_a_killed_launcher_takes_its_command_and_what_that_started_along(
    variables: dict[str, str], mark: str
) -> None:
    code = """
import os, subprocess, sys, time
subprocess.Popen(["sleep", "120"], start_new_session=True)
print(os.getppid(), flush=True)
time.sleep(120)
"""
    launcher = subprocess.Popen(
        [*LAUNCHER, "run", "--", sys.executable, "-c", code],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    assert launcher.stdout.readline().strip() == str(launcher.pid)

    launcher.kill()
    launcher.wait()
    launcher.stdout.close()

    assert gone(mark) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_being_asked_to_stop_is_no_failure_and_leaves_nothing(
    variables: dict[str, str], mark: str, number: signal.Signals
) -> None:
    with services(variables) as (launcher, _):
        launcher.send_signal(number)
        assert launcher.wait(timeout=30) == 0

    assert gone(mark) == []


@pytest.mark.parametrize("victim", ["postgres", "s3", "sqs"])
def test_a_dead_service_ends_the_run_with_its_name_and_keeps_the_logs(
    variables: dict[str, str], mark: str, place: Path, victim: str
) -> None:
    with services(variables) as (launcher, facts):
        os.kill(facts["processes"][victim], signal.SIGKILL)
        assert launcher.wait(timeout=30) == 1
        assert launcher.stderr is not None
        said = launcher.stderr.read()

    assert f"{victim} was killed by signal 9" in said
    (folder,) = place.glob("academy-*")
    assert [entry.name for entry in folder.iterdir()] == ["log"]
    assert f"The whole log: {folder / 'log' / victim}.log" in said
    assert (folder / "log" / f"{victim}.log").exists()
    assert gone(mark) == []


def test_data_outlives_a_stop_of_a_durable_copy_but_not_its_processes(
    variables: dict[str, str], mark: str, place: Path
) -> None:
    code = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("create table if not exists visit (n int)")
    print(connection.execute("select count(*) from visit").fetchone()[0])
    connection.execute("insert into visit values (1)")
"""
    for visits in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", DURABLE, str(place / "kept"), code],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == visits

    assert gone(mark) == []


# The services of `make up` without the platform's processes, then a command.
DURABLE = """
import asyncio, sys
from pathlib import Path
from deploy.local.platform import Platform
from deploy.local.ports import FreePorts
from deploy.local.process import Supervisor
from deploy.local.state import StateFolder

async def main(place, code):
    folder = StateFolder(Path(place))
    folder.create()
    with folder.locked():
        async with Supervisor(folder.logs) as supervisor:
            platform = Platform(supervisor, folder, FreePorts().take, durable=True)
            await platform.start_services()
            return await supervisor.foreground([sys.executable, "-c", code], platform.environment)

sys.exit(asyncio.run(main(*sys.argv[1:])))
"""


@pytest.fixture
def own_ports(variables: dict[str, str], place: Path) -> Iterator[dict[str, str]]:
    """The environment of `make up` with ports and a data folder of its own."""
    claims = FreePorts()
    ports = {variable(name): str(port) for name, port in claims.take().by_name().items()}
    yield {**variables, **ports, LOCATION: str(place / "kept")}
    claims.release()


def local(command: str, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess:
    """One command of the launcher, to its end."""
    return subprocess.run(
        [*LAUNCHER, command, *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.platform
def test_up_status_and_down_are_what_a_person_expects(
    own_ports: dict[str, str], mark: str, place: Path
) -> None:
    assert "not running" in local("down", own_ports).stdout

    up = local("up", own_ports, "--detach")
    try:
        assert up.returncode == 0, up.stderr
        base = f"http://127.0.0.1:{own_ports['PORT_API']}"
        assert f"{base}/api/v1/" in up.stdout
        with urllib.request.urlopen(f"{base}/healthz", timeout=10) as answer:
            assert answer.status == 200
        assert local("status", own_ports).returncode == 0
        again = local("up", own_ports)
        assert again.returncode == 1
        assert "already running" in again.stderr
    finally:
        down = local("down", own_ports)

    assert down.returncode == 0, down.stderr
    assert local("status", own_ports).returncode == 3
    assert gone(mark) == []
    assert (place / "kept" / "postgres" / "data" / "PG_VERSION").exists()


def test_a_taken_port_stops_up_with_a_sentence(own_ports: dict[str, str], mark: str) -> None:
    with socket.create_server(("127.0.0.1", int(own_ports["PORT_SQS"]))):
        done = local("up", own_ports)

    assert done.returncode == 1
    assert f"Port {own_ports['PORT_SQS']} (for sqs) is taken by" in done.stderr
    assert "Traceback" not in done.stderr
    assert gone(mark) == []


def test_a_missing_environment_is_a_sentence() -> None:
    done = subprocess.run(
        [
            getattr(sys, "_base_executable", sys.executable),
            "-m",
            "deploy.local",
            "run",
            "--",
            "true",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == 1
    assert done.stderr.strip().endswith("Run: make setup")
    assert "Traceback" not in done.stderr
