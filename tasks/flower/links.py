"""Addresses of the platform's own pages."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID


def job_page(base_url: str, task_id: str) -> str:
    """The console's page of the job behind a task; empty where there is no job or no console."""
    try:
        job = UUID(task_id)
    except ValueError:
        return ""
    return f"{base_url}/console/jobs/{job}" if base_url else ""


def job_pages(base_url: str) -> str:
    """What a job's id is appended to; empty where there is no console."""
    return f"{base_url}/console/jobs/" if base_url else ""


def queue_control(queue: str, deed: str) -> str:
    """Where a page posts *deed* (pause, resume) to."""
    return f"/platform/queue/{quote(queue, safe='')}/{deed}"


def worker_control(worker: str, deed: str) -> str:
    """Where a page posts *deed* (drain, undrain) to."""
    return f"/platform/worker/{quote(worker, safe='')}/{deed}"


def job_control(task_id: str, deed: str) -> str:
    """Where a page posts *deed* (cancel) to."""
    return f"/platform/job/{quote(task_id, safe='')}/{deed}"
