"""Documents of 300 pages over real workers: what they cost, and that they stop and go on.

    python -m deploy.local run --services-only -- python -m tests.perf.large --pages 300

Each kind is run three times, on a PostgreSQL, a queue and workers of its own: to the end; cancelled
in the middle, until no part is at work any more; and with every worker killed (SIGKILL) in the
middle and started again, when no part that had ended may run a second time. Seconds and peaks are
of the workers alone. Prints a table and, last, one JSON object; ends with 1 where something ran
twice, did not stop, or a result is not whole.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import django
import psutil

STOPPED_SECONDS: Final = 10.0
"""A cancelled job is still within these seconds."""
_LOOK_SECONDS: Final = 0.25
_LIMIT_SECONDS: Final = 1_800
_LEASE: Final = {"JOB_LEASE_SECONDS": "10", "SQS_VISIBILITY_SECONDS": "20"}
"""Short, so that a part whose worker was killed is taken up soon."""


@dataclass
class Seen:
    """One kind: its run to the end, its cancelling, and what a kill cost."""

    kind: str
    pages: int
    parts: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    """All workers with all below them, together."""
    largest_mib: float = 0.0
    """The largest single process."""
    progress: int = 0
    """Different percentages that were seen."""
    percent_step: float = 0.0
    """The largest step between two looks."""
    cancelled_at: float = 0.0
    stopped_seconds: float = 0.0
    killed_at: float = 0.0
    done_before_kill: int = 0
    run_twice: list[str] = field(default_factory=list)
    """Parts that had ended before the kill and ran again: none."""
    resumed_seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """A kind: how it is ordered, on whose queue it works, and what must have come out."""

    kind: str
    queues: Sequence[str]
    params: Callable[[Any], Mapping[str, Any]]
    """Of a tenant; the input is uploaded anew, since a page is read once for an examination."""
    whole: Callable[[Any], str]
    """What is wrong with a job that succeeded; empty where nothing is."""


# ---------------------------------------------------------------- what is read


def text_pdf(path: Path, pages: int) -> Path:
    """A test with a text layer: three questions on a page, no two alike."""
    from tests.support.documents import pdf, written  # noqa: PLC0415 - needs Django
    from tests.support.printed_tests import WORDS  # noqa: PLC0415

    def draw(page: int) -> Any:
        lines = []
        for number in range(3 * page + 1, 3 * page + 4):
            told = " ".join(WORDS[(number * step) % len(WORDS)] for step in (1, 5, 7, 11, 13))
            lines += [f"{number}. {told}", f"보기 {number}의 설명이다.", ""]
        return written(*lines)

    return pdf(path, *(draw(page) for page in range(pages)))


def box(path: Path, sheets: int) -> Path:
    """A scanner's file of so many filled sheets, each of a student of its own."""
    from tests.support import answer_sheets as made  # noqa: PLC0415 - needs Django

    pages = (
        made.picture((f"{n:04}", [n % 5 + 1, 2, 3, (n * 3) % 5 + 1]), n)
        for n in range(1, sheets + 1)
    )
    first = next(pages)
    first.save(path, save_all=True, append_images=pages, resolution=150)
    return path


def cases(folder: Path, pages: int) -> list[Case]:
    """The three kinds."""
    from academy.sheets.models import Scan  # noqa: PLC0415 - needs Django
    from tests.support import answer_sheets as made  # noqa: PLC0415
    from tests.support.documents import uploaded  # noqa: PLC0415

    text, sheets = text_pdf(folder / "text.pdf", pages), box(folder / "box.pdf", pages)

    def of_text(tenant: Any) -> Mapping[str, Any]:
        return {"upload": str(uploaded(tenant, text).pk)}

    def of_box(tenant: Any) -> Mapping[str, Any]:
        exam = made.exam(tenant)
        return {"exam": str(exam.pk), "uploads": [str(made.uploaded(tenant, sheets).pk)]}

    def divided(job: Any) -> str:
        count = job.result["result"]["count"]
        return "" if count == 3 * pages else f"{count} questions of {3 * pages}"

    def read(job: Any) -> str:
        found = job.result["result"]["pages"]
        count = len(found) if isinstance(found, list) else int(found)
        return "" if count == pages else f"{count} pages of {pages}"

    def scanned(job: Any) -> str:
        scans = Scan.objects.for_tenant(job.tenant_id).filter(exam=job.params["exam"])
        indexes = sorted(scans.values_list("index", flat=True))
        return "" if indexes == list(range(1, pages + 1)) else f"{len(indexes)} scans of {pages}"

    return [
        Case("ai.question_segmentation", ["ai-basic", "ai-basic"], of_text, divided),
        Case("ai.ocr_text", ["ai-lite"], of_text, read),
        Case("sheets.read", ["ai-basic", "ai-basic"], of_box, scanned),
    ]


