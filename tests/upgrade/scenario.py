"""The upgrade as it happens to a platform at work, step by step, and back again.

Each step appends a line: what must hold, how much was looked at, and what was found wrong. A step
that cannot go on raises AssertionError; the run ends there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from academy.jobs.states import TERMINAL
from tests.chaos.check import Line
from tests.support import invariants
from tests.support.processes import Process, eventually
from tests.upgrade.release import Code
from tests.upgrade.site import Api, Client, Site, Traffic

QUEUES = ("video", "ai-lite", "ai-basic", "messaging")
PATIENCE = 180.0
"""Seconds that jobs have to end on a busy machine."""
READY = 120.0
LONG_SECONDS = 240.0
"""How long the job lasts that a worker of the previous release holds through the upgrade."""
NEW_KIND = "tables.export"
NEW_PARAMS: dict[str, Any] = {
    "format": "csv",
    "columns": [{"title": "이름"}],
    "rows": [["가나다"]],
}
REFUSED_SECONDS = 12.0
"""How long only workers that do not know the new kind are there: longer than two deliveries."""
#: A few of every way that a job can go, over every queue.
MIX: tuple[tuple[str, dict[str, Any]], ...] = (
    ("test.ok", {"note": "upgrade"}),
    ("test.transient", {"times": 1}),
    ("test.fan_out", {"children": 3}),
    ("test.output", {"objects": 2}),
    ("test.effect", {"recipients": 2}),
)


class Upgrade:
    """The whole way from one release to the next, back, and forward again."""

    def __init__(self, site: Site, old: Code, new: Code, said: Callable[[str], None]) -> None:
        """*said* is told each line once it is known."""
        self.site, self.old, self.new, self._said = site, old, new, said
        self.lines: list[Line] = []
        self.client: Client
        self.crews: dict[str, dict[str, Process]] = {"v1": {}, "v2": {}}
        self.relays: dict[str, Process] = {}
        self.apis: dict[str, Api] = {}

    def run(self) -> list[Line]:
        """All steps in order; returns the lines."""
        for step in (
            self.old_release_alone,
            self.schema_under_the_old_release,
            self.new_workers_take_old_messages,
            self.old_workers_take_new_messages,
            self.a_kind_that_the_old_release_lacks,
            self.both_at_work,
            self.drained_old_workers,
            self.rolled_back,
            self.forward_again,
            self.invariants,
        ):
            began = time.monotonic()
            step()
            self._tell(self.lines[-1], time.monotonic() - began)
        return self.lines

    def _tell(self, line: Line, seconds: float) -> None:
        verdict = "holds" if line.holds else "WRONG"
        self._said(f"{verdict:<6} {line.name:<13} {line.checked:>4}  {line.what} ({seconds:.0f} s)")
        for text in line.wrong[:10]:
            self._said(f"       {text}")

    # ------------------------------------------------------------------ parts

    def use(self, code: Code) -> None:
        """What is made from now on is of this release."""
        self.site.code = code

    def start(self, code: Code, *queues: str, relay: bool = True, api: bool = True) -> None:
        """Processes of one release; those that are there already stay."""
        self.use(code)
        crew = self.crews[code.label]
        made = [queue for queue in queues if queue not in crew]
        crew |= {queue: self.site.worker(queue) for queue in made}
        if relay and code.label not in self.relays:
            self.relays[code.label] = self.site.relay(ACADEMY_PROCESS="relay")
        if api and code.label not in self.apis:
            self.apis[code.label] = Api(self.site)
        for queue in made:
            crew[queue].said(" ready.", READY)
        if code.label in self.apis:
            self.apis[code.label].ready()

    def stop(self, label: str, *queues: str, relay: bool = True, api: bool = True) -> None:
        """End processes in order, as a deployment does: SIGTERM, and time to finish."""
        going = [self.crews[label].pop(queue) for queue in queues if queue in self.crews[label]]
        if relay and label in self.relays:
            going.append(self.relays.pop(label))
        for process in going:
            process.stop(60.0)
        if api and label in self.apis:
            self.apis.pop(label).stop()

    def mix(self, api: Api, times: int = 2) -> list[UUID]:
        """Jobs of every kind of end."""
        return [
            job_id
            for kind, params in MIX
            for job_id in self.client.submit(api, kind, times, **params)
        ]

    def note(self, name: str, what: str, checked: int, wrong: list[str] | None = None) -> None:
        self.lines.append(Line(name, what, checked, wrong or []))

    def only_by(self, label: str, ids: list[UUID]) -> list[str]:
        """What another release's workers ended."""
        found = self.site.workers_of(ids)
        return [f"{count} by {other}" for other, count in found.items() if other != label]

    # ------------------------------------------------------------------ steps

    def old_release_alone(self) -> None:
        """v1 makes the schema and works; a long job starts that lasts through the upgrade."""
        self.use(self.old)
        self.client = self.site.client()
        self.start(self.old, *QUEUES)
        jobs = self.mix(self.apis["v1"])
        self.site.ended(jobs, PATIENCE)
        (self.long,) = self.client.submit(
            self.apis["v1"], "test.sleep", seconds=LONG_SECONDS, beats=int(LONG_SECONDS * 4)
        )
        eventually(
            lambda: self.site.states([self.long])["running"], PATIENCE, "the long job is running"
        )
        self.note("v1 alone", "jobs of every kind end", len(jobs), self.only_by("v1", jobs))

    def schema_under_the_old_release(self) -> None:
        """v2 migrates while v1 takes requests and works on the new schema."""
        self.use(self.new)
        judged = self.site.manage("check_migrations")
        before = self.site.rows("SELECT count(*) FROM django_migrations")[0][0]
        with Traffic(self.client, self.apis["v1"]) as traffic:
            self.site.migrate()
            still = self.site.states([self.long])["running"]
            jobs = self.mix(self.apis["v1"])
            self.site.ended(jobs, PATIENCE)
        self.site.ended(traffic.ids, PATIENCE)
        after = self.site.rows("SELECT count(*) FROM django_migrations")[0][0]
        wrong = traffic.wrong + self.only_by("v1", jobs + traffic.ids)
        wrong += [] if judged.returncode == 0 else [judged.log[-2_000:]]
        self.note(
            "expand",
            f"v2 applies {after - before} migrations under v1, which goes on without an error",
            len(jobs) + len(traffic.ids),
            wrong
            + ([] if after > before else ["there was nothing to migrate"])
            + ([] if still else ["the long job ended before the migration did"]),
        )

    def new_workers_take_old_messages(self) -> None:
        """What v1 has published waits in SQS, and v2 takes it."""
        self.stop("v1", "ai-basic", "ai-lite", relay=False, api=False)
        jobs = self.client.submit(self.apis["v1"], "test.transient", 6, times=0)
        jobs += self.client.submit(self.apis["v1"], "test.ok", 6)
        eventually(
            lambda: self.site.states(jobs)["published"] == len(jobs), PATIENCE, "v1 publishes"
        )
        self.start(self.new, "ai-basic", "ai-lite", relay=False, api=False)
        self.site.ended(jobs, PATIENCE)
        self.note("v1 > v2", "messages of v1 run under v2", len(jobs), self.only_by("v2", jobs))

    def old_workers_take_new_messages(self) -> None:
        """v2's API and relay, v1's workers."""
        self.stop("v2", "ai-basic", "ai-lite")
        self.stop("v1")
        self.start(self.old, "ai-basic", "ai-lite", relay=False, api=False)
        self.start(self.new)
        jobs = self.mix(self.apis["v2"])
        self.site.ended(jobs, PATIENCE)
        self.note("v2 > v1", "messages of v2 run under v1", len(jobs), self.only_by("v1", jobs))

    def a_kind_that_the_old_release_lacks(self) -> None:
        """Only v1's workers are there: the job is given back until one of v2 comes."""
        jobs = self.client.submit(self.apis["v2"], NEW_KIND, 3, **NEW_PARAMS)
        worker = self.crews["v1"]["ai-lite"]
        worker.said("does not have", PATIENCE)
        seen: list[str] = []
        until = time.monotonic() + REFUSED_SECONDS
        while time.monotonic() < until:
            ended = sum(self.site.states(jobs)[state.value] for state in TERMINAL)
            if ended:
                seen = [f"{ended} ended without a worker that knows them"]
            time.sleep(0.5)
        others = self.client.submit(self.apis["v2"], "test.ok", 6)
        self.site.ended(others, PATIENCE)
        self.start(self.new, "ai-lite", relay=False, api=False)
        self.site.ended(jobs, PATIENCE)
        self.note(
            "new kind",
            f"v1 gives {NEW_KIND} back without holding others up; v2 does it",
            len(jobs) + len(others),
            seen + self.only_by("v2", jobs),
        )

    def both_at_work(self) -> None:
        """Both APIs, both relays, both crews; and the long job ends where it began."""
        self.start(self.old, *QUEUES)
        self.start(self.new, *QUEUES)
        with (
            Traffic(self.client, self.apis["v1"]) as first,
            Traffic(self.client, self.apis["v2"]) as second,
        ):
            jobs = self.mix(self.apis["v1"], 3) + self.mix(self.apis["v2"], 3)
            self.site.ended(jobs, PATIENCE)
            self.site.ended([self.long], LONG_SECONDS + PATIENCE)
        jobs += first.ids + second.ids
        self.site.ended(jobs, PATIENCE)
        wrong = first.wrong + second.wrong + self.only_by("v1", [self.long])
        attempts = self.site.rows("SELECT attempt FROM job WHERE id = %s", self.long)[0][0]
        wrong += [] if attempts == 1 else [f"the long job took {attempts} attempts"]
        by = self.site.workers_of(jobs)
        wrong += [f"{label} did nothing" for label in ("v1", "v2") if not by[label]]
        self.note(
            "side by side",
            f"v1 ended {by['v1']} and v2 {by['v2']}; the long job ended where it began",
            len(jobs) + 1,
            wrong,
        )

    def drained_old_workers(self) -> None:
        """v1 is stopped in the middle of its work: what it holds is finished by v2."""
        self.stop("v2", "video", relay=False, api=False)
        jobs = self.client.submit(self.apis["v2"], "test.sleep", 2, seconds=8, beats=80)
        eventually(lambda: self.site.states(jobs)["running"], PATIENCE, "v1 holds one of them")
        self.stop("v1", *QUEUES)
        self.start(self.new, *QUEUES)
        self.site.ended(jobs, PATIENCE)
        more = self.mix(self.apis["v2"])
        self.site.ended(more, PATIENCE)
        self.note(
            "v2 alone",
            "what v1 gave back as it stopped, v2 finished",
            len(jobs) + len(more),
            self.only_by("v2", jobs + more),
        )

    def rolled_back(self) -> None:
        """v1 on v2's schema, with work of v2's kind left over."""
        self.stop("v2", *QUEUES, api=False)
        self.left = self.client.submit(self.apis["v2"], NEW_KIND, 2, **NEW_PARAMS)
        self.stop("v2")
        self.start(self.old, *QUEUES)
        with Traffic(self.client, self.apis["v1"]) as traffic:
            jobs = self.mix(self.apis["v1"])
            self.site.ended(jobs, PATIENCE)
            self.crews["v1"]["ai-lite"].said("does not have", PATIENCE)
        self.site.ended(traffic.ids, PATIENCE)
        shown = [self.client.read(self.apis["v1"], job_id) for job_id in self.left]
        ended = [job["state"] for job in shown if job["state"] in set(TERMINAL)]
        self.note(
            "back to v1",
            "v1 works on v2's schema, shows v2's jobs and does not end them",
            len(jobs) + len(traffic.ids) + len(shown),
            traffic.wrong + self.only_by("v1", jobs + traffic.ids) + ended,
        )

    def forward_again(self) -> None:
        """v2 takes over once more and does what was left."""
        self.stop("v1", *QUEUES)
        self.start(self.new, *QUEUES)
        jobs = self.mix(self.apis["v2"])
        self.site.ended(self.left + jobs, PATIENCE)
        self.note(
            "v2 again",
            "what was left over is done",
            len(self.left) + len(jobs),
            self.only_by("v2", self.left + jobs),
        )

    def invariants(self) -> None:
        """I1, I2, I3, I6, I7 and I8 over everything, and no answer of 500 or more."""
        told = list(self.client.accepted)
        rows = invariants.histories()
        own = [row for row in rows if row.job_id in self.client.accepted]
        wrong = invariants.each_once(told, own) + invariants.at_rest(rows)
        wrong += invariants.legal(rows) + invariants.fenced(rows, invariants.attempts())
        wrong += self._dead_letters() + self._sends()
        wrong += [f"{n} answers of {code}" for code, n in self.client.answers.items() if code > 299]
        self.note("invariants", "I1, I2, I3, I6, I7, I8 over both releases", len(rows), wrong)

    def _dead_letters(self) -> list[str]:
        """I6: nothing is unread in a dead-letter queue, and nothing died."""

        def unread() -> int:
            return sum(self.site.messages(queue, dlq=True) for queue in QUEUES)

        eventually(lambda: not unread(), PATIENCE, lambda: f"{unread()} dead letters are unread")
        died = self.site.rows("SELECT count(*) FROM job WHERE state = 'dead'")[0][0]
        return invariants.listed() + ([f"I6: {died} jobs died"] if died else [])

    def _sends(self) -> list[str]:
        """I3: each effect once, whichever release did it."""
        sends = self.site.provider.sends()
        ids = [job for job, kind in self.client.accepted.items() if kind == "test.effect"]
        wrong = [f"I3: {send} went out {count} times" for send, count in sends.items() if count > 1]
        expected = 2 * len(ids)
        return wrong + ([f"I3: {len(sends)} of {expected} sent"] if len(sends) != expected else [])


def run(site: Site, old: Code, new: Code, said: Callable[[str], None]) -> list[Line]:
    """The whole scenario, told line by line."""
    return Upgrade(site, old, new, said).run()
