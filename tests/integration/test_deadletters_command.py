"""``manage.py dlq``: readable, honest about what it could not do, and it asks before a group."""

from __future__ import annotations

import io
import json
import sys

import pytest
from django.core.management import CommandError, call_command

from academy.deadletters import collect
from academy.deadletters.models import DeadLetter, Replay
from academy.fleet.models import OperatorAction
from academy.jobs import kinds
from academy.jobs.models import Job
from tests.support.jobs import make_tenant
from tests.support.kinds import registry
from tests.support.letters import MemoryQueues, dead_job, letter_of, memory_queues

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings, tmp_path) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture
def tenant(db):
    return make_tenant()


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> MemoryQueues:
    return memory_queues(monkeypatch)


def dlq(*argv: str) -> str:
    out = io.StringIO()
    call_command("dlq", *argv, stdout=out)
    return out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_list_names_causes_and_their_letters(tenant):
    assert dlq("list") == "No dead letters.\n"
    letters = [letter_of(dead_job(tenant)) for _ in range(2)]
    header, line = dlq("list").splitlines()
    assert header.split() == [
        "FINGERPRINT", "OPEN", "ALL", "LAST", "FIRST", "QUEUE", "KIND", "CODE", "WHAT",
    ]  # fmt: skip
    assert line.split()[:3] == [letters[0].fingerprint, "2", "2"]
    assert line.endswith("LookupError: a mistake nobody foresaw, made by a test")
    shown = dlq("list", "--fingerprint", letters[0].fingerprint)
    assert all(str(letter.pk) in shown for letter in letters)
    assert dlq("list", "--queue", "video") == dlq("list", "--state", "replayed")
    rows = [json.loads(row) for row in dlq("list", "--letters", "--json").splitlines()]
    assert {row["id"] for row in rows} == {str(letter.pk) for letter in letters}
    (group,) = map(json.loads, dlq("list", "--json").splitlines())
    assert group["open"] == 2


def test_a_letter_is_told_in_full(tenant):
    job = dead_job(tenant)
    text = dlq("show", str(letter_of(job).pk))
    for expected in (str(job.pk), tenant.slug, "test-worker", "LookupError", "handler_error"):
        assert expected in text
    assert text.endswith("A replay would submit the job anew.\n")


def test_a_body_cannot_steer_the_terminal_and_shows_no_phone(sqs):
    sqs.bury("video", "\x1b[2J 010-1234-5678 \ud800 \u202e")
    collect.messages("video")
    text = dlq("show", str(DeadLetter.objects.get().pk))
    assert not {"\x1b", "\u202e", "\ud800"} & set(text)
    assert "010-****-****" in text


def test_one_is_run_again_by_whoever_is_at_the_terminal(tenant):
    letter = letter_of(dead_job(tenant))
    assert "submit the job anew" in dlq("replay", str(letter.pk), "--dry-run")
    assert Job.unscoped.count() == 1
    dlq("replay", str(letter.pk), "--params", '{"sudden": false}', "--reason", "mended")
    letter.refresh_from_db()
    assert letter.state == "replaying"
    deed = OperatorAction.objects.get()
    assert (deed.by.partition(":")[0], deed.reason) == ("command", "mended")


def test_what_cannot_be_done_says_why_and_exits_with_one(tenant, sqs):
    letter = letter_of(dead_job(tenant))
    for argv, said in (
        (("replay", str(letter.pk), "--params", '{"odd": 1}'), "odd"),
        (("show", str(tenant.pk)), "There is no such dead letter."),
        (("replay", "--fingerprint", "0" * 12, "--yes"), "None of these dead letters"),
    ):
        with pytest.raises(CommandError) as caught:
            dlq(*argv)
        assert said in str(caught.value)
        assert caught.value.returncode == 1
    sqs.bury("video", "{broken")
    collect.messages("video")
    message = DeadLetter.objects.get(source="message")
    with pytest.raises(CommandError, match="Workers refuse such a message"):
        dlq("replay", str(message.pk))
    dlq("replay", str(message.pk), "--resend")
    assert sqs.sent == [("video", "{broken", "")]


def test_a_body_is_sent_from_a_file(sqs, tmp_path):
    sqs.bury("video", "{broken")
    collect.messages("video")
    letter = str(DeadLetter.objects.get().pk)
    with pytest.raises(CommandError) as caught:
        dlq("replay", letter, "--resend", "--body", str(tmp_path / "none"))
    assert caught.value.returncode == 2
    (tmp_path / "body").write_text("{}\n")
    dlq("replay", letter, "--resend", "--body", str(tmp_path / "body"))
    assert sqs.sent == [("video", "{}\n", "")]


def test_a_group_is_asked_about(tenant, monkeypatch):
    letters = [letter_of(dead_job(tenant)) for _ in range(2)]
    group = ("--fingerprint", letters[0].fingerprint)
    plan = dlq("replay", *group, "--dry-run")
    assert "Runs again: 2 (2 test.poison)" in plan
    for stdin in (io.StringIO(), Terminal("n\n"), Terminal("")):
        monkeypatch.setattr(sys, "stdin", stdin)
        for argv in (("replay", *group), ("discard", *group, "--reason", "known")):
            with pytest.raises(CommandError) as caught:
                dlq(*argv)
            assert caught.value.returncode == 3
    assert not Replay.objects.exists()
    assert DeadLetter.objects.filter(state="open").count() == 2
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert "has begun" in dlq("replay", *group, "--rate", "6")
    assert Replay.objects.get().per_minute == 6


def test_discards_need_a_reason(tenant):
    letters = [letter_of(dead_job(tenant)) for _ in range(3)]
    for argv in ((), ("--reason", " ")):
        with pytest.raises(CommandError):
            dlq("discard", str(letters[0].pk), *argv)
    assert "Would discard" in dlq("discard", str(letters[0].pk), "--reason", "x", "--dry-run")
    dlq("discard", str(letters[0].pk), "--reason", "known")
    group = ("--fingerprint", letters[0].fingerprint, "--reason", "known")
    assert dlq("discard", *group, "--dry-run") == "Would discard 2.\n"
    assert dlq("discard", *group, "--yes") == "Discarded 2.\n"
    with pytest.raises(CommandError, match="is discarded already"):
        dlq("discard", str(letters[0].pk), "--reason", "again")
