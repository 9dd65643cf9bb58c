"""What counting and showing metrics costs: ``python -m tests.perf.metrics``.

Fills the database of the environment with jobs that ran and jobs that wait, then measures the tally
and the page. Needs a database of its own: ``python -m deploy.local run --services-only -- python -m
tests.perf.metrics``.
"""

import argparse
import os
import statistics
from collections.abc import Callable

import django

FLOW = 50
"""Jobs in each transaction that moves them."""

SUBMIT = """
INSERT INTO job (id, tenant_id, kind, kind_version, queue, priority, params, submitted_by,
    request_id, state, version, event_seq, not_before, created_at, attempt, failures, losses,
    lease_owner, phase, step, percent, checkpoint, artifacts, output_prefix, error_code,
    error_params, child_key)
SELECT gen_random_uuid(), (%(tenants)s::uuid[])[1 + n %% cardinality(%(tenants)s::uuid[])],
    'system.ping.' || queue, 1, queue, 5, '{}', 'bench', '', 'queued', 1, 0, now(), now(), 0, 0, 0,
    '', 'start', '', 0, '{}', '[]', '', '', '{}', ''
FROM generate_series(1, %(count)s) AS n CROSS JOIN LATERAL (
    SELECT (ARRAY['video', 'ai-lite', 'messaging'])[1 + n %% 3] AS queue) AS kind
RETURNING id
"""
STEPS = (
    "UPDATE job SET state = 'published', published_at = now() WHERE id = ANY(%s)",
    """
    WITH begun AS (
        UPDATE job SET state = 'running', attempt = 1, lease_until = now() + interval '30 s'
        WHERE id = ANY(%s) RETURNING id)
    INSERT INTO job_attempt (job_id, number, phase, worker, host_kind, message_id, receive_count,
        started_at, outcome, error_code, error_params, detail)
    SELECT id, 1, 'start', 'bench', 'cpu', '', 1, now(), '', '', '{}', '' FROM begun
    """,
    """
    WITH ended AS (
        UPDATE job SET state = 'succeeded', finished_at = now(), lease_until = NULL
        WHERE id = ANY(%s) RETURNING id)
    UPDATE job_attempt SET outcome = 'succeeded', ended_at = now() + random() * interval '60 s'
    FROM ended WHERE job_id = ended.id
    """,
)


def main() -> None:
    """Fill, count, show; print what each took."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.metrics", description=__doc__)
    parser.add_argument("--jobs", type=int, default=50_000, help="jobs that ran, 4 events each")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="jobs that wait")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - models need the settings

    from tests.support.jobs import make_tenant  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    tenants = [make_tenant(plan=("start", "grow")[n % 2]).pk for n in range(200)]
    for _ in range(options.jobs // FLOW):
        _run(tenants)
    _tally(f"{options.jobs:,} jobs that ran")
    _show(f"{options.jobs:,} jobs that ran")
    for _ in range(2_500 // FLOW):
        _run(tenants)
    _tally("2,500 jobs more, as 5 s at 2,000 events a second")
    for _ in range(options.backlog // 10_000):
        _submit(tenants, 10_000)
    _tally(f"{options.backlog:,} jobs that wait")
    _show(f"{options.backlog:,} jobs that wait")


def _submit(tenants: list, count: int) -> list:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(SUBMIT, {"tenants": tenants, "count": count})
        return [row[0] for row in cursor.fetchall()]


def _run(tenants: list) -> None:
    from django.db import connection  # noqa: PLC0415

    ids = _submit(tenants, FLOW)
    with connection.cursor() as cursor:
        for step in STEPS:
            cursor.execute(step, [ids])


def _tally(what: str) -> None:
    from academy.telemetry import tally  # noqa: PLC0415

    counted, rounds = 0, []

    def one_round() -> bool:
        nonlocal counted
        count, is_done = tally.count_events()
        counted += count
        return is_done

    while True:
        is_done, seconds = _timed(one_round)
        rounds.append(seconds)
        if is_done:
            break
    total = sum(rounds)
    print(
        f"{what}: {counted:,} events counted in {total:.2f} s, {counted / total:,.0f} a second, "
        f"{len(rounds)} rounds, median {statistics.median(rounds) * 1000:.0f} ms"
    )


def _show(what: str) -> None:
    from academy.telemetry.page import read  # noqa: PLC0415

    read()  # the first one imports, connects and plans
    times = [_timed(read)[1] * 1000 for _ in range(20)]
    print(f"{what}: page p50 {statistics.median(times):.0f} ms, longest {max(times):.0f} ms")


def _timed(act: Callable[[], object]) -> tuple[object, float]:
    from academy.core import clock  # noqa: PLC0415

    started = clock.monotonic()
    result = act()
    return result, clock.monotonic() - started


if __name__ == "__main__":
    main()
