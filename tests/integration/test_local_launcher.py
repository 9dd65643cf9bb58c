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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError

from deploy.local import sentinel

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


@pytest.mark.parametrize("victim", ["postgres", "s3", "sqs"])
def test_a_dead_service_ends_the_run_with_its_name(
    variables: dict[str, str], mark: str, victim: str
) -> None:
    with services(variables) as (launcher, facts):
        os.kill(facts["processes"][victim], signal.SIGKILL)
        assert launcher.wait(timeout=30) == 1
        assert launcher.stderr is not None
        assert f"{victim} was killed by signal 9" in launcher.stderr.read()

    assert gone(mark) == []


def test_data_outlives_a_stop_of_a_durable_copy_but_not_its_processes(
    variables: dict[str, str], mark: str, place: Path
) -> None:
    project = scratch_project(place)
    for expected in (0, 1):
        code = (
            "import os, psycopg\n"
            "with psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
            "    connection.execute('create table if not exists visit (n int)')\n"
            "    print(connection.execute('select count(*) from visit').fetchone()[0])\n"
            "    connection.execute('insert into visit values (1)')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", DURABLE, code],
            cwd=project,
            env={**variables, "PYTHONPATH": str(project)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [str(expected)]

    assert gone(mark) == []


# `up` without Django: the same folder, locks and services on free ports, then a command.
DURABLE = """
import asyncio, sys
from pathlib import Path
from deploy.local.platform import Platform
from deploy.local.ports import FreePorts
from deploy.local.process import Supervisor
from deploy.local.state import StateFolder

async def main():
    folder = StateFolder(Path.cwd() / ".local")
    folder.create()
    with folder.locked():
        async with Supervisor(folder.logs) as supervisor:
            platform = Platform(supervisor, folder, FreePorts().take, durable=True)
            await platform.start_services()
            argv = [sys.executable, "-c", sys.argv[1]]
            return await supervisor.foreground(argv, platform.environment)

sys.exit(asyncio.run(main()))
"""


def scratch_project(place: Path) -> Path:
    """A folder that sees this project's code and environments, with a `.local` of its own."""
    project = place / "project"
    project.mkdir(mode=0o755)
    for name in ("deploy", "tasks"):
        (project / name).symlink_to(ROOT / name)
    return project


def test_a_taken_port_stops_make_up_with_a_sentence(variables: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        code = "from deploy.local import ports; ports.ensure_free(ports.fixed())"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**variables, "PORT_SQS": port},
            capture_output=True,
            text=True,
            timeout=30,
        )

    assert done.returncode == 1
    assert f"Port {port} (for sqs) is taken by" in done.stderr


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
