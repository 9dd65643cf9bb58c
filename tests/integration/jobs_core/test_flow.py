"""Fan-out and join."""

from __future__ import annotations

import pytest

from academy.jobs import cancel, flow, lease, reap
from academy.jobs.context import Child, Done, FanOut
from academy.jobs.errors import PermanentError
from academy.jobs.models import Job, JobAttempt, JobEvent
from academy.jobs.states import JobState, Outcome
from tests.support.jobs import claim, drain, in_threads, make_job, publish, run, state_of

PARTS = "ai-basic"
SUCCESS = lease.Settlement(JobState.SUCCEEDED, Outcome.SUCCEEDED, result={"sum": 1})


def _fan_out(tenant, **params) -> Job:
    """A parent that waits for its children."""
    parent = make_job(tenant, "test.fan_out", params=params)
    run(parent)
    assert parent.state == "waiting"
    return parent


def _children(parent: Job) -> list[Job]:
    return list(Job.unscoped.filter(parent=parent).order_by("child_key"))


def _joins(parent: Job) -> int:
    return JobEvent.objects.filter(job=parent, from_state="waiting", to_state="queued").count()


def test_a_flow_runs_its_parts_and_then_its_join_with_their_results(tenant):
    parent = _fan_out(tenant, children=5)
    drain("ai-lite", PARTS)
    assert state_of(parent) == "succeeded"
    assert parent.result == {"parts": 5, "sum": 0 + 1 + 2 + 3 + 4}
    assert (parent.attempt, parent.version, parent.phase) == (2, 2, "join")
    outcomes = JobAttempt.objects.filter(job=parent).order_by("number")
    assert list(outcomes.values_list("phase", "outcome")) == [
        ("start", "waiting"),
        ("join", "succeeded"),
    ]


def test_children_inherit_what_belongs_to_the_request(tenant):
    parent = make_job(tenant, "test.fan_out", priority=2, request_id="r-1", submitted_by="key:9")
    run(parent)
    for child in _children(parent):
        assert (child.tenant_id, child.priority) == (tenant.pk, 2)
        assert (child.request_id, child.submitted_by) == ("r-1", "key:9")


def test_a_waiting_parent_holds_no_slot(tenant):
    parent = _fan_out(tenant, children=2)
    assert Job.unscoped.filter(state__in=["published", "running"]).count() == 0
    assert len(publish(PARTS)) == 2
    assert state_of(parent) == "waiting"


def test_nested_flows_join_from_the_inside_out(tenant):
    parent = _fan_out(tenant, children=3, nested=True)
    drain("ai-lite", PARTS)
    assert state_of(parent) == "succeeded"
    # Part 0 is itself a flow of parts 0 and 1.
    assert parent.result == {"parts": 3, "sum": (0 + 1) + 1 + 2}


@pytest.mark.django_db(transaction=True)
def test_children_that_end_at_the_same_moment_join_exactly_once(tenant):
    for _ in range(25):
        parent = _fan_out(tenant, children=8)
        claims = [claim(child) for child in _children(parent)]

        def end(number: int, claims=claims, parent=parent) -> None:
            assert lease.settle(claims[number], SUCCESS)
            flow.join(parent.pk)

        in_threads(8, end)
        assert state_of(parent) == "queued"
        assert (_joins(parent), parent.version) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_a_failure_and_the_last_success_at_the_same_moment_end_the_parent_once(tenant):
    for _ in range(15):
        parent = _fan_out(tenant, children=4)
        claims = [claim(child) for child in _children(parent)]

        def end(number: int, claims=claims, parent=parent) -> None:
            broken = lease.Settlement(JobState.DEAD, Outcome.POISON, error_code="handler_error")
            assert lease.settle(claims[number], broken if number == 2 else SUCCESS)
            flow.join(parent.pk)

        in_threads(4, end)
        assert state_of(parent) == "failed"
        assert _joins(parent) == 0
        assert parent.error_params["child"] == "part-0002"


