"""``python -m tests.chaos.soak --seconds 600``: one task far longer than its visibility runs once.

The visibility is 6 s and the lease 3 s, so that ten minutes of simulated work are a hundred times
what SQS would wait, and two hundred leases. A second worker stands by to take what is let go.
"""

from __future__ import annotations

import argparse
import os
import sys

import django


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="of simulated work")
    seconds = parser.parse_args().seconds
    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings.test"
    os.environ["ACADEMY_TEST_KINDS"] = "1"
    django.setup()
    return 0 if soak(seconds) else 1


def soak(seconds: float) -> bool:
    """Run it and say what happened; whether the task ran exactly once."""
    from academy.jobs.models import Job, JobAttempt  # noqa: PLC0415 - needs Django
    from tests.support.processes import eventually  # noqa: PLC0415
    from tests.support.world import VISIBILITY_SECONDS, World  # noqa: PLC0415

    with World() as world:
        world.relay()
        workers = [world.worker("video").said(" ready.") for _ in range(2)]
        (job,) = world.submit(
            world.tenant(), "test.sleep", seconds=seconds, beats=max(10, int(seconds))
        )
        world.end(job, seconds=seconds + 60)
        eventually(lambda: world.messages("video") == 0, 20, "its message is gone")
        said = [worker.log for worker in workers]
        starts = sum(log.count("attempt ended") + log.count("nothing to claim") for log in said)
        attempts = JobAttempt.objects.filter(job=job).count()
        worked = (job.finished_at - job.started_at).total_seconds()
        extended = world.proxy.counts["ChangeMessageVisibilityBatch"]
        print(  # noqa: T201 - a command's answer
            f"{worked:.1f} s of work over a visibility of {VISIBILITY_SECONDS} s: {job.state}, "
            f"attempts {attempts}, losses {job.losses}, deliveries {starts}, "
            f"visibility extended {extended} times"
        )
        return (job.state, attempts, job.losses) == (
            "succeeded",
            1,
            0,
        ) and Job.unscoped.count() == 1


if __name__ == "__main__":
    sys.exit(main())
