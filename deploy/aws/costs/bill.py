"""A month's bill, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.aws.costs.uses import USES
from deploy.aws.stack.roles import table
from deploy.aws.stack.sizes import SIZES
from deploy.aws.stack.template import template
from tasks import queues

PRICES: Final = Path(__file__).resolve().parents[2] / "prices.yaml"

HOURS: Final = 730
SECONDS: Final = HOURS * 3600
WEEKS: Final = 52 / 12
#: A pool's task lives on for ten minutes after the last job, and starts in about two.
LINGERS_HOURS: Final = 12 / 60
GPU_LINGERS_HOURS: Final = 20 / 60
#: What one core does, from docs/benchmarks.md (the source *lec*, as decided), and how much of four
#: cores an encode keeps busy. The largest rung is copied, so it is as large as the recording.
ENCODE_SECONDS_A_MINUTE: Final = 24.5
SMALLER_RUNGS_GB_AN_HOUR: Final = 0.25
_BUSY: Final = 0.7
SHEETS_A_SECOND: Final = 17.0
_SEGMENT_SECONDS: Final = 6
#: Requests to SQS that nobody's work causes: the relay empties five dead-letter queues every ten
#: seconds and reads eleven depths a minute; Flower reads its events; a worker polls and tells.
_RELAY_REQUESTS: Final = SECONDS / 10 * 5 + SECONDS / 60 * 11
_REQUESTS_A_WORKER_SECOND: Final = 1 / 20 + 1 / 10
_REQUESTS_A_JOB: Final = 4
#: MB of logs that an hour of a task writes, and that a thousand requests of the API do.
_LOG_GB_AN_HOUR: Final = 0.0005
_LOG_GB_A_MILLION_REQUESTS: Final = 0.4


@dataclass(frozen=True)
class Price:
    """What a unit costs in USD, where that stands, and how and when it was learnt."""

    usd: float
    source: str
    how: str
    date: str
    what: str


@dataclass(frozen=True)
class Line:
    """One line of a bill."""

    part: str
    what: str
    quantity: str
    usd: float


def prices() -> dict[str, Price]:
    """The table of prices, each with the address of its page."""
    content: dict[str, Any] = yaml.safe_load(PRICES.read_text())
    return {
        name: Price(
            usd=float(row["usd"]),
            source=str(content["sources"][row["source"]]),
            how=str(row["how"]),
            date=str(row["date"]),
            what=str(row["what"]),
        )
        for name, row in content["prices"].items()
    }


class Bill:
    """The month of one size."""

    def __init__(self, size: str) -> None:
        self.size = SIZES[size]
        self.use = USES[size]
        self.price = {name: price.usd for name, price in prices().items()}
        self.has_balancer = size == "grow"

    @property
    def lines(self) -> list[Line]:
        """Everything that is paid for, in the order of the page."""
        return [
            *self._services(),
            *self._pools(),
            *self._data(),
            *self._network(),
            *self._watching(),
            *self._cloudflare(),
        ]

    @property
    def total(self) -> float:
        """USD a month."""
        return sum(line.usd for line in self.lines)

    @property
    def jobs(self) -> float:
        """Jobs a month: pieces of lectures of a minute each, sheets by thirty, messages by ten."""
        use = self.use
        pieces = use.lectures_a_week * WEEKS * (use.minutes_a_lecture + 5)
        sheets = use.students * use.sheets_a_student_week * WEEKS / 30
        pages = use.ai_pages_a_week * WEEKS
        return pieces + sheets + pages + use.students * use.messages_a_student_month / 10

    @property
    def lecture_hours(self) -> float:
        """Hours of lectures a month."""
        return self.use.lectures_a_week * WEEKS * self.use.minutes_a_lecture / 60

    @property
    def recording_gb_an_hour(self) -> float:
        """GB of an hour's recording."""
        return self.use.megabits_a_second * 3600 / 8 / 1000

    def _fargate(self, role: str) -> float:
        """USD for an hour of one task of a role, on demand."""
        task = self.size.tasks[role]
        disk = max(0, task.disk - 20) * self.price["fargate_disk_gb_hour"]
        return (
            task.cpu / 1024 * self.price["fargate_vcpu_hour"]
            + task.memory / 1024 * self.price["fargate_gb_hour"]
            + disk
        )

    def _services(self) -> Iterator[Line]:
        for role in table():
            if role.runs != "service":
                continue
            task = self.size.tasks[role.name]
            share = self.price["fargate_spot_share"] if role.name == "flower" else 1.0
            where = "Fargate Spot" if role.name == "flower" else "Fargate"
            quantity = f"{task.least} x {task.cpu / 1024:g} cores, {task.memory / 1024:g} GB"
            usd = task.least * HOURS * self._fargate(role.name) * share
            yield Line("Processes that always run", f"{role.name}, {where}", quantity, usd)

    def pool_hours(self) -> dict[str, float]:
        """Hours a month for which a task of each pool is paid."""
        use = self.use
        lingering = use.batches_a_week * WEEKS * LINGERS_HOURS
        encode = self.lecture_hours * 60 * ENCODE_SECONDS_A_MINUTE
        cores = self.size.tasks["video"].cpu / 1024
        sheets = use.students * use.sheets_a_student_week * WEEKS / SHEETS_A_SECOND / 3600
        pages = use.ai_pages_a_week * WEEKS * 2 / 3600
        always = HOURS * self.size.tasks["ai-lite"].least
        return {
            "video": encode / cores / _BUSY / 3600 + lingering,
            "ai-lite": max(always, sheets + lingering),
            "ai-basic": pages + lingering,
        }

    def _pools(self) -> Iterator[Line]:
        part = "Capacity that comes and goes"
        for role, hours in self.pool_hours().items():
            usd = hours * self._fargate(role) * self.price["fargate_spot_share"]
            yield Line(part, f"{role}, Fargate Spot", f"{hours:,.0f} hours of a task", usd)
        use = self.use
        hours = use.gpu_sessions_a_month * (use.gpu_hours_a_session + GPU_LINGERS_HOURS)
        hour = self.price["gpu_hour"] * self.price["gpu_spot_share"]
        hour += 80 * self.price["ebs_gb_month"] / HOURS + self.price["ipv4_hour"]
        yield Line(part, "ai-premium, a GPU host on Spot", f"{hours:,.0f} hours", hours * hour)

    def _data(self) -> Iterator[Line]:
        part, use, database = "Data", self.use, self.size.database
        zones = "two zones" if database.zones == 2 else "one zone"
        hours = HOURS * database.zones * self.price[database.kind]
        yield Line(part, f"RDS PostgreSQL, {database.kind}", zones, hours)
        disk = database.disk * database.zones * self.price["rds_gb_month"]
        yield Line(part, "its disk, and backups of the same size", f"{database.disk} GB", disk)
        images = use.images_gb * self.price["ecr_gb_month"]
        yield Line(part, "images in the registry", f"{use.images_gb} GB", images)

    def _network(self) -> Iterator[Line]:
        part, use = "Network and queues", self.use
        tasks = sum(self.size.tasks[r.name].least for r in table() if r.runs == "service")
        tasks_hours = tasks * HOURS + sum(self.pool_hours().values())
        addresses = tasks_hours + (2 * HOURS if self.has_balancer else 0)
        usd = addresses * self.price["ipv4_hour"]
        yield Line(part, "public addresses", f"{addresses / HOURS:.1f} on average", usd)
        if self.has_balancer:
            unit = self.price["alb_hour"] + use.load_units * self.price["alb_lcu_hour"]
            yield Line(part, "load balancer", f"{use.load_units:g} units", HOURS * unit)
        out = self.lecture_hours * (self.recording_gb_an_hour + SMALLER_RUNGS_GB_AN_HOUR)
        out += use.students * use.requests_a_student_day * 30 * 6e-6
        usd = max(0.0, out - 100) * self.price["internet_gb"]
        yield Line(part, "encoded lectures to R2, and answers", f"{out:,.0f} GB", usd)
        requests = self.sqs_requests() / 1e6
        usd = max(0.0, requests - 1) * self.price["sqs_million"]
        usd += self.jobs / 1e6 * self.price["fair_million"]
        yield Line(part, "SQS", f"{requests:.1f} million requests", usd)

    def sqs_requests(self) -> float:
        """Requests to SQS a month, most of them by processes that wait."""
        relays = self.size.tasks["relay"].least * _RELAY_REQUESTS
        flower = SECONDS / 10
        waiting = self.size.tasks["messaging"].least * HOURS + sum(self.pool_hours().values())
        workers = waiting * 3600 * _REQUESTS_A_WORKER_SECOND
        return relays + flower + workers + self.jobs * _REQUESTS_A_JOB

    def alarm_metrics(self) -> int:
        """Metrics that the template's alarms watch: an expression is paid for by its inputs."""
        count = 0
        for one in template()["Resources"].values():
            if one["Type"] != "AWS::CloudWatch::Alarm":
                continue
            if one.get("Condition") == "HasBalancer" and not self.has_balancer:
                continue
            inputs = [m for m in one["Properties"].get("Metrics", []) if "MetricStat" in m]
            count += max(1, len(inputs))
        return count

    def _watching(self) -> Iterator[Line]:
        part, use = "Watching", self.use
        alarms = self.alarm_metrics()
        usd = max(0, alarms - 10) * self.price["alarm_month"]
        yield Line(part, "alarms", f"{alarms} metrics watched", usd)
        metrics = 5 * len(queues.table({})) + 3
        usd = max(0, metrics - 10) * self.price["metric_month"]
        yield Line(part, "metrics of the relay and the API", f"{metrics}", usd)
        tasks = sum(self.size.tasks[r.name].least for r in table() if r.runs == "service")
        hours = tasks * HOURS + sum(self.pool_hours().values())
        requests = use.students * use.requests_a_student_day * 30 / 1e6
        logs = hours * _LOG_GB_AN_HOUR + requests * _LOG_GB_A_MILLION_REQUESTS
        usd = max(0.0, logs - 5) * self.price["logs_gb"]
        usd += logs * self.size.log_days / 30 * self.price["logs_gb_month"]
        yield Line(part, "logs", f"{logs:.1f} GB, kept {self.size.log_days} days", usd)

    def _cloudflare(self) -> Iterator[Line]:
        part, use = "Cloudflare", self.use
        an_hour_of_lecture = 2 * self.recording_gb_an_hour + SMALLER_RUNGS_GB_AN_HOUR
        kept = self.lecture_hours * use.months_kept * an_hour_of_lecture
        usd = max(0.0, kept - 10) * self.price["r2_gb_month"]
        yield Line(part, "R2, recordings and lectures", f"{kept:,.0f} GB", usd)
        an_hour = 3600 / _SEGMENT_SECONDS
        segments = self.lecture_hours * an_hour * 4
        writes = (segments + use.students * use.sheets_a_student_week * WEEKS * 2) / 1e6
        usd = max(0.0, writes - 1) * self.price["r2_write_million"]
        yield Line(part, "R2, writes", f"{writes:.2f} million", usd)
        views = use.students * use.views_a_student_week * WEEKS * use.minutes_a_lecture / 60
        watched = views * an_hour / 1e6
        # Half of what is watched lies in the edge's cache already.
        usd = max(0.0, watched / 2 - 10) * self.price["r2_read_million"]
        yield Line(part, "R2, reads", f"{watched / 2:.1f} million", usd)
        usd = self.price["workers_month"] + max(0.0, watched - 10) * self.price["workers_million"]
        yield Line(part, "Workers (deploy/edge)", f"{watched:.1f} million segments", usd)
