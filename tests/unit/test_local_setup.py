import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local import setup


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one lock and an environment whose interpreter exists."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.txt").write_text("django==5.2.19 --hash=sha256:00\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    return tmp_path


def test_another_python_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        setup, "sys", SimpleNamespace(version_info=(3, 12, 1), executable="/usr/bin/python3.12")
    )

    with pytest.raises(setup.SetupError, match=r"Python 3\.11 is needed.*make PYTHON="):
        setup.set_up()


def test_an_environment_is_current_until_a_lock_changes(project: Path) -> None:
    environment = setup.Environment(".venv", ("base.txt",))
    assert not environment.is_current()

    environment.mark_current()
    assert environment.is_current()

    (project / "requirements" / "base.txt").write_text("django==5.2.20 --hash=sha256:11\n")
    assert not environment.is_current()


def test_an_environment_without_its_interpreter_is_not_current(project: Path) -> None:
    environment = setup.Environment(".venv", ("base.txt",))
    environment.mark_current()

    (project / ".venv" / "bin" / "python").unlink()

    assert not environment.is_current()


def test_the_project_runs_on_the_python_it_asks_for() -> None:
    assert sys.version_info[:2] == setup.PYTHON_VERSION


def test_every_requirement_is_pinned_explained_and_hashed_and_no_lock_names_an_index() -> None:
    folder = Path(setup.__file__).resolve().parents[2] / "requirements"
    for wanted in folder.glob("*.in"):
        for line in wanted.read_text().splitlines():
            if line and not line.startswith(("#", "-c ")):
                requirement, _, reason = line.partition("  # ")
                assert "==" in requirement, f"{wanted.name}: {line} is not pinned"
                assert reason, f"{wanted.name}: {line} does not say why"
        lock = wanted.with_suffix(".txt").read_text()
        assert "--hash=sha256:" in lock
        assert "://" not in lock
        assert "--index-url" not in lock
        assert "--find-links" not in lock
