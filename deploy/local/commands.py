"""What each subcommand of `python -m deploy.local` does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.local import models
from deploy.local import ports as port_numbers
from deploy.local.environment import LOGINS, environment, urls
from deploy.local.errors import LaunchError
from deploy.local.platform import Platform, check_installed, run_until
from deploy.local.process import Console, Supervisor
from deploy.local.setup import ROOT
from deploy.local.state import StateFolder, kept_folder

_DOWN_SECONDS = 90.0
_DETACH_SECONDS = 120.0


def _on_signals(stop: asyncio.Event, supervisor: Supervisor) -> None:
    """First Ctrl-C, SIGTERM or hang-up: stop in order. Second: kill."""

    def ask() -> None:
        if stop.is_set():
            print("stopping at once", file=sys.stderr, flush=True)
            supervisor.force()
        else:
            stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask)


async def up() -> int:
    """The whole platform on its usual ports until it is told to stop; 0 after a clean stop."""
    check_installed()
    folder = kept_folder()
    folder.create()
    stop = asyncio.Event()
    with folder.locked():
        folder.ensure_space()
        _ensure_models()
        ports = port_numbers.fixed()
        port_numbers.ensure_free(ports)
        _forget_old_logs(folder)
        async with Supervisor(folder.logs, console=Console()) as supervisor:
            _on_signals(stop, supervisor)
            platform = Platform(supervisor, folder, lambda: ports, durable=True)

            async def serve() -> None:
                await platform.start()
                _announce(platform)
                await supervisor.watch()

            try:
                await run_until(stop, asyncio.create_task(serve()))
            finally:
                folder.withdraw()
                print("stopping (Ctrl-C once more kills what is left)", flush=True)
    return 0


def _forget_old_logs(folder: StateFolder) -> None:
    for log in folder.logs.glob("*.log"):
        if log.name != "launcher.log":
            log.unlink()


def _ensure_models() -> None:
    """The local models; without them the platform runs, less what needs one."""
    if problem := models.ensure():
        print(f"models: {problem}\nmodels: jobs that need one are refused", file=sys.stderr)


def _facts(platform: Platform) -> dict[str, Any]:
    processes = {item.command.name: item.pid for item in platform.supervisor.processes}
    return {"urls": urls(platform.ports), "processes": processes}


def _announce(platform: Platform) -> None:
    facts = _facts(platform)
    platform.folder.publish(facts)
    print("\nThe platform is up:")
    for name, url in facts["urls"].items():
        login = platform.environment[LOGINS[name]] if name in LOGINS else ""
        print(f"  {name:<9} {url}" + (f"  (login {login})" if login else ""))
    print(
        f"  data and logs in {platform.folder.path}; stop with Ctrl-C or: make down\n", flush=True
    )


def detach() -> int:
    """`up` in the background; return when it is ready, or its last words when it is not."""
    check_installed()
    folder = kept_folder()
    folder.create()
    if (pid := folder.running_pid()) is not None:
        raise LaunchError(f"The platform is already running (process {pid}). Stop it: make down")
    log = folder.logs / "launcher.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "up"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _DETACH_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        if folder.published() is not None:
            return status()
        time.sleep(0.1)
    if child.poll() is None:
        child.terminate()
    said = log.read_text(errors="replace")
    _, found, reason = said.rpartition("\nacademy: ")
    raise LaunchError(reason.strip() if found else f"The platform did not start:\n{said[-3000:]}")


def down() -> int:
    """Stop what `up` started and wait until nothing of it is left."""
    folder = kept_folder()
    pid = folder.running_pid()
    if pid is None:
        print("The platform is not running.")
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_SECONDS
    while folder.running_pid() is not None:
        if time.monotonic() > deadline:
            raise LaunchError(
                f"The platform (process {pid}) is still finishing work after {_DOWN_SECONDS:g} s. "
                "Run make down once more to stop it at once."
            )
        time.sleep(0.1)
    print(f"The platform has stopped; its data is kept in {folder.path}")
    return 0


def status() -> int:
    """Print what runs and where; 0 when everything does, 3 when the platform is down."""
    folder = kept_folder()
    pid = folder.running_pid()
    facts = folder.published()
    if pid is None or facts is None:
        print(
            "The platform is "
            + ("not running." if pid is None else f"starting or stopping (process {pid}).")
        )
        return 3
    since = datetime.fromtimestamp(folder.started_at(), UTC).astimezone()
    print(f"The platform is up since {since:%Y-%m-%d %H:%M:%S} (process {pid}).")
    for name, url in facts["urls"].items():
        print(f"  {name:<14} {url}")
    missing = [
        name for name, child in facts["processes"].items() if not Path(f"/proc/{child}").exists()
    ]
    for name, child in facts["processes"].items():
        print(f"  {name:<14} {'ended' if name in missing else f'process {child}'}")
    return 1 if missing else 0


def manage(argv: Sequence[str]) -> int:
    """manage.py with the variables of `up`, whether that runs or not."""
    folder = kept_folder()
    folder.create()
    variables = environment(port_numbers.fixed(), folder, folder.secrets())
    return subprocess.run(
        [sys.executable, "manage.py", *argv], cwd=ROOT, env={**os.environ, **variables}, check=False
    ).returncode


@contextlib.asynccontextmanager
async def _throw_away(stop: asyncio.Event, *, restart: bool, keep: bool) -> AsyncIterator[Platform]:
    """A platform, not yet started, on free ports with a temporary folder."""
    check_installed()
    _ensure_models()
    path = Path(tempfile.mkdtemp(prefix="academy-"))
    folder = StateFolder(path)
    free = port_numbers.FreePorts()
    kept = [path] if keep else []
    try:
        folder.create()
        folder.ensure_space()
        temporary = () if keep else (path,)
        async with Supervisor(folder.logs, temporary=temporary, restart=restart) as supervisor:
            _on_signals(stop, supervisor)
            yield Platform(supervisor, folder, free.take, durable=False)
    except LaunchError:
        kept = kept or [folder.logs]  # the message names one of them
        raise
    finally:
        free.release()
        if keep:
            print(f"data and logs are kept in {path}", file=sys.stderr)
        else:
            _remove(path, but=kept)


def _remove(path: Path, *, but: Sequence[Path]) -> None:
    """Remove a throw-away folder, or everything in it except some folders."""
    if not but:
        shutil.rmtree(path, ignore_errors=True)
        return
    for entry in path.iterdir():
        if entry.is_dir() and entry not in but:
            shutil.rmtree(entry, ignore_errors=True)
        elif not entry.is_dir():
            entry.unlink(missing_ok=True)


async def run(argv: Sequence[str], *, whole: bool, restart: bool, keep: bool) -> int:
    """Run a command with a throw-away platform in its environment; return its exit status."""
    stop = asyncio.Event()
    result = 130
    async with _throw_away(stop, restart=restart, keep=keep) as platform:

        async def work() -> None:
            nonlocal result
            await (platform.start() if whole else platform.start_services())
            result = await platform.supervisor.foreground(argv, platform.environment)

        await run_until(stop, asyncio.create_task(work()))
    return result if result >= 0 else 128 - result


def demo(argv: Sequence[str]) -> int:
    """The demo beside a throw-away platform."""
    check_installed()
    from deploy.local.demo import parse  # noqa: PLC0415 - needs what was just checked

    parse(argv)  # what is wrong with its options is said before anything is started
    print("Starting PostgreSQL, S3, SQS, the API, the relay, five workers and Flower", flush=True)
    command = [sys.executable, "-m", "deploy.local.demo", *argv]
    return asyncio.run(run(command, whole=True, restart=False, keep=False))


async def serve(*, whole: bool, restart: bool, as_json: bool) -> int:
    """A throw-away copy until told to stop; prints its variables once everything is ready."""
    stop = asyncio.Event()
    async with _throw_away(stop, restart=restart, keep=False) as platform:

        async def work() -> None:
            await (platform.start() if whole else platform.start_services())
            if as_json:
                print(json.dumps(_facts(platform) | {"environment": platform.environment}))
            else:
                for name, value in platform.environment.items():
                    print(f"export {name}={shlex.quote(value)}")
            sys.stdout.flush()
            await platform.supervisor.watch()

        await run_until(stop, asyncio.create_task(work()))
    return 0
