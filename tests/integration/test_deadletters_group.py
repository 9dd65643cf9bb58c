"""The replay of a group: a canary first, then the rest, throttled; paused, stopped, restarted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from academy.core import clock
from academy.core.errors import AppError
from academy.deadletters import collect, progress, selectors, services
from academy.deadletters.models import DeadLetter, ReplayItem
from academy.fleet import audit
from academy.fleet.models import OperatorAction
from academy.jobs import kinds
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PoisonError
from academy.jobs.models import Job
from academy.jobs.replay import job_replay
from academy.jobs.submit import Submitter
from academy.tenants.models import QueueLimit
from tests.support.jobs import AnyParams, Handlers, drain, make_tenant
from tests.support.kinds import registry
from tests.support.letters import dead_job, letter_of, memory_queues, sweep

pytestmark = pytest.mark.django_db
BY = "user:17"
ALWAYS = {"per_minute": 600, "max_in_flight": 100}


class Cure:
    """A handler that dies until it is mended: as a mistake that a release corrects."""

    def __init__(self) -> None:
        self.mended = False
        self.incurable: set[int] = set()

    def __call__(self, context: JobContext[AnyParams]) -> Done:
        if self.mended and context.params.n not in self.incurable:
            return Done()
        raise PoisonError("handler_error")


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings, tmp_path) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture
def tenant(db):
    return make_tenant()


@pytest.fixture
def cure() -> Cure:
    return Cure()


@pytest.fixture
def kind(monkeypatch, cure: Cure) -> str:
    return Handlers(monkeypatch).kind(cure)


def group_of(tenant, kind: str, count: int = 4) -> services.Group:
    """Dead jobs of one cause, numbered in the order of their deaths."""
    for n in range(count):
        letter = letter_of(dead_job(tenant, kind, params={"n": n}))
    return services.Group(fingerprint=letter.fingerprint)


def states(replay) -> dict[str, int]:
    found = selectors.replay_get(replay.pk).counts
    return {state: count for state, count in found.items() if count}


def round_(*, seconds: float = 0) -> None:
    """So much later: sweep, run what was submitted, and sweep again."""
    with clock.shifted(timedelta(seconds=seconds)):
        sweep()
        drain()
        sweep()


def test_the_canary_runs_alone_and_the_rest_follows_its_success(tenant, kind, cure):
    group = group_of(tenant, kind)
    cure.mended = True
    replay = services.replay_group(group=group, by=BY, reason="mended", **ALWAYS)
    sweep()
    assert states(replay) == {"sent": 1, "waiting": 3}
    sweep()
    assert states(replay) == {"sent": 1, "waiting": 3}
    assert ReplayItem.objects.get(state="sent").letter.job.params == {"n": 0}
    drain()
    sweep()
    replay.refresh_from_db()
    assert (replay.state, states(replay)) == ("running", {"succeeded": 1, "waiting": 3})
    round_(seconds=30)
    replay.refresh_from_db()
    assert (replay.state, states(replay), replay.code) == ("done", {"succeeded": 4}, "")
    assert {letter.state for letter in DeadLetter.objects.all()} == {"replayed"}
    runs = Job.unscoped.filter(replay_of__isnull=False)
    assert {job.submitted_by for job in runs} == {BY}
    assert OperatorAction.objects.filter(action="dead_letter.replay", reason="mended").count() == 4


def test_a_canary_that_fails_stops_it_and_says_why(tenant, kind):
    group = group_of(tenant, kind)
    replay = services.replay_group(group=group, by=BY, **ALWAYS)
    round_()
    replay.refresh_from_db()
    assert (replay.state, replay.code) == ("failed", "replay_canary_failed")
    assert replay.code_params == {"state": "dead", "reason": "handler_error"}
    assert states(replay) == {"failed": 1, "left": 3}
    # The others are open as before, and the new death is a letter of its own.
    assert Counter(DeadLetter.objects.values_list("state", flat=True)) == {
        "open": 4, "replayed": 1,
    }  # fmt: skip
    assert Job.unscoped.filter(replay_of__isnull=False).count() == 1


def test_the_rest_is_throttled_by_rate_and_by_slots(tenant, kind, cure):
    group = group_of(tenant, kind, 9)
    cure.mended = True
    replay = services.replay_group(group=group, by=BY, per_minute=6, max_in_flight=2)
    round_()
    assert states(replay) == {"succeeded": 1, "waiting": 8}
    with clock.shifted(timedelta(seconds=5)):
        sweep()
    assert states(replay) == {"succeeded": 1, "waiting": 8}
    with clock.shifted(timedelta(seconds=11)):
        sweep()
        sweep()
    assert states(replay) == {"succeeded": 1, "sent": 1, "waiting": 7}
    with clock.shifted(timedelta(seconds=300)):
        for _ in range(4):
            sweep()
        assert states(replay) == {"succeeded": 1, "sent": 2, "waiting": 6}, "slots are full"
        drain()
        sweep()
        # A long wait is not made up for in a burst.
        assert states(replay) == {"succeeded": 3, "waiting": 6}


def test_what_fails_one_after_the_other_ends_it(tenant, kind, cure):
    group = group_of(tenant, kind, 9)
    cure.mended, cure.incurable = True, set(range(1, 9))
    replay = services.replay_group(group=group, by=BY, per_minute=60, max_in_flight=5)
    round_()
    for minute in range(1, 5):
        round_(seconds=60 * minute)
    replay.refresh_from_db()
    assert (replay.state, replay.code) == ("failed", "replay_keeps_failing")
    assert replay.code_params == {"count": 5, "reason": "handler_error"}
    assert states(replay)["left"] >= 1


def test_a_few_failures_do_not_end_it(tenant, kind, cure):
    group = group_of(tenant, kind, 6)
    cure.mended, cure.incurable = True, {1, 3}
    replay = services.replay_group(group=group, by=BY, **ALWAYS)
    round_()
    round_(seconds=30)
    replay.refresh_from_db()
    assert (replay.state, states(replay)) == ("done", {"succeeded": 4, "failed": 2})


def test_a_dry_run_tells_what_would_happen_and_changes_nothing(tenant, kind):
    other = make_tenant()
    group = group_of(tenant, kind, 3)
    group_of(other, kind, 1)
    rerun = DeadLetter.objects.order_by("died_at").first()
    services.replay(letter_id=rerun.pk, by=BY)
    blocked = DeadLetter.objects.filter(tenant=other).get()
    other.is_active = False
    other.save()
    before = list(DeadLetter.objects.order_by("pk").values()), Job.unscoped.count()

    plan = services.replay_plan(group=group, patch={"n": 7})

    assert [seen.params for seen in plan.runs] == [{"n": 7}, {"n": 7}]
    assert (plan.kinds, plan.tenants) == ({kind: 2}, {tenant.slug: 2})
    assert [(seen.letter.pk, seen.problem.code) for seen in plan.blocked] == [
        (blocked.pk, "tenant_inactive")
    ]
    assert before == (list(DeadLetter.objects.order_by("pk").values()), Job.unscoped.count())


def test_a_patch_that_does_not_fit_one_of_them_runs_nothing(tenant, kind):
    group = group_of(tenant, kind, 2)
    with pytest.raises(AppError) as caught:
        services.replay_group(group=group, by=BY, patch={"n": "many"})
    assert caught.value.code == "replay_patch_invalid"
    assert caught.value.params["count"] == 2
    assert "n" in str(caught.value.params["fields"])
    assert not ReplayItem.objects.exists()


def test_a_patch_changes_every_run(tenant, kind, cure):
    group = group_of(tenant, kind, 3)
    cure.mended = True
    services.replay_group(group=group, by=BY, patch={"n": 9}, **ALWAYS)
    round_()
    round_(seconds=30)
    runs = Job.unscoped.filter(replay_of__isnull=False)
    assert [job.params for job in runs] == [{"n": 9}] * 3


def test_pause_resume_and_stop(tenant, kind, cure):
    group = group_of(tenant, kind)
    cure.mended = True
    replay = services.replay_group(group=group, by=BY, **ALWAYS)
    services.replay_pause(replay_id=replay.pk, by=BY)
    round_(seconds=30)
    assert states(replay) == {"waiting": 4}
    assert services.replay_resume(replay_id=replay.pk, by=BY).state == "canary"
    round_()
    services.replay_pause(replay_id=replay.pk, by=BY)
    assert services.replay_resume(replay_id=replay.pk, by=BY).state == "running"
    stopped = services.replay_stop(replay_id=replay.pk, by=BY, reason="enough")
    assert (stopped.state, stopped.ended_at is None) == ("stopped", False)
    assert states(replay) == {"succeeded": 1, "left": 3}
    for act in (services.replay_pause, services.replay_resume, services.replay_stop):
        with pytest.raises(AppError) as caught:
            act(replay_id=replay.pk, by=BY)
        assert caught.value.code == "replay_not_live"
    deeds = [deed.action for deed in audit.actions_on(str(replay.pk))]
    assert deeds == [
        "replay.stop", "replay.resume", "replay.pause", "replay.resume", "replay.pause",
        "replay.begin",
    ]  # fmt: skip


def test_a_letter_is_on_one_list_at_a_time(tenant, kind):
    group = group_of(tenant, kind, 2)
    replay = services.replay_group(group=group, by=BY)
    with pytest.raises(AppError) as caught:
        services.replay_group(group=group, by=BY)
    assert caught.value.code == "replay_empty"
    assert caught.value.params == {"blocked": {"dead_letter_in_replay": 2}}
    letter = DeadLetter.objects.first()
    for act in (services.replay, services.discard):
        with pytest.raises(AppError) as caught:
            act(letter_id=letter.pk, by=BY, reason="hurry")
        assert caught.value.params == {"replay": str(replay.pk)}
    assert services.discard_group(group=group, by=BY, reason="hurry") == []
    services.replay_stop(replay_id=replay.pk, by=BY)
    assert len(services.discard_group(group=group, by=BY, reason="hurry")) == 2


def test_a_full_quota_makes_it_wait_and_other_academies_go_on(tenant, kind, cure):
    full, free = tenant, make_tenant()
    group_of(full, kind, 2)
    group = group_of(free, kind, 2)
    cure.mended = True
    limit = QueueLimit.unscoped.create(tenant=full, queue="ai-lite", backlog=0)
    replay = services.replay_group(group=group, by=BY, **ALWAYS)
    round_()
    round_(seconds=30)
    replay.refresh_from_db()
    assert (replay.state, states(replay)) == ("running", {"succeeded": 2, "waiting": 2})
    assert replay.code == "quota_backlog_exceeded"
    assert set(DeadLetter.objects.filter(tenant=full).values_list("state", flat=True)) == {"open"}
    limit.delete()
    round_(seconds=60)
    replay.refresh_from_db()
    assert (replay.state, replay.code) == ("done", "")


def test_a_letter_that_somebody_else_ran_first_is_left(tenant, kind, cure):
    group = group_of(tenant, kind, 3)
    cure.mended = True
    replay = services.replay_group(group=group, by=BY, **ALWAYS)
    job_replay(by=Submitter(tenant, "key:test"), job_id=Job.unscoped.order_by("created_at")[0].pk)
    round_()
    round_(seconds=30)
    replay.refresh_from_db()
    assert (replay.state, states(replay)) == ("done", {"succeeded": 2, "left": 1})


def test_a_crash_in_the_middle_of_a_round_doubles_nothing(tenant, kind, cure, monkeypatch):
    group = group_of(tenant, kind, 5)
    cure.mended = True
    replay = services.replay_group(group=group, by=BY, **ALWAYS)
    round_()
    send, left = progress.send_next, iter(range(2))

    def dying(*args):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return send(*args)

    with monkeypatch.context() as patch, clock.shifted(timedelta(seconds=30)):
        patch.setattr(progress, "send_next", dying)
        with pytest.raises(KeyboardInterrupt):
            progress.sweep()
    assert states(replay) == {"succeeded": 1, "sent": 2, "waiting": 2}
    round_(seconds=60)
    replay.refresh_from_db()
    assert (replay.state, states(replay)) == ("done", {"succeeded": 5})
    runs = Job.unscoped.filter(replay_of__isnull=False)
    assert len({job.replay_of_id for job in runs}) == len(runs) == 5


def test_explicit_letters_and_parts_of_one_flow_run_once(tenant, kind, cure):
    first, second = (letter_of(dead_job(tenant, kind)) for _ in range(2))
    second.root = first.root
    second.save()
    plan = services.replay_plan(group=services.Group(letters=(first.pk, second.pk)))
    assert ([seen.letter.pk for seen in plan.runs], len(plan.along)) == ([first.pk], 1)
    with pytest.raises(AppError) as caught:
        services.replay_plan(group=services.Group(letters=(first.pk, tenant.pk)))
    assert caught.value.code == "dead_letter_not_found"


def test_messages_that_workers_refuse_are_no_matter_for_a_group(db, monkeypatch):
    sqs = memory_queues(monkeypatch)
    for _ in range(2):
        sqs.bury("video", "{broken")
    collect.messages("video")
    group = services.Group(fingerprint=DeadLetter.objects.first().fingerprint)
    assert services.replay_plan(group=group).why_blocked == {"dead_letter_needs_resend": 2}
    with pytest.raises(AppError) as caught:
        services.replay_group(group=group, by=BY)
    assert caught.value.code == "replay_empty"


def test_a_group_of_hundreds_is_looked_at_in_bulk(tenant, kind, django_assert_max_num_queries):
    group = group_of(tenant, kind, 12)
    with django_assert_max_num_queries(5):
        assert len(services.replay_plan(group=group).runs) == 12
