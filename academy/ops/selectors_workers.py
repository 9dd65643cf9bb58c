"""Reads for the console: workers and the jobs they hold."""

from __future__ import annotations

from dataclasses import dataclass

from academy.fleet.selectors import WorkerView, workers_list
from academy.jobs.models import Job
from academy.jobs.states import JobState


@dataclass(frozen=True)
class WorkerRow:
    """A worker and the jobs that name it as the holder of their lease."""

    view: WorkerView
    jobs: list[Job]

    @property
    def state(self) -> str:
        """What it last said of itself, or ``lost`` where it fell silent."""
        row = self.view.row
        return row.state if self.view.alive or row.state == "stopped" else "lost"


def workers_at_work() -> list[WorkerRow]:
    """Every worker that was seen today, those alive first, in two queries."""
    running = Job.unscoped.filter(state=JobState.RUNNING.value).select_related("tenant")
    by_worker: dict[str, list[Job]] = {}
    for job in running.only("id", "kind", "lease_owner", "started_at", "percent", "tenant__slug"):
        # A lease names the worker's process: video@host/4711.
        by_worker.setdefault(job.lease_owner.rpartition("/")[0], []).append(job)
    rows = [WorkerRow(view, by_worker.get(view.row.name, [])) for view in workers_list()]
    return sorted(rows, key=lambda row: not row.view.alive)