def test_one_dead_part_ends_the_whole_with_its_name_and_cancels_the_rest(tenant):
    parent = _fan_out(tenant, children=4, fail_at=1)
    first, second, third, fourth = _children(parent)
    running = claim(third)
    run(second)
    assert state_of(parent) == "failed"
    assert parent.error_code == "child_failed"
    assert parent.error_params == {
        "child": "part-0001",
        "reason": "test_permanent",
        "child_job": str(second.pk),
    }
    assert [state_of(job) for job in (first, second, third, fourth)] == [
        "cancelled",
        "failed",
        "running",
        "cancelled",
    ]
    assert third.cancel_requested_at is not None
    assert lease.settle(running, lease.Settlement(JobState.CANCELLED, Outcome.CANCELLED))
    assert drain("ai-lite", PARTS) == 0


def test_a_failure_deep_inside_ends_every_flow_above_it(tenant, handlers):
    def split(context):
        if context.phase != "start":
            return Done()
        below = context.params.n - 1
        if below == 0:
            return FanOut([Child("leaf", "test.part", {"index": 0, "fail": True})])
        return FanOut(
            [Child("deeper", context.kind, {"n": below}), Child("side", "test.sleep", {})]
        )

    top = make_job(tenant, handlers.kind(split), params={"n": 3})
    drain("ai-lite", PARTS)
    assert state_of(top) == "failed"
    everything = Job.unscoped.exclude(pk=top.pk)
    # The side branches of both levels were never started and are cancelled.
    assert sorted(everything.values_list("kind", "state")) == sorted(
        [
            (top.kind, "failed"),
            (top.kind, "failed"),
            ("test.part", "failed"),
            ("test.sleep", "cancelled"),
            ("test.sleep", "cancelled"),
        ]
    )


def test_cancelling_the_parent_cancels_everything_below_it(tenant):
    parent = _fan_out(tenant, children=3, nested=True)
    nested, *parts = _children(parent)
    run(nested)
    held = claim(parts[0])
    cancel.job_cancel(tenant=tenant, job_id=parent.pk)
    assert state_of(parent) == "cancelled"
    assert state_of(nested) == "cancelled"
    assert {state_of(child) for child in _children(nested)} == {"cancelled"}
    assert (state_of(parts[0]), state_of(parts[1])) == ("running", "cancelled")
    assert lease.settle(held, SUCCESS) is JobState.SUCCEEDED
    assert flow.join(parent.pk) is False


def test_cancelling_one_child_ends_the_parent_and_names_it(tenant):
    parent = _fan_out(tenant, children=2)
    child, other = _children(parent)
    cancel.job_cancel(tenant=tenant, job_id=child.pk)
    assert state_of(parent) == "failed"
    assert parent.error_params["reason"] == "cancelled"
    assert state_of(other) == "cancelled"


def test_a_fan_out_that_comes_with_a_cancel_makes_no_children(tenant, handlers):
    def split(context):
        cancel.job_cancel(tenant=context.tenant_id, job_id=context.job_id)
        return FanOut([Child("a", "test.part", {"index": 1})])

    parent = make_job(tenant, handlers.kind(split))
    run(parent)
    assert parent.state == "cancelled"
    assert _children(parent) == []


def test_a_join_that_a_crash_swallowed_is_done_by_the_reaper(tenant):
    parent = _fan_out(tenant, children=2)
    for child in _children(parent):
        lease.settle(claim(child), SUCCESS)
    assert state_of(parent) == "waiting"
    assert reap.mend_flows() == 1
    assert (state_of(parent), _joins(parent)) == ("queued", 1)
    assert reap.mend_flows() == 0


