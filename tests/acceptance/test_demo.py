"""The demo beside a real platform: it ends well only when everything held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from deploy.local.demo_class import pupils

ROOT = Path(__file__).resolve().parents[2]


def run_demo(platform, tmp_path, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Exit status, the story, and the last line."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local.demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **platform.environment, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=220,
    )
    assert done.stderr == ""
    story, _, last = done.stdout.rstrip("\n").rpartition("\n")
    return done.returncode, story, json.loads(last)


def test_a_lecture_plays_sheets_become_scores_and_every_parent_has_one_message(platform, tmp_path):
    status, story, report = run_demo(platform, tmp_path, "--seconds", "5")
    assert (status, report["ok"], report["state"]) == (0, True, "succeeded"), story
    heights = [item["height"] for item in report["renditions"] if item["kind"] == "video"]
    assert heights == [1080, 720, 480, 360]
    assert {item["frames"] for item in report["renditions"] if item["kind"] == "video"} == {150}
    assert [item["kind"] for item in report["renditions"]].count("audio") == 1
    assert (report["students"], report["messages"]) == (24, 24)
    doubtful, settled = report["doubtful"], report["second_look"]
    if find_spec("torch") is None:
        assert settled == "skipped"
    else:
        assert 0 < settled <= doubtful
    assert {"upload", "queue_wait", "transcode_run", "verify", "total"} <= set(report["seconds"])
    assert report["master_url"] in story
    assert report["job_id"] in story
    people = pupils()
    phones = {form for pupil in people for form in (pupil.phone, hyphenated(pupil.phone))}
    names = {pupil.name for pupil in people}
    for where, text in told_to_operators(platform):
        assert not [one for one in (*phones, *names) if one in text], where
    for table, text in stored_rows(platform):
        assert not [phone for phone in phones if phone in text], table


def hyphenated(phone: str) -> str:
    return f"{phone[:3]}-{phone[3:7]}-{phone[7:]}"


def told_to_operators(platform) -> Iterator[tuple[str, str]]:
    """Every log, and what Flower shows of tasks."""
    logs = sorted((Path(platform.environment["SCRATCH_DIR"]).parent / "log").glob("*.log"))
    assert {"api.log", "relay.log", "w-messaging.log"} <= {log.name for log in logs}
    for log in logs:
        yield log.name, log.read_text(errors="replace")
    login = tuple(platform.environment["FLOWER_BASIC_AUTH"].split(":", 1))
    tasks = httpx.get(platform.urls["Flower"] + "api/tasks", params={"limit": 1000}, auth=login)
    assert "messages.send" in tasks.text
    yield "Flower", tasks.text


def stored_rows(platform) -> Iterator[tuple[str, str]]:
    """The database as somebody would read it who has only a copy of it."""
    with psycopg.connect(platform.environment["DATABASE_URL"]) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'"
        ).fetchall()
        assert ("roster_student",) in tables
        for (table,) in tables:
            query = sql.SQL("SELECT coalesce(string_agg(row::text, chr(10)), '') FROM {} row")
            (text,) = connection.execute(query.format(sql.Identifier(table))).fetchone()
            yield table, text


def test_a_file_that_is_no_video_ends_with_a_sentence_and_the_logs_kept(platform, tmp_path):
    fake = tmp_path / "lecture.mp4"
    fake.write_text("id;name\n1;nobody\n")
    status, story, report = run_demo(platform, tmp_path, "--video", str(fake))
    assert (status, report["ok"]) == (1, False)
    assert "upload_type_mismatch" in report["error"]
    (kept,) = tmp_path.glob("academy-demo-log-*")
    assert str(kept) in story
    assert (kept / "api.log").exists()


@pytest.mark.parametrize("video", ["", "missing.mp4"])
def test_a_path_that_is_no_file_is_refused_before_anything_starts(tmp_path, video):
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local", "demo", "--video", str(tmp_path / video)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "ok": False,
        "error": f"argument --video: there is no file {tmp_path / video}",
    }
