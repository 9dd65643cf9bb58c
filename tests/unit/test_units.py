"""The units of a single host follow the table of queues, and its command reads settings rightly."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from deploy import units
from deploy.local.setup import ROOT
from tasks import queues

HOST = ROOT / "deploy" / "single-host"
MADE = units.units()


def lines(name: str, key: str) -> list[str]:
    return [
        line.partition("=")[2] for line in MADE[name].splitlines() if line.startswith(f"{key}=")
    ]


def number(name: str, key: str) -> int:
    (value,) = lines(name, key)
    return int(value.rstrip("M"))


def academy():
    loader = importlib.machinery.SourceFileLoader("academy_host", str(HOST / "academy"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("academy_host", loader)
    )
    loader.exec_module(module)
    return module


def test_the_units_are_what_the_table_asks_for():
    there = {path.name: path.read_text() for path in units.FOLDER.glob("*")}
    assert there == MADE
    assert units.main(["--check"]) == 0


@pytest.mark.parametrize("row", queues.table({}), ids=lambda row: row.name)
def test_a_worker_starts_as_its_queue_says_and_has_time_and_memory(row):
    name = f"academy-worker-{row.name}.service"
    (command,) = lines(name, "ExecStart")
    assert shlex.split(command.replace("%%", "%"))[2:] == queues.worker_argv(row.name, environ={})
    assert "%" not in command.replace("%%", "")
    assert number(name, "TimeoutStopSec") >= 2 * units.FINISH_SECONDS
    assert queues.finish_seconds({}) == units.FINISH_SECONDS
    assert number(name, "MemoryMax") > row.concurrency * (row.child_memory_mb or 0)
    assert lines(name, "Restart") == ["on-failure"]
    (target,) = lines(name, "WantedBy")
    assert target == ("academy.target" if "cpu" in row.host_kinds else "multi-user.target")


@pytest.mark.parametrize("name", [name for name in MADE if name.endswith(".service")])
def test_every_process_is_confined_and_none_is_roots(name):
    if name == "academy-restart@.service":
        assert lines(name, "ExecStart") == ["/usr/bin/systemctl restart academy-worker-%i.service"]
        return
    assert lines(name, "User") == ["academy"]
    for wanted in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
        assert wanted in MADE[name].splitlines()


def test_settings_of_the_file_win_over_those_of_the_unit():
    for name, text in MADE.items():
        files, own = text.rfind("\nEnvironmentFile="), text.rfind("\nEnvironment=PYTHON")
        assert files >= own, name


def test_an_environment_file_is_read_as_systemd_reads_it(tmp_path):
    path = tmp_path / "academy.env"
    path.write_text(
        "# a comment\n; another\n\nPLAIN=a b\nURL=postgresql://u:p$#'x`@h/d?sslmode=require\n"
        'QUOTED="with spaces "\nEMPTY=\n'
    )
    assert academy().read(path) == {
        "PLAIN": "a b",
        "URL": "postgresql://u:p$#'x`@h/d?sslmode=require",
        "QUOTED": "with spaces ",
        "EMPTY": "",
    }
    path.write_text("NO NAME=1\n")
    with pytest.raises(SystemExit, match="line 1: not NAME=VALUE"):
        academy().read(path)


def test_a_command_line_takes_variables_as_systemd_does():
    words = academy().words
    variables = {"PLACE": "/var/a b", "OPTIONS": "--recipient age1x --keep-days 7"}
    assert words("make --place ${PLACE} $OPTIONS $NONE", variables) == [
        *("make", "--place", "/var/a b", "--recipient", "age1x", "--keep-days", "7"),
    ]


def test_the_example_names_only_variables_that_somebody_reads():
    known = (ROOT / "docs" / "reference" / "environment.md").read_text()
    known += (ROOT / "docs" / "how-to" / "install-on-one-machine.md").read_text()
    text = (HOST / "academy.env.example").read_text()
    for name in re.findall(r"^#?([A-Z0-9_]+)=", text, re.MULTILINE):
        assert f"`{name}`" in known or f"`{name}" in known, name


def test_nginx_adds_no_header_that_would_replace_the_applications():
    for path in HOST.glob("nginx*.conf"):
        code = [line.partition("#")[0] for line in path.read_text().splitlines()]
        assert not any("add_header" in line for line in code)
        assert "ssl_protocols TLSv1.2 TLSv1.3;" in path.read_text()


def test_the_check_and_the_installer_can_be_run():
    for path in (HOST / "install.sh", HOST / "academy"):
        assert Path(path).stat().st_mode & 0o111
