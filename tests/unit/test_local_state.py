import stat
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.environment import environment
from deploy.local.errors import LaunchError
from deploy.local.ports import Ports
from deploy.local.state import Secrets, StateFolder


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "state")
    made.create()
    return made


def test_secrets_are_made_once_and_only_their_owner_can_read_them(folder: StateFolder) -> None:
    first = folder.secrets()

    assert folder.secrets() == first
    assert stat.S_IMODE((folder.path / "secrets.env").stat().st_mode) == 0o600
    assert Secrets.generate() != first


def test_secrets_of_another_version_say_how_to_go_on(folder: StateFolder) -> None:
    (folder.path / "secrets.env").write_text("SECRET_KEY=x\n")

    with pytest.raises(LaunchError, match="make clean"):
        folder.secrets()


def test_a_folder_from_before_the_console_gets_its_password_and_keeps_the_others(
    folder: StateFolder,
) -> None:
    first = folder.secrets()
    kept = folder.path / "secrets.env"
    lines = [line for line in kept.read_text().splitlines() if "CONSOLE" not in line]
    kept.write_text("\n".join(lines) + "\n")

    again = folder.secrets()

    assert again.console_password
    assert replace(again, console_password="") == replace(first, console_password="")
    assert folder.secrets() == again


def test_a_full_disk_is_a_sentence(folder: StateFolder) -> None:
    with pytest.raises(LaunchError, match=r"Only .* GB are free .* Make room"):
        folder.ensure_space(needed=10**18)


def test_a_second_launcher_is_refused_while_the_first_runs_and_not_after(
    folder: StateFolder,
) -> None:
    with folder.locked():
        assert folder.running_pid() is not None
        with pytest.raises(LaunchError, match="already running"), folder.locked():
            pass

    assert folder.running_pid() is None
    with folder.locked():
        pass


def test_facts_of_a_launcher_that_is_gone_are_not_believed(folder: StateFolder) -> None:
    with folder.locked():
        folder.publish({"urls": {}})
        assert folder.published() == {"urls": {}}
        facts = (folder.path / "ready.json").read_text()
    (folder.path / "ready.json").write_text(facts)  # as a killed launcher leaves it

    assert folder.published() is None


def test_the_object_stores_keys_are_not_the_queues(folder: StateFolder) -> None:
    made = environment(Ports(), folder, folder.secrets())

    assert made["AWS_ACCESS_KEY_ID"] != made["R2_ACCESS_KEY_ID"]
    assert made["AWS_SECRET_ACCESS_KEY"] != made["R2_SECRET_ACCESS_KEY"]
    assert len(made["AWS_ACCESS_KEY_ID"]) == 12
    assert made["AWS_ACCESS_KEY_ID"].isdecimal()