# ---------------------------------------------------------------- what is seen


class Watch(threading.Thread):
    """Weighs the workers, with what they ran and has ended."""

    def __init__(self, workers: Sequence[Any]) -> None:
        super().__init__(daemon=True)
        self._workers = workers
        self._over = threading.Event()
        self.peak = self.largest = 0.0

    def run(self) -> None:
        """Until it is stopped."""
        while not self._over.wait(_LOOK_SECONDS):
            sizes = [one.memory_info().rss / 2**20 for one in self._alive()]
            self.peak = max(self.peak, sum(sizes))
            self.largest = max([self.largest, *sizes])

    def stop(self) -> None:
        """The last look."""
        self._over.set()
        self.join()

    def cpu(self) -> float:
        """Processor seconds so far, of the ended ones too."""
        spent = 0.0
        for one in self._alive():
            times = one.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
        return spent

    def _alive(self) -> Iterator[psutil.Process]:
        for worker in self._workers:
            with suppress(psutil.Error):
                root = psutil.Process(worker.pid)
                for one in [root, *root.children(recursive=True)]:
                    with suppress(psutil.Error):
                        one.memory_info()
                        yield one


@contextmanager
def workers_of(world: Any, case: Case) -> Iterator[list[Any]]:
    """The workers of a case, ready; stopped at the end, whatever happened."""
    started = [world.worker(queue) for queue in case.queues]
    try:
        for worker in started:
            worker.said(" ready.", 180)
        yield started
    finally:
        for worker in started:
            worker.kill()


