"""The reference pages that are made from code: queues, job states, error codes, metrics.

``manage.py reference`` writes them, ``manage.py reference --check`` and a test say when a page and
the code disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from django.urls import get_resolver

from academy.core.catalogue import CATALOGUE
from academy.jobs.states import TERMINAL, TRANSITIONS, JobState
from academy.telemetry import metrics
from academy.tenants.plans import PLANS
from tasks import queues

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "reference"
_NOTE: Final = "<!-- Made by `manage.py reference` from {source}. Do not edit. -->"
#: The defaults, whatever the environment of the process that writes the page says.
_DEFAULTS: Final[Mapping[str, str]] = {}

_STATES: Final[Mapping[JobState, str]] = {
    JobState.QUEUED: "Due, or due at `not_before`. The relay publishes it when a slot is free.",
    JobState.PUBLISHED: "A message that points at the row is on its queue.",
    JobState.RUNNING: "A worker holds the lease under the row's attempt number.",
    JobState.WAITING: "Its parts are at work; the last one queues the next phase.",
    JobState.RETRY_WAIT: "The last attempt failed for a passing reason; due again at `not_before`.",
    JobState.SUCCEEDED: "Done: `result` and `artifacts` are what the job made.",
    JobState.FAILED: "Ended for a reason that the user can read and act on.",
    JobState.CANCELLED: "Ended because somebody asked.",
    JobState.DEAD: "Ended for a reason that operations look at: retries used up, workers lost, a "
    "fault of ours.",
}


def queues_page() -> str:
    """The table of queues with their limits by plan."""
    rows = queues.table(_DEFAULTS)
    return _page(
        "Queues",
        "`tasks/queues.py` and `academy/tenants/plans.py`",
        "Every queue has its own dead-letter queue, one task, and a worker of its own. "
        "`manage.py ensure_queues` makes SQS agree with the first table, and a worker that finds a "
        "difference does not start. Durations are seconds.",
        _sqs_table(rows),
        "## Workers\n",
        _workers_table(rows),
        "*Publish window*: how many jobs of the queue the relay keeps published and not yet "
        "claimed. `ai-premium` also runs on cpu hosts where `PREMIUM_ON_CPU=1`.\n",
        "## Limits of one academy, by plan\n",
        _table(
            ("plan", "queue", "in flight", "backlog", "per day"),
            (
                (plan.name, f"`{queue}`", limits.in_flight, limits.backlog, limits.per_day)
                for plan in PLANS.values()
                for queue, limits in plan.limits.items()
            ),
        ),
        "*In flight*: published or running. *Backlog*: not yet ended. *Per day*: submitted within "
        "24 hours. An exception that operators grant changes them for one academy, for good or "
        "until a moment.",
    )


def _sqs_table(rows: Sequence[queues.Queue]) -> str:
    return _table(
        (
            "queue",
            "SQS name",
            "set by",
            "dead-letter queue",
            "visibility",
            "receives before DLQ",
            "kept",
            "DLQ keeps",
        ),
        (
            (
                f"`{row.name}`",
                f"`{row.sqs_name}`",
                f"`{row.env}`",
                f"`{row.dlq_name}`",
                row.visibility_seconds,
                row.max_receive_count,
                row.retention_seconds,
                row.dlq_retention_seconds,
            )
            for row in rows
        ),
    )


def _workers_table(rows: Sequence[queues.Queue]) -> str:
    return _table(
        ("queue", "task", "pool", "concurrency", "hard time limit", "publish window", "hosts"),
        (
            (
                f"`{row.name}`",
                f"`{row.task}`",
                row.pool,
                row.concurrency,
                row.time_limit or "none: each call has its own",
                row.publish_window,
                ", ".join(sorted(row.host_kinds)),
            )
            for row in rows
        ),
    )


def states_page() -> str:
    """The life of a job as a diagram and a table."""
    arrows = "\n".join(
        f"    {before} --> {after}"
        for before, nexts in TRANSITIONS.items()
        for after in sorted(nexts, key=list(JobState).index)
    )
    ends = "\n".join(f"    {state} --> [*]" for state in JobState if state in TERMINAL)
    return _page(
        "Job states",
        "`academy/jobs/states.py`",
        "The database holds the same table: a trigger refuses every other step, and refuses any "
        "change to a job that has ended. Each step writes one event in the same statement.",
        f"```mermaid\nstateDiagram-v2\n    [*] --> queued\n{arrows}\n{ends}\n```\n",
        _table(
            ("state", "ends the job", "meaning"),
            (
                (f"`{state}`", "yes" if state in TERMINAL else "", _STATES[state])
                for state in JobState
            ),
        ),
    )


def errors_page() -> str:
    """Every code of the catalogue, in both languages."""
    # Importing the URL table imports every module that registers codes.
    _ = get_resolver().url_patterns
    return _page(
        "Error codes",
        "the catalogue (`academy/core/catalogue.py` and each domain's own entries)",
        "The same codes appear in two places: in the body of a refused request (with the status of "
        "the second column), and in `error` of a job that failed, died or waits for a retry. A "
        "code never changes its meaning; branch on it, and show `message` and `action`. "
        "`{name}` stands for a value of `details`.",
        _table(
            ("code", "HTTP", "can a repeat help", "message", "한국어"),
            (
                (
                    f"`{entry.code}`",
                    entry.status,
                    "yes" if entry.retryable else "no",
                    f"{entry.en} *{entry.action_en}*",
                    f"{entry.ko} *{entry.action_ko}*",
                )
                for _, entry in sorted(CATALOGUE.items())
            ),
        ),
    )


def metrics_page() -> str:
    """Every metric of ``/metrics``, by where its value comes from."""
    sections = {
        metrics.Origin.EVENTS: "## Jobs, counted from the event log\n\nThe relay adds up every "
        "committed step exactly once, a few seconds later, into counters that outlive every "
        "process. `academy_tally_lag_seconds` says how much later.",
        metrics.Origin.NOW: "## Read while the page is asked\n\nA metric that cannot be read "
        "now is absent, never 0; `academy_metrics_reader_up` says which.",
        metrics.Origin.REQUESTS: "## Requests of the API\n\nEvery process of the API adds what "
        "it counted to the same counters every few seconds. A process that is killed loses those "
        "seconds.",
    }
    parts = []
    for origin, text in sections.items():
        rows = [one for one in metrics.all_metrics() if one.origin is origin]
        parts += [
            text + "\n",
            _table(
                ("metric", "type", "labels", "meaning"),
                (
                    (f"`{m.name}`", m.type, " ".join(f"`{n}`" for n in m.labels), m.help)
                    for m in rows
                ),
            ),
        ]
    return _page(
        "Metrics",
        "`academy/telemetry/metrics.py` and what operations register",
        "`GET /metrics` is the whole platform's page: whichever process of the API answers, the "
        "numbers are the same. Scrape one address, once. "
        "[How to scrape it](../how-to/scrape-metrics.md).\n",
        *parts,
        "## Buckets of the histograms, seconds\n",
        _table(
            ("metric", "upper bounds"),
            (
                (f"`{m.name}`", " ".join(f"{bound:g}" for bound in m.buckets))
                for m in metrics.all_metrics()
                if m.buckets
            ),
        ),
    )


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "queues.md": queues_page,
    "job-states.md": states_page,
    "error-codes.md": errors_page,
    "metrics.md": metrics_page,
}


def write(folder: Path = FOLDER) -> list[str]:
    """Write the pages; the names of those that changed."""
    changed = stale(folder)
    for name in changed:
        (folder / name).write_text(PAGES[name](), encoding="utf-8")
    return changed


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the pages that are missing or differ from the code."""
    return [name for name, make in PAGES.items() if _read(folder / name) != make()]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _page(title: str, source: str, *parts: str) -> str:
    body = "\n".join(part.rstrip("\n") + "\n" for part in parts)
    return f"{_NOTE.format(source=source)}\n# {title}\n\n{body}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
