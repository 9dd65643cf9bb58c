"""Reference pages say what the code does, and name every variable it reads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from academy.core import crash
from academy.inference import device
from academy.settings import env
from tasks import queues, reference
from tasks.flower import config as flower_config

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT_PAGE = ROOT / "docs" / "reference" / "environment.md"


def test_the_pages_made_from_code_are_committed_as_the_code_is():
    # A process of its own: other tests add kinds and codes to the registries of this one.
    command = [sys.executable, "manage.py", "reference", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_page_that_differs_is_named_and_rewritten(tmp_path):
    (tmp_path / "queues.md").write_text("old")
    assert reference.stale(tmp_path) == list(reference.PAGES)
    reference.write(tmp_path)
    assert reference.stale(tmp_path) == []
    assert "academy-video-jobs-dlq" in (tmp_path / "queues.md").read_text()


def test_the_environment_page_names_every_variable_that_the_code_reads_and_no_other():
    described = set(re.findall(r"^\| `([A-Z0-9_]+)`", ENVIRONMENT_PAGE.read_text(), re.MULTILINE))
    assert described == variables_read()


def variables_read() -> set[str]:
    """Names in the settings' reader and in the queue table, and those looked up by their text."""
    names = {row.env for row in queues.table({})}
    names |= {name for name, _ in env.BUCKET_VARIABLES.values()}
    names |= {crash.VARIABLE, device.VISIBLE, *flower_config._OAUTH}
    for path in Path(env.__file__).parent.glob("*.py"):
        reader = path.read_text()
        names |= set(re.findall(r'read(?:er)?\.\w+\(\s*"([A-Z][A-Z0-9_]+)"', reader))
        names |= set(re.findall(r'_secret\(read, profile, "([A-Z_]+)"', reader))
    look_up = re.compile(r'environ(?:\.get\(|\.setdefault\(|\[|, )\s*"([A-Z][A-Z0-9_]+)"')
    for folder in ("academy", "tasks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            names |= set(look_up.findall(path.read_text()))
    return names
