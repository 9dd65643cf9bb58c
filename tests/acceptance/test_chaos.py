"""A small run of the chaos harness, with its control: the same that ``make chaos`` runs at size."""

from __future__ import annotations

from tests.chaos import naive, report, run
from tests.chaos.plan import Fault, Pace, jobs, strikes

PACE = Pace(kill_every=0.5, database_every=6.0)


def test_a_seed_always_draws_the_same_run():
    assert jobs(200, seed=7) == jobs(200, seed=7)
    assert jobs(200, seed=7) != jobs(200, seed=8)
    first, second = strikes(7, PACE), strikes(7, PACE)
    assert [next(first) for _ in range(50)] == [next(second) for _ in range(50)]


def test_every_kind_and_every_fault_is_drawn():
    kinds = {wanted.kind for wanted in jobs(500, seed=1)}
    assert kinds == {
        f"test.{name}"
        for name in (
            "ok",
            "sleep",
            "transient",
            "permanent",
            "poison",
            "fan_out",
            "output",
            "effect",
        )
    }
    drawn = strikes(1, PACE)
    assert {next(drawn).fault for _ in range(500)} == set(Fault)


def test_under_chaos_every_invariant_holds(django_db_blocker):
    with django_db_blocker.unblock():
        result = run.run(jobs=180, seed=3, rate=12.0, pace=PACE, patience=120.0)
    print(report.text(result, None))  # noqa: T201 - shown where it fails
    assert result.holds
    facts = result.facts
    assert facts["jobs accepted"] == 180
    assert facts["SIGKILLs"] >= 10
    assert facts["PostgreSQL stopped hard"] >= 1
    assert facts["attempts"]["lost"] >= 3


def test_the_control_fails_under_the_same_chaos():
    """Otherwise the run above would prove nothing."""
    outcome = naive.run(jobs=120, seed=3, rate=12.0, pace=PACE, patience=20.0)
    assert outcome.accepted > 60
    assert outcome.fails, outcome