def wait_for(what: str, done: Callable[[], bool]) -> None:
    """RuntimeError where it does not come about."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {_LIMIT_SECONDS} s")
        time.sleep(_LOOK_SECONDS)


class Flow:
    """One job with its parts, as the database has them now."""

    def __init__(self, job: Any) -> None:
        from academy.jobs.models import Job  # noqa: PLC0415 - needs Django

        self.job = job
        self._rows = Job.unscoped.filter(parent=job)

    def ended(self) -> bool:
        """Whether all is over."""
        self.job.refresh_from_db()
        return self.job.finished_at is not None

    def percent(self) -> float:
        """As people see it."""
        from academy.jobs.selectors import progress_now  # noqa: PLC0415 - needs Django

        self.job.refresh_from_db()
        return progress_now(self.job)[0]

    def parts(self) -> int:
        """How many there are."""
        return int(self._rows.count())

    def done(self) -> dict[str, int]:
        """The attempts of the parts that succeeded, by key."""
        rows = self._rows.filter(state="succeeded").values_list("child_key", "attempt")
        return dict(rows)

    def at_work(self) -> int:
        """Parts, and the job, that somebody holds or may take up."""
        return int(self._rows.filter(finished_at__isnull=True).count())


def to_the_end(world: Any, case: Case, tenant: Any, seen: Seen) -> None:
    """Time, processor, memory, and progress as it was shown."""
    with workers_of(world, case) as workers:
        watch = Watch(workers)
        before = watch.cpu()
        watch.start()
        began = time.monotonic()
        flow = Flow(world.submit(tenant, case.kind, **case.params(tenant))[0])
        shown = [0.0]

        def look() -> bool:
            ended = flow.ended()
            shown.append(flow.percent())
            return ended

        wait_for(case.kind, look)
        seen.wall_seconds = round(time.monotonic() - began, 1)
        seen.cpu_seconds = round(watch.cpu() - before, 1)
        watch.stop()
    seen.peak_mib, seen.largest_mib = round(watch.peak), round(watch.largest)
    seen.parts, seen.progress = flow.parts(), len(set(shown))
    seen.percent_step = round(max(b - a for a, b in pairwise(shown)), 1)
    _judged(flow.job, case, seen)


def cancelled(world: Any, case: Case, tenant: Any, seen: Seen) -> None:
    """In the middle; every part is over within seconds."""
    from academy.jobs.cancel import job_cancel  # noqa: PLC0415 - needs Django

    with workers_of(world, case):
        flow = Flow(world.submit(tenant, case.kind, **case.params(tenant))[0])
        wait_for("some parts", lambda: len(flow.done()) >= 2 or flow.ended())
        seen.cancelled_at = round(flow.percent(), 1)
        began = time.monotonic()
        job_cancel(tenant=tenant, job_id=flow.job.pk)
        wait_for("cancelled", lambda: flow.ended() and flow.at_work() == 0)
        seen.stopped_seconds = round(time.monotonic() - began, 1)
    if flow.job.state != "cancelled":
        seen.problems.append(f"ended as {flow.job.state} and not cancelled")
    if seen.stopped_seconds > STOPPED_SECONDS:
        seen.problems.append(f"stopped after {seen.stopped_seconds} s")


def killed(world: Any, case: Case, tenant: Any, seen: Seen) -> None:
    """Every worker at once; what had ended is not done again."""
    flow = None
    with workers_of(world, case):
        flow = Flow(world.submit(tenant, case.kind, **case.params(tenant))[0])
        wait_for("some parts", lambda: len(flow.done()) >= 3 or flow.ended())
        seen.killed_at = round(flow.percent(), 1)
    before = flow.done()
    seen.done_before_kill = len(before)
    began = time.monotonic()
    with workers_of(world, case):
        wait_for("resumed", flow.ended)
    seen.resumed_seconds = round(time.monotonic() - began, 1)
    now = flow.done()
    seen.run_twice = sorted(key for key, attempt in before.items() if now.get(key) != attempt)
    if seen.run_twice:
        seen.problems.append(f"ran twice: {', '.join(seen.run_twice)}")
    _judged(flow.job, case, seen)


def _judged(job: Any, case: Case, seen: Seen) -> None:
    if job.state != "succeeded":
        seen.problems.append(f"{job.state}: {job.error_code} {job.error_params}")
    elif wrong := case.whole(job):
        seen.problems.append(wrong)


def measure(pages: int, only: Sequence[str] = ()) -> list[Seen]:
    """Every kind, one after the other."""
    from tests.support.world import World  # noqa: PLC0415 - needs Django

    found = []
    with tempfile.TemporaryDirectory() as folder, World(**_LEASE) as world:
        world.relay().said("relay", 60)
        for case in cases(Path(folder), pages):
            if only and case.kind not in only:
                continue
            tenant = world.tenant()
            seen = Seen(case.kind, pages)
            for act in (to_the_end, cancelled, killed):
                act(world, case, tenant, seen)
            found.append(seen)
            print(_line(seen), flush=True)
    return found


_HEAD: Final = (
    f"{'kind':26}{'pages':>6}{'parts':>6}{'wall s':>8}{'CPU s':>8}{'MiB':>6}{'one':>6}"
    f"{'steps':>6}{'stop s':>8}{'kept':>6}{'twice':>6}"
)


def _line(seen: Seen) -> str:
    line = (
        f"{seen.kind:26}{seen.pages:6}{seen.parts:6}{seen.wall_seconds:8.1f}{seen.cpu_seconds:8.1f}"
        f"{seen.peak_mib:6.0f}{seen.largest_mib:6.0f}{seen.progress:6}{seen.stopped_seconds:8.1f}"
        f"{seen.done_before_kill:6}{len(seen.run_twice):6}"
    )
    return line + "".join(f"\n    {problem}" for problem in seen.problems)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.large", description=__doc__)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--only", nargs="*", default=(), help="kinds")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    django.setup()
    print(_HEAD)
    found = measure(options.pages, options.only)
    print(json.dumps([asdict(one) for one in found]))
    return 1 if any(one.problems for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
