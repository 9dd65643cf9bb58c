"""A backup is made, tampered with, kept, restored, and proved by a drill."""

from __future__ import annotations

import io
import json
import os
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from academy.core import clock
from academy.core.storage import Bucket, store
from academy.jobs.context import Artifact, Done
from academy.jobs.models import Job
from academy.ops import inventory
from academy.ops.backup import archive, drill, places, postgres
from academy.ops.backup.postgres import BackupError
from tests.support.jobs import Handlers, make_job, make_tenant, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.integration]


@pytest.fixture
def identity(tmp_path) -> tuple[str, Path]:
    made = pyrage.x25519.Identity.generate()
    path = tmp_path / "identity"
    path.write_text(f"# kept off the machine\n{made}\n")
    return str(made.to_public()), path


@pytest.fixture
def server() -> postgres.Server:
    return postgres.configured()


def command(*arguments: str) -> dict:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def worked(monkeypatch, buckets) -> Job:
    """An academy with one job that wrote an object, and one that failed."""

    def write(context):
        key = f"{context.output_prefix}a.txt"
        store(Bucket.STORAGE).put_bytes(key, b"kept", "text/plain")
        return Done({}, [Artifact("a.txt", key, "text/plain", 4, "0" * 64)])

    tenant = make_tenant()
    job = make_job(tenant, Handlers(monkeypatch).kind(write))
    run(job)
    assert job.state == "succeeded"
    return job


def test_a_sealed_backup_in_a_bucket_comes_back_whole_and_checked(worked, identity, server):
    public, secret = identity
    place = f"s3://{os.environ.get('R2_STORAGE_BUCKET', 'academy-storage')}/{worked.pk}"
    made = command("backup", "make", "--place", place, "--recipient", public, "--json")
    assert made["sealed"]
    assert made["rows"]["job"] == Job.unscoped.count() >= 1
    assert [one["name"] for one in command("backup", "list", "--place", place, "--json")] == [
        made["name"]
    ]
    with pytest.raises(CommandError, match="name the file of the age identity"):
        command("backup", "drill", "--place", place, "--json")
    # The object store is held against the rows below, in this process.
    sealed = ("--identity", str(secret), "--no-objects", "--json")
    found = command("backup", "drill", "--place", place, *sealed)
    assert found["rows"] == sum(made["rows"].values())
    assert (found["jobs"], found["wrong"]) == (made["rows"]["job"], [])
    assert 0 <= found["rpo_seconds"] < 240
    assert 0 < found["restore_seconds"] <= found["rto_seconds"]
    with server.connect() as rows:
        left = rows.execute("SELECT datname FROM pg_database WHERE datname LIKE '%%_drill_%%'")
        assert left.fetchall() == []


def test_rows_that_are_not_what_they_must_be_are_found_and_end_the_commands(
    worked, server, monkeypatch, tmp_path, capsys
):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM job_event WHERE seq = 2")
        cursor.execute("SET session_replication_role = origin")
    with pytest.raises(SystemExit):
        call_command("check_invariants", "--at-rest", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["wrong"][0] == f"I7: the events of {worked.pk} have a gap or are not all there"
    assert found["problems"] == len(found["wrong"])
    place = places.at(str(tmp_path / "kept"))
    made = archive.make(place, server)
    assert not made.sealed
    assert (tmp_path / "kept" / made.name).stat().st_mode & 0o077 == 0
    damaged = drill.Drill(made, 1.0, wrong=found["wrong"])
    monkeypatch.setattr(drill, "run", lambda *_, **__: damaged)
    with pytest.raises(SystemExit):
        command("backup", "drill", "--place", str(tmp_path / "kept"), "--json")


def test_rows_as_they_must_be_are_counted(worked, capsys):
    call_command("check_invariants", "--at-rest")
    assert capsys.readouterr().out.startswith("1 jobs, 0 of them open: all is as it must be.")


def test_a_backup_that_was_changed_or_cut_off_is_refused(tmp_path, server, identity):
    place = places.at(str(tmp_path / "kept"))
    made = archive.make(place, server)
    target = server.named(f"{server.name}_new")
    with (tmp_path / "kept" / made.name).open("r+b") as file:
        file.seek(100)
        file.write(b"\0\0\0\0")
    with pytest.raises(BackupError, match="SHA-256 differs"):
        drill.restore(place, made, target)
    with server.connect() as rows:
        assert not rows.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [target.name]
        ).fetchall()
    (tmp_path / "kept" / made.name).unlink()
    assert archive.kept(place) == []
    with pytest.raises(BackupError, match="there is no backup"):
        archive.chosen(place)


def test_no_backup_is_restored_over_what_is_there(tmp_path, server):
    place = places.at(str(tmp_path / "kept"))
    made = archive.make(place, server)
    with pytest.raises(BackupError, match="is not empty"):
        drill.restore(place, made, server)


def test_old_backups_go_and_the_newest_stay_however_old(tmp_path, server, monkeypatch):
    place = places.at(str(tmp_path / "kept"))
    today = clock.now()
    monkeypatch.setattr(postgres, "dump", lambda _server, _snapshot, path, **_: path.touch())
    for days in (50, 40, 30, 20):
        monkeypatch.setattr(clock, "now", lambda days=days: today - timedelta(days=days))
        archive.make(place, server)
    monkeypatch.setattr(clock, "now", lambda: today)
    (tmp_path / "kept" / "academy-20200101T000000-abcdef.dump").write_bytes(b"cut off")
    before = archive.kept(place)
    gone = archive.prune(place, keep_days=25)
    assert gone == [before[0].name, "academy-20200101T000000-abcdef.dump"]
    assert archive.kept(place) == before[1:]
    assert archive.prune(place, keep_days=25) == []


def test_a_wrong_key_or_place_is_said_before_anything_is_dumped(tmp_path, server):
    with pytest.raises(BackupError, match="begins with age1"):
        archive.make(places.at(str(tmp_path)), server, ["ssh-ed25519 AAAA"])
    with pytest.raises(BackupError, match="neither s3"):
        places.at("ftp://somewhere/else")
    with pytest.raises(BackupError, match="names no bucket"):
        places.at("s3:///prefix")


def test_tools_that_are_too_old_are_refused_by_name():
    with pytest.raises(BackupError, match="pg_dump of PostgreSQL 999 or newer is needed"):
        postgres.tool("pg_dump", least=999)


def test_the_store_is_held_against_the_rows(worked):
    tenant = worked.tenant_id
    bucket = store(Bucket.STORAGE)
    stranger = f"t/{tenant}/jobs/{tenant}/a1/left.txt"
    bucket.put_bytes(stranger, b"orphan", "text/plain")
    now = timedelta(seconds=-60)
    found = inventory.take(grace=now)
    assert f"storage/t/{tenant}/jobs/{tenant}/" in found.orphans
    assert f"storage/t/{tenant}/jobs/{worked.pk}/" not in found.orphans
    assert f"storage/t/{tenant}/jobs/{tenant}/" not in inventory.take().orphans
    assert worked.output_prefix not in {one.prefix for one in found.missing}
    bucket.delete_prefix(worked.output_prefix)
    lost = [one for one in inventory.take(grace=now).missing if one.prefix == worked.output_prefix]
    assert [(one.bucket, one.what) for one in lost] == [(Bucket.STORAGE, worked.kind)]
    bucket.delete(stranger)
