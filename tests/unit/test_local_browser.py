"""The browser that tests of pages need: found, installed where that is allowed, or said how."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import browser


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that programs are found in."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM_BIN", raising=False)
    return tmp_path


def program(path: Path, script: str = "exit 0") -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_browser_on_the_path_is_printed(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = program(programs / "chromium-browser")

    assert browser.main() == 0
    assert capsys.readouterr().out.strip() == str(found)


def test_a_named_browser_comes_first(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs / "chromium")
    named = program(programs / "my-chromium")
    monkeypatch.setenv("CHROMIUM_BIN", str(named))

    assert browser.find() == str(named)


def test_without_root_it_says_what_to_install(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = programs / "log"
    program(programs / "apt-get", f'echo "$@" >> {log}')
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    assert browser.main() == 1

    assert "apt-get install chromium" in capsys.readouterr().out
    assert not log.exists(), "nothing is run without root"


def test_root_installs_it_even_where_one_mirror_is_away(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = programs / "chromium"
    program(
        programs / "apt-get",
        f'[ "$1" = update ] && exit 100; : > {target}; /bin/chmod 755 {target}',
    )
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert browser.main() == 0
    assert capsys.readouterr().out.strip() == str(target)


def test_an_installation_that_fails_says_why(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(programs / "apt-get", 'echo "Unable to locate package"; exit 100')
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert browser.main() == 1
    assert "Unable to locate package" in capsys.readouterr().out
