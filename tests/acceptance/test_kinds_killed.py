"""Real workers are killed in every kind of job there is, after something was written: each ends
right, and once.

One world runs all stories of `tests.support.kind_orders` side by side. A kind that is registered
and stands in no story fails the first test.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from academy.core import clock
from academy.core.storage import Bucket, store
from academy.documents.workbench import sha256
from academy.jobs import kinds, outputs
from academy.jobs.models import Job, JobAttempt
from academy.jobs.scratch import PREFIX, SETTLED_SECONDS, clear_abandoned
from tests.support import invariants, killing
from tests.support.jobs import let_lease_expire
from tests.support.kind_orders import STORIES, answering
from tests.support.language_double import LanguageDouble, serving
from tests.support.processes import Process, eventually
from tests.support.stories import Scene, Story, Telling
from tests.support.world import World

QUEUES = ("video", "ai-lite", "ai-basic", "ai-premium", "messaging")
SECONDS = 480.0
LEASE_SECONDS = 20
"""So long that a busy machine loses none by itself; those of the killed are cut short."""


@dataclass
class Plot:
    """A story on its way."""

    story: Story
    scene: Scene
    telling: Telling
    before: Plot | None = None
    waiting: list[Job] = field(default_factory=list)
    is_over: bool = False
    failure: Exception | None = None
    missing: str | None = None

    def go_on(self) -> None:
        """To the next jobs, where those that it waits for have ended."""
        if self.before is not None and not self.before.is_over:
            return
        ids = [job.pk for job in self.waiting]
        if Job.unscoped.filter(pk__in=ids, finished_at__isnull=True).exists():
            return
        try:
            for job in self.waiting:
                job.refresh_from_db()
                why = (job.state, job.error_code, job.error_params)
                assert job.state == "succeeded", f"{job.kind} {job.pk}: {why}"
            self.waiting = next(self.telling)
        except StopIteration:
            self.is_over = True
        except Exception as error:  # noqa: BLE001 - raised again by its own test
            self.failure, self.is_over = error, True

    @property
    def jobs(self) -> list[Job]:
        return list(Job.objects.for_tenant(self.scene.tenant))


@dataclass
class Told:
    """All stories, at their ends."""

    plots: dict[str, Plot]
    kills: Path
    scratch: Path
    workers: list[Process]


@pytest.fixture(scope="module")
def told(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("stories")
    kills = folder / "kills"
    kills.mkdir()
    with serving(LanguageDouble()) as double, pytest.MonkeyPatch.context() as patch:
        double.answers(answering)
        patch.setattr("django.conf.settings.LANGUAGE", double.language())
        environ = {
            **double.environ(),
            killing.VARIABLE: str(kills),
            "JOB_LEASE_SECONDS": str(LEASE_SECONDS),
            "MODEL_WARM_START": "0",
        }
        workers = [world.worker(queue, **environ) for queue in QUEUES]
        plots: dict[str, Plot] = {}
        for story in STORIES:
            plots[story.name] = _plot(world, story, folder, kills, plots)
        world.relay()
        _tell([plot for plot in plots.values() if plot.missing is None], workers, kills)
        yield Told(plots, kills, world.folder / "scratch", workers)


def _plot(world: World, story: Story, folder: Path, kills: Path, known: Mapping[str, Plot]) -> Plot:
    before = known[story.after] if story.after else None
    scene = Scene(world.tenant(), folder / story.name) if before is None else before.scene
    scene.folder.mkdir(exist_ok=True)
    missing = story.missing()
    if missing is None:
        for kind, moment in story.kills.items():
            killing.arm(kills, scene.tenant.pk, kind, moment)
    return Plot(story, scene, story.tell(scene), before, missing=missing)


def _tell(plots: list[Plot], workers: list[Process], kills: Path) -> None:
    """Until all stories are told; a worker that is gone is started again, as by its supervisor."""
    buried: set[UUID] = set()

    def all_over() -> bool:
        for worker in workers:
            if not worker.alive:
                worker.start()
        _bury(kills, buried)
        for plot in plots:
            if not plot.is_over:
                plot.go_on()
        return all(plot.is_over for plot in plots)

    def left() -> str:
        waits = {
            plot.story.name: [f"{job.kind} {job.pk} {job.state}" for job in plot.waiting]
            for plot in plots
            if not plot.is_over
        }
        return f"stories that go on: {waits}; logs in {workers[0].log_path.parent}"

    eventually(all_over, SECONDS, left, pause=0.4)


def _bury(kills: Path, buried: set[UUID]) -> None:
    """Let the leases run out of jobs whose process has met its kill and is gone."""
    met = {UUID(path.name.rpartition("@")[2]) for path in kills.glob("*@*")} - buried
    for job in Job.unscoped.filter(pk__in=met, state="running", attempt=1):
        if not _works(int(job.lease_owner.rpartition("/")[2])):
            let_lease_expire(job)
            buried.add(job.pk)


def _works(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _cases() -> list[pytest.ParameterSet]:
    return [
        pytest.param(story.name, kind, id=f"{story.name}-{kind}")
        for story in STORIES
        for kind in sorted(story.kills)
    ]


def _plot_of(told: Told, name: str) -> Plot:
    plot = told.plots[name]
    if plot.missing is not None:
        pytest.skip(plot.missing)
    return plot


def test_every_registered_kind_is_killed_in_some_story() -> None:
    registered = {spec.name for spec in kinds.all_kinds() if not spec.name.startswith("test.")}
    assert {kind for story in STORIES for kind in story.kills} == registered


@pytest.mark.timeout(600)  # the first to ask for the stories waits for all of them
@pytest.mark.parametrize("name", [story.name for story in STORIES])
def test_a_story_ends_as_if_nobody_had_been_killed(told: Told, name: str) -> None:
    plot = _plot_of(told, name)
    if plot.failure is not None:
        raise plot.failure
    assert {job.state for job in plot.jobs} == {"succeeded"}


@pytest.mark.parametrize(("name", "kind"), _cases())
def test_the_kill_costs_its_job_one_attempt_and_no_other(told: Told, name: str, kind: str) -> None:
    plot = _plot_of(told, name)
    met = killing.killed(told.kills, plot.scene.tenant.pk, kind)
    assert met is not None, "no worker got that far"
    for job in plot.jobs:
        if job.kind != kind:
            continue
        outcomes = [one.outcome for one in JobAttempt.objects.filter(job=job).order_by("number")]
        lost = ["lost"] if job.pk == met else []
        assert outcomes[: len(lost)] == lost
        # A flow has an attempt for each of its phases; what is not divided has two in all.
        assert outcomes[-1] == "succeeded"
        assert set(outcomes[len(lost) : -1]) <= {"waiting"}, outcomes
        if not job.children.exists():
            assert job.attempt == len(lost) + 1


@pytest.mark.parametrize("name", [story.name for story in STORIES])
def test_the_artifacts_are_those_of_the_attempt_that_won_and_whole(
    told: Told, name: str, tmp_path: Path
) -> None:
    for job in _plot_of(told, name).jobs:
        names = [item["name"] for item in job.artifacts]
        assert len(names) == len(set(names))
        if _is_purged(job):
            continue
        for item in job.artifacts:
            assert item["key"].startswith(f"t/{job.tenant_id}/jobs/{job.pk}/a{job.attempt}/")
            path = tmp_path / "artifact"
            store(Bucket(kinds.get(job.kind).bucket)).get_file(item["key"], path)
            assert path.stat().st_size == item["size"]
            assert item["sha256"] in {None, sha256(path).hex()}


def _is_purged(job: Job) -> bool:
    """Whether it belongs to the lesson, whose last job deletes everything."""
    return job.kind.startswith("video.")


def test_nothing_is_left_of_the_attempts_that_died(told: Told) -> None:
    outputs.sweep(grace=timedelta(seconds=-60), limit=1_000)
    for plot in told.plots.values():
        for job in plot.jobs:
            bucket = store(Bucket(kinds.get(job.kind).bucket))
            kept = {item["key"] for item in job.artifacts}
            found = set(bucket.keys(f"t/{job.tenant_id}/jobs/{job.pk}/"))
            assert found == (set() if _is_purged(job) else kept), (job.kind, found ^ kept)


def test_scratch_holds_only_what_the_dead_left_and_the_sweep_takes_it(told: Told) -> None:
    dead = {path.name.rpartition("@")[2] for path in told.kills.iterdir()}
    left = [folder.name for folder in told.scratch.iterdir() if folder.name.startswith(PREFIX)]
    assert all(any(f"{PREFIX}{job}-a" in name for job in dead) for name in left), left
    with clock.frozen(clock.now() + timedelta(seconds=SETTLED_SECONDS + 1)):
        assert clear_abandoned(told.scratch) == len(left)
    assert not list(told.scratch.glob(f"{PREFIX}*"))


def test_no_process_of_a_dead_attempt_goes_on(world: World, told: Told) -> None:
    alive = {pid for process in world.processes for pid in process.session()}
    strangers = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(world.folder) in " ".join(process.cmdline()) and process.pid not in alive:
                strangers.append((process.pid, process.cmdline()))
    assert not [one for one in strangers if "postgres" not in one[1][0]]


def test_every_row_and_log_is_sound_and_no_slot_is_held(told: Told) -> None:
    assert invariants.finally_(Job.unscoped.values_list("pk", flat=True)) == []