def test_an_end_that_a_crash_swallowed_is_done_by_the_reaper(tenant):
    parent = _fan_out(tenant, children=3)
    broken, rest, _ = _children(parent)
    dead = lease.Settlement(JobState.DEAD, Outcome.POISON, error_code="handler_error")
    lease.settle(claim(broken), dead)
    assert reap.mend_flows() == 1
    assert (state_of(parent), state_of(rest)) == ("failed", "cancelled")
    assert parent.error_params["child"] == broken.child_key


def test_children_below_a_parent_that_has_ended_are_found_and_cancelled(tenant):
    parent = _fan_out(tenant, children=2)
    Job.unscoped.filter(pk=parent.pk).update(
        state="failed", finished_at=parent.created_at, error_code="child_failed"
    )
    assert reap.mend_flows() == 2
    assert {state_of(child) for child in _children(parent)} == {"cancelled"}


def test_a_flow_that_is_still_at_work_is_left_alone(tenant):
    parent = _fan_out(tenant, children=2)
    lease.settle(claim(_children(parent)[0]), SUCCESS)
    assert flow.join(parent.pk) is False
    assert reap.mend_flows() == 0
    assert state_of(parent) == "waiting"


@pytest.mark.parametrize(
    "children",
    [
        [],
        [Child("a", "test.part", {"index": 1}), Child("a", "test.part", {"index": 2})],
        [Child("a", "no.such.kind", {})],
        [Child("a", "test.part", {"surprise": 1})],
        [Child("a" * 65, "test.part", {"index": 1})],
    ],
    ids=["none", "a key twice", "unknown kind", "bad parameters", "a key too long"],
)
def test_a_wrong_fan_out_fails_the_parent_and_leaves_no_child(tenant, handlers, children):
    parent = make_job(tenant, handlers.kind(lambda context: FanOut(children)))
    run(parent)
    assert parent.state == "failed", parent.error_params
    assert _children(parent) == []
    assert parent.error_code in {"handler_output_invalid", "kind_unknown", "params_invalid"}


def test_a_later_phase_may_fan_out_again_but_not_under_the_same_keys(tenant, handlers):
    def split(context):
        match context.phase:
            case "start":
                return FanOut([Child("a", "test.part", {"index": 1})], then="second")
            case "second":
                key = "a" if context.params.n else "b"
                return FanOut([Child(key, "test.part", {"index": 2})], then="last")
        return Done({"children": [child.key for child in context.children()]})

    name = handlers.kind(split)
    good, bad = make_job(tenant, name), make_job(tenant, name, params={"n": 1})
    drain("ai-lite", PARTS)
    assert (state_of(good), good.result) == ("succeeded", {"children": ["a", "b"]})
    assert (state_of(bad), bad.error_code) == ("failed", "handler_output_invalid")


def test_too_many_children_are_refused_before_any_is_stored(tenant):
    held = claim(make_job(tenant, "test.fan_out"))
    many = [Child(str(n), "test.part", {"index": n}) for n in range(flow.MAX_CHILDREN + 1)]
    with pytest.raises(PermanentError):
        flow.spawn(held, many)
    assert Job.unscoped.filter(parent_id=held.job_id).count() == 0


def test_a_waiting_parent_moves_on_with_every_child_that_ends(tenant, handlers):
    def split(context):
        if context.phase != "start":
            return Done()
        context.progress("splitting", 20)
        parts = [Child(f"p{n}", "test.part", {"index": n}) for n in range(4)]
        return FanOut(parts, until_percent=80)

    parent = make_job(tenant, handlers.kind(split))
    run(parent)
    seen = [parent.percent]
    for child in _children(parent)[:3]:
        run(child)
        parent.refresh_from_db()
        seen.append(round(parent.percent, 1))
        flow.join(parent.pk)  # a second look changes nothing
        assert state_of(parent) == "waiting"
        assert round(parent.percent, 1) == seen[-1]
    assert seen == [20, 35, 50, 65]
    assert parent.eta_seconds is not None
    run(_children(parent)[3])
    run(parent)
    assert (state_of(parent), parent.percent) == ("succeeded", 100)
