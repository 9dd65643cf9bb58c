"""One dead letter: run again, sent again, or discarded, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from academy.core import clock
from academy.core.errors import AppError
from academy.deadletters import collect, services, settle
from academy.deadletters.models import DeadLetter
from academy.deadletters.rerun import Deed, Edit, merge_patch, text_of
from academy.fleet import audit
from academy.jobs import kinds, reap, replay
from academy.jobs.models import Job
from academy.jobs.submit import Submitter
from academy.tenants.models import QueueLimit, Tenant
from tests.support.jobs import (
    claim,
    drain,
    in_threads,
    make_job,
    make_tenant,
    publish,
    run,
    state_of,
)
from tests.support.kinds import registry
from tests.support.letters import (
    MemoryQueues,
    dead_job,
    letter_of,
    memory_queues,
    sweep,
    thin_body,
)

pytestmark = pytest.mark.django_db
BY = "user:17"


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


def refused(letter: DeadLetter, **edit) -> AppError:
    """The error of a replay that cannot be; the letter is as before."""
    before = DeadLetter.objects.values().get(pk=letter.pk)
    seen = services.replay_preview(letter_id=letter.pk, edit=Edit(**edit))
    with pytest.raises(AppError) as caught:
        services.replay(letter_id=letter.pk, by=BY, edit=Edit(**edit))
    assert seen.problem is not None
    assert (seen.problem.code, seen.problem.params) == (caught.value.code, caught.value.params)
    assert DeadLetter.objects.values().get(pk=letter.pk) == before
    assert not audit.actions_on(str(letter.pk)).exists()
    return caught.value


def again(letter: DeadLetter, **edit) -> Job:
    """Replay and return the new job."""
    letter = services.replay(letter_id=letter.pk, by=BY, edit=Edit(**edit), reason="mended")
    assert letter.state == "replaying"
    assert letter.replayed_as is not None
    return letter.replayed_as


# ------------------------------------------------------------------ jobs


def test_a_replay_is_a_new_job_of_the_academy_and_its_end_shows_at_the_letter(tenant):
    old = dead_job(tenant)
    letter = letter_of(old)
    new = again(letter, params={"sudden": False})
    assert (new.replay_of, new.tenant, new.submitted_by) == (old, tenant, BY)
    sweep()
    letter.refresh_from_db()
    assert (letter.state, letter.resolved_at) == ("replaying", None)
    run(new)
    assert new.state == "dead"
    sweep()
    letter.refresh_from_db()
    assert (letter.state, letter.resolved_at, letter.resolved_by) == (
        "replayed", new.finished_at, BY,
    )  # fmt: skip
    assert letter_of(new).state == "open"


def test_a_replay_that_succeeds_leaves_no_new_letter(tenant):
    old = dead_job(tenant, "test.poison")
    letter = letter_of(old)
    Job.unscoped.filter(pk=again(letter).pk).update(state="cancelled", finished_at=clock.now())
    sweep()
    assert [one.state for one in DeadLetter.objects.all()] == ["replayed"]


def test_a_replay_may_edit_parameters_and_the_kind_checks_them(tenant):
    letter = letter_of(dead_job(tenant))
    error = refused(letter, params={"surprise": 1})
    assert error.code == "params_invalid"
    assert "surprise" in str(error.params["fields"])
    assert refused(letter, patch={"sudden": "perhaps"}).code == "params_invalid"
    assert again(letter, patch={"sudden": False}).params == {"sudden": False}
    (deed,) = audit.actions_on(str(letter.pk))
    assert (deed.by, deed.action, deed.reason) == (BY, "dead_letter.replay", "mended")
    assert deed.data["edited"] == ["sudden"]


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": {"e": None}}}, {"a": {"c": 2, "d": {}}}),
        ({"a": [1]}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": "text"}, {}, {"a": "text"}),
    ],
)
def test_a_patch_is_merged_as_rfc_7396_says(target, patch, merged):
    assert merge_patch(target, patch) == merged


def test_a_full_quota_is_said_and_keeps_the_letter_open(tenant):
    letter = letter_of(dead_job(tenant))
    QueueLimit.unscoped.create(tenant=tenant, queue=letter.queue, backlog=0)
    with pytest.raises(AppError) as caught:
        services.replay(letter_id=letter.pk, by=BY)
    assert caught.value.code == "quota_backlog_exceeded"
    letter.refresh_from_db()
    assert (letter.state, letter.replayed_as) == ("open", None)
    assert Job.unscoped.filter(replay_of__isnull=False).count() == 0


def test_an_academy_that_is_off_gets_no_new_job(tenant):
    letter = letter_of(dead_job(tenant))
    Tenant.objects.filter(pk=tenant.pk).update(is_active=False)
    assert refused(letter).code == "tenant_inactive"


def test_a_letter_is_replayed_once(tenant):
    letter = letter_of(dead_job(tenant))
    again(letter)
    assert refused_state(letter) == "replaying"


def refused_state(letter: DeadLetter) -> str:
    with pytest.raises(AppError) as caught:
        services.replay(letter_id=letter.pk, by=BY)
    assert caught.value.code == "dead_letter_not_open"
    state: str = caught.value.params["state"]
    return state


def test_a_part_of_a_flow_runs_the_whole_flow_again(tenant):
    parent = make_job(tenant, "test.fan_out", params={"children": 2})
    run(parent)
    parts = list(Job.unscoped.filter(parent=parent))
    for part in parts:
        claim(part)
    Job.unscoped.filter(parent=parent).update(
        state="dead", finished_at=clock.now(), lease_until=None, error_code="out_of_memory"
    )
    first, second = (letter_of(part) for part in parts)
    error = refused(first)
    assert (error.code, error.params["state"]) == ("dead_letter_flow_open", "waiting")
    drain("ai-lite", "ai-basic")
    reap.mend_flows()
    assert state_of(parent) == "failed"
    assert services.replay_preview(letter_id=first.pk).deed is Deed.RUN_FLOW
    assert refused(first, params={"index": 7}).code == "dead_letter_part_of_flow"
    new = again(first)
    assert (new.replay_of, new.parent) == (parent, None)
    assert refused(second).params == {"job": str(new.pk)}
    settle.sweep()
    second.refresh_from_db()
    assert (second.state, second.replayed_as) == ("replaying", new)


def test_what_the_academy_ran_again_itself_is_no_open_letter(tenant):
    old = dead_job(tenant)
    letter = letter_of(old)
    new = replay.job_replay(by=Submitter(tenant, "key:test"), job_id=old.pk)
    assert refused(letter).code == "dead_letter_rerun"
    settle.sweep()
    letter.refresh_from_db()
    assert (letter.state, letter.replayed_as, letter.resolved_by) == ("replaying", new, "key:test")


@pytest.mark.django_db(transaction=True)
def test_parts_of_one_flow_that_are_replayed_at_once_run_it_once():
    tenant = make_tenant()
    first, second = (letter_of(dead_job(tenant)) for _ in range(2))
    DeadLetter.objects.filter(pk=second.pk).update(root=first.root)
    letters = [first, second, first, second]

    def act(number: int) -> str:
        try:
            services.replay(letter_id=letters[number].pk, by=BY)
        except AppError as error:
            return error.code
        return "run"

    answers = in_threads(4, act)
    assert answers.count("run") == 1
    assert set(answers) <= {"run", "dead_letter_rerun", "dead_letter_not_open"}
    assert Job.unscoped.filter(replay_of=first.root).count() == 1


# ------------------------------------------------------------------ messages


def message(sqs: MemoryQueues, queue: str, body: str) -> DeadLetter:
    buried = sqs.bury(queue, body)
    collect.messages(queue)
    return DeadLetter.objects.get(message_id=buried.message_id)


def test_an_unanswered_message_has_its_row_published_again(tenant, sqs):
    job = make_job(tenant)
    assert len(publish()) == 1
    letter = message(sqs, job.queue, thin_body(job.queue, job.pk, 1))
    assert publish() == []
    assert again(letter) == job
    assert [row.id for row in publish()] == [job.pk]
    assert Job.unscoped.count() == 1
    run(job)
    settle.sweep()
    letter.refresh_from_db()
    assert (letter.state, letter.resolved_at) == ("replayed", job.finished_at)


def test_a_message_whose_row_has_gone_on_meanwhile_is_not_sent(tenant, sqs):
    job = make_job(tenant)
    publish()
    letter = message(sqs, job.queue, thin_body(job.queue, job.pk, 1))
    run(job)
    assert refused(letter).code == "message_overtaken"


def test_what_workers_refuse_is_sent_only_on_demand(sqs):
    letter = message(sqs, "video", "{broken")
    assert refused(letter).code == "dead_letter_needs_resend"
    assert refused(letter, params={}).code == "dead_letter_no_params"
    assert sqs.sent == []
    letter = services.replay(letter_id=letter.pk, by=BY, edit=Edit(resend=True))
    assert sqs.sent == [("video", "{broken", "")]
    assert (letter.state, letter.resent_as, letter.resolved_by) == ("replayed", "sent-1", BY)
    assert refused_state(letter) == "replayed"


def test_a_body_may_be_edited_and_the_old_one_is_kept(sqs):
    letter = message(sqs, "video", "{broken")
    services.replay(letter_id=letter.pk, by=BY, edit=Edit(body="{}", resend=True))
    assert sqs.sent == [("video", "{}", "")]
    letter.refresh_from_db()
    assert text_of(letter) == "{broken"


def test_a_queue_that_does_not_take_it_leaves_the_letter_open(sqs):
    letter = message(sqs, "video", "{broken")
    sqs.broken.add("video")
    with pytest.raises(AppError) as caught:
        services.replay(letter_id=letter.pk, by=BY, edit=Edit(resend=True))
    assert caught.value.code == "dead_letter_not_sent"
    letter.refresh_from_db()
    assert (letter.state, letter.replayed_at, letter.resolved_by) == ("open", None, "")
    assert [deed.action for deed in audit.actions_on(str(letter.pk))] == [
        "dead_letter.not_sent", "dead_letter.replay",
    ]  # fmt: skip


def test_a_resend_that_was_cut_off_is_opened_again_and_says_so(sqs, monkeypatch):
    letter = message(sqs, "video", "{broken")

    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(sqs, "send", killed)
    with pytest.raises(KeyboardInterrupt):
        services.replay(letter_id=letter.pk, by=BY, edit=Edit(resend=True))
    assert settle.sweep() == 0
    with clock.shifted(timedelta(minutes=3)):
        assert settle.sweep() == 1
    letter.refresh_from_db()
    assert (letter.state, letter.resolved_by) == ("open", "")
    assert "may have been sent" in letter.reason


def test_a_jobs_letter_has_no_body_to_send(tenant):
    assert refused(letter_of(dead_job(tenant)), resend=True).code == "dead_letter_no_body"


# ------------------------------------------------------------------ discard


def test_a_discard_says_why_and_by_whom(tenant):
    letter = letter_of(dead_job(tenant))
    with pytest.raises(ValueError, match="says why"):
        services.discard(letter_id=letter.pk, by=BY, reason="  ")
    services.discard(letter_id=letter.pk, by=BY, reason="the academy has left")
    letter.refresh_from_db()
    assert (letter.state, letter.reason, letter.resolved_by) == (
        "discarded", "the academy has left", BY,
    )  # fmt: skip
    (deed,) = audit.actions_on(str(letter.pk))
    assert (deed.action, deed.reason) == ("dead_letter.discard", "the academy has left")
    with pytest.raises(AppError) as caught:
        services.discard(letter_id=letter.pk, by=BY, reason="again")
    assert caught.value.code == "dead_letter_not_open"


def test_a_group_is_discarded_at_once_and_nothing_else(tenant):
    for _ in range(3):
        letter = letter_of(dead_job(tenant))
    other = letter_of(dead_job(tenant, "test.transient", params={"times": 9}, failures=4))
    group = services.Group(fingerprint=letter.fingerprint)
    dry = services.discard_group(group=group, by=BY, reason="known", dry_run=True)
    assert DeadLetter.objects.filter(state="open").count() == 4
    assert set(services.discard_group(group=group, by=BY, reason="known")) == set(dry)
    assert list(DeadLetter.objects.filter(state="open")) == [other]
    (deed,) = audit.actions_on(letter.fingerprint)
    assert len(deed.data["letters"]) == 3
