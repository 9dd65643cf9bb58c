"""What a confined command can and cannot do, in every mode that this host has."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from academy.sandbox import isolation
from academy.sandbox.devices import NONE, Devices, nvidia
from academy.sandbox.isolation import Isolation, Limits, Mode
from academy.sandbox.process import Outcome, Process, capture

PYTHON = os.path.realpath(sys.executable)
# What an interpreter needs that lies outside the system's folders.
PYTHON_FILES = [Path(p) for p in {sys.base_prefix, os.path.realpath(sys.base_prefix)}]


def hosts_isolation() -> list[Isolation]:
    found = isolation._try_confine()
    modes = [found, Isolation(Mode.LIMITS)] if found.mode is not Mode.LIMITS else [found]
    bwrap = isolation._try_bwrap()
    return [bwrap, *modes] if bwrap is not None else modes


MODES = hosts_isolation()
ISOLATED = [mode for mode in MODES if mode.network and mode.files]


def run(
    script: str,
    mode: Isolation,
    *,
    writes: list[Path] | None = None,
    devices: Devices = NONE,
    **limits: int,
) -> tuple[Outcome, str]:
    argv = isolation.confined(
        [PYTHON, "-I", "-S", "-c", script],
        limits=Limits(**{"cpu_seconds": 20, **limits}),
        reads=PYTHON_FILES,
        writes=writes or [],
        devices=devices,
        within=mode,
    )
    return capture(Process(argv, environment=isolation.environment()), timeout_seconds=20)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.mode)
def test_the_environment_is_clean_and_the_limits_hold(
    mode: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "do-not-tell")
    outcome, text = run(
        "import json, os, resource as r\n"
        "names = ('RLIMIT_AS', 'RLIMIT_FSIZE', 'RLIMIT_NOFILE', 'RLIMIT_CPU', 'RLIMIT_CORE')\n"
        "print(json.dumps([[r.getrlimit(getattr(r, n))[0] for n in names],"
        " os.nice(0), dict(os.environ)]))",
        mode, memory_bytes=2 << 30, file_bytes=1 << 20, open_files=64, nice=7,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.said
    limits, nice, environment = json.loads(text)
    assert limits == [2 << 30, 1 << 20, 64, 20, 0]
    assert nice >= 7
    assert "do-not-tell" not in environment.values()
    assert set(environment) <= {"PATH", "LANG", "HOME", "PWD", "LC_CTYPE"}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.mode)
def test_a_file_above_the_limit_cannot_be_written(mode: Isolation, tmp_path: Path) -> None:
    outcome, _ = run(
        f"open({str(tmp_path / 'big')!r}, 'wb').write(bytes(1 << 21))",
        mode, writes=[tmp_path], file_bytes=1 << 20,
    )  # fmt: skip
    assert outcome.returncode != 0
    assert (tmp_path / "big").stat().st_size <= 1 << 20


@pytest.mark.skipif(not ISOLATED, reason="this host grants neither namespaces nor Landlock")
@pytest.mark.parametrize("mode", ISOLATED, ids=lambda mode: mode.mode)
def test_other_files_cannot_be_read_or_written(mode: Isolation, tmp_path: Path) -> None:
    secret, out = tmp_path / "secret", tmp_path / "out"
    secret.write_text("do-not-tell")
    out.mkdir()
    reading, text = run(f"print(open({str(secret)!r}).read())", mode, writes=[out])
    assert reading.returncode != 0
    assert "do-not-tell" not in text
    run(f"open({str(tmp_path / 'x')!r}, 'w').write('x')", mode, writes=[out])
    assert not (tmp_path / "x").exists()
    allowed, _ = run(f"open({str(out / 'x')!r}, 'w').write('x')", mode, writes=[out])
    assert (allowed.returncode, (out / "x").read_text()) == (0, "x"), allowed.said


@pytest.mark.skipif(not ISOLATED, reason="this host grants no network namespace")
@pytest.mark.parametrize("mode", ISOLATED, ids=lambda mode: mode.mode)
def test_no_address_can_be_reached_not_even_this_machine(mode: Isolation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        outcome, _ = run(f"import socket; socket.create_connection(('127.0.0.1', {port}), 3)", mode)
    assert outcome.returncode != 0
    assert "Error" in outcome.said


@pytest.mark.skipif(not ISOLATED, reason="this host grants neither namespaces nor Landlock")
@pytest.mark.parametrize("mode", ISOLATED, ids=lambda mode: mode.mode)
@pytest.mark.parametrize("granted", [True, False], ids=["granted", "not granted"])
def test_a_device_is_read_and_written_where_it_was_granted_and_only_there(
    mode: Isolation, *, granted: bool
) -> None:
    # /dev/full stands for a card: no command is given it, and it answers to a write.
    node = Path("/dev/full")
    outcome, text = run(
        "import errno, os\n"
        f"card = os.open({str(node)!r}, os.O_RDWR)\n"
        "print(len(os.read(card, 4)))\n"
        "try: os.write(card, b'x')\n"
        "except OSError as error: print(errno.errorcode[error.errno])",
        mode, devices=Devices((node,)) if granted else NONE,
    )  # fmt: skip
    # bubblewrap makes a /dev of its own, in which harmless nodes such as this one are anyway.
    if granted or mode.mode is Mode.BWRAP:
        assert text.split() == ["4", "ENOSPC"], outcome.said
    else:
        assert (outcome.returncode, text) == (1, "")
        assert "PermissionError" in outcome.said


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.mode)
def test_with_a_card_what_is_written_to_is_limited_and_not_the_addresses(mode: Isolation) -> None:
    outcome, text = run(
        "import mmap\n"
        "reserved = mmap.mmap(-1, 8 << 30, prot=mmap.PROT_READ)\n"
        "print('reserved')\n"
        "held = bytearray(3 << 30)",
        mode, devices=Devices((Path("/dev/null"),)), memory_bytes=2 << 30,
    )  # fmt: skip
    assert (outcome.returncode, text) == (1, "reserved"), outcome.said
    assert "MemoryError" in outcome.said


def test_a_card_is_bound_into_bubblewrap_with_what_the_kernel_tells_of_it(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    devices = nvidia(tmp_path)
    argv = isolation.confined(
        ["/usr/bin/ffmpeg"], limits=Limits(cpu_seconds=5), devices=devices,
        within=Isolation(Mode.BWRAP, "/usr/bin/bwrap", network=True, files=True),
    )  # fmt: skip
    bound = [argv[i + 1] for i, word in enumerate(argv) if word == "--dev-bind-try"]
    assert bound == [str(tmp_path / name) for name in ("nvidia-uvm", "nvidia0", "nvidiactl")]
    assert argv.index("--dev") < argv.index("--dev-bind-try")
    told = [argv[i + 1] for i, word in enumerate(argv) if word == "--ro-bind-try"]
    assert "/sys/devices" in told
    assert not [path for path in told if path.startswith("/proc")]
    assert "--memory" not in argv
    assert nvidia(tmp_path / "elsewhere") == NONE


def test_a_command_that_cannot_start_ends_with_the_code_that_says_so() -> None:
    argv = isolation.confined(
        ["/nonexistent/ffmpeg"], limits=Limits(cpu_seconds=5), within=Isolation(Mode.LIMITS)
    )
    outcome, _ = capture(Process(argv, environment=isolation.environment()), timeout_seconds=10)
    assert outcome.returncode == isolation.SETUP_FAILED
    assert "confine: " in outcome.said


def test_a_command_whose_parent_has_gone_does_not_start() -> None:
    argv = isolation.confined(["/bin/true"], limits=Limits(cpu_seconds=5), within=MODES[-1])
    argv[argv.index("--parent") + 1] = "1"
    outcome, _ = capture(Process(argv, environment=isolation.environment()), timeout_seconds=10)
    assert outcome.returncode == isolation.SETUP_FAILED


def test_the_log_says_once_how_strong_the_sandbox_is(caplog: pytest.LogCaptureFixture) -> None:
    isolation.isolation.cache_clear()
    with caplog.at_level(logging.INFO, "academy.isolation.isolation"):
        first = isolation.isolation()
        assert isolation.isolation() is first
    said = [record.message for record in caplog.records if "sandbox" in record.message]
    assert len(said) == 1
    assert said[0].startswith(f"sandbox: {first.mode}")


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_bubblewrap_is_preferred_where_it_works() -> None:
    assert MODES[0].mode is Mode.BWRAP


def test_bubblewrap_counts_only_where_all_of_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may grant namespaces and yet refuse a /proc in them."""
    fake = tmp_path / "bwrap"
    fake.write_text('#!/bin/sh\ncase "$*" in *--proc*) exit 1;; esac\n')
    fake.chmod(0o755)
    monkeypatch.setattr(isolation.shutil, "which", lambda _: str(fake))
    assert isolation._try_bwrap() is None
    fake.write_text("#!/bin/sh\nexit 0\n")
    assert isolation._try_bwrap() == Isolation(Mode.BWRAP, str(fake), network=True, files=True)
