"""Flower's pages that SQS needs otherwise: the broker's, and "no" for remote control."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import flower
import prometheus_client
from flower.api import BaseApiHandler
from flower.views import BaseHandler
from tornado.template import Loader, Template
from tornado.web import HTTPError, authenticated, url

from tasks import queues
from tasks.depths import Depth, QueueDepth

_OURS = Path(__file__).parent / "templates"
_FLOWERS = Path(flower.__file__).parent / "templates"

NO_CONTROL = (
    "SQS has no remote control, so this would reach no worker. Cancel a job through the platform's "
    "API; stop a worker with SIGTERM: it finishes or gives back what it holds."
)
NO_SENDING = (
    "Jobs are rows: only the relay sends messages, and workers refuse a message without a row. "
    "Submit a job through the platform's API."
)
NO_RESULTS = "Results are kept in the job's row: GET /api/v1/jobs/<id> of the platform's API."


Method = TypeVar("Method", bound=Callable[..., Any])


def logged_in(method: Method) -> Method:
    """Flower's log-in before *method*: basic auth answers 401, OAuth redirects."""
    return cast("Method", authenticated(method))


class OverlayLoader(Loader):
    """Our templates first, then Flower's; ``flower/<name>`` is Flower's own, to be extended."""

    def __init__(self) -> None:
        super().__init__(str(_OURS))

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:  # noqa: ARG002
        """Names are flat: whoever asks, the same name is the same template."""
        return name

    def _create_template(self, name: str) -> Any:
        ours = _OURS / name
        path = _FLOWERS / name.removeprefix("flower/")
        if not name.startswith("flower/") and ours.is_file():
            path = ours
        return Template(path.read_bytes(), name=name, loader=self)


class _Depths:
    """Reads the depths without blocking the loop."""

    application: Any

    async def depths(self) -> list[QueueDepth]:
        reader = self.application.settings["depths"]
        rows: list[QueueDepth] = await self.application.io_loop.run_in_executor(None, reader.read)
        return rows

    def workers_of(self) -> Counter[str]:
        """How many live workers consume each queue, from their snapshots and heartbeats."""
        state = self.application.events.state
        return Counter(
            queue["name"]
            for name, info in list(self.application.workers.items())
            if name in state.workers and state.workers[name].alive
            for queue in info["active_queues"]
        )


class BrokerPage(_Depths, BaseHandler):
    """``/broker``: every queue with its dead-letter queue."""

    @logged_in
    async def get(self) -> None:
        """Render the page."""
        client = queues.client_options()
        self.render(
            "broker.html",
            rows=await self.depths(),
            workers=self.workers_of(),
            age=age_text,
            broker=f"Amazon SQS, {client['region_name']}",
            endpoint=client.get("endpoint_url", ""),
            autorefresh=self.application.options.auto_refresh,
        )


class QueueLengths(_Depths, BaseApiHandler):
    """``/api/queues/length``: Flower's answer, with what SQS knows besides."""

    @logged_in
    async def get(self) -> None:
        """Answer with one entry for each SQS queue, dead-letter queues included."""
        workers = self.workers_of()
        entries = []
        for row in await self.depths():
            entries.append(entry(row.name, row.queue) | {"consumers": workers[row.name]})
            if row.dead is not None:
                entries.append(entry(f"{row.name}-dlq", row.dead) | {"dead_letters_of": row.name})
        self.write({"active_queues": entries})


class Refusal(BaseApiHandler):
    """An operation that cannot work on SQS: 403 with the reason, never a false success."""

    def initialize(self, reason: str) -> None:
        """*reason*: a sentence for whoever asked."""
        self.reason = reason

    @logged_in
    def get(self, *_: str) -> None:
        """Refuse."""
        raise HTTPError(403, self.reason)

    post = get


class Metrics(BaseHandler):
    """``/metrics`` behind the same log-in as everything else; Prometheus can send one."""

    @logged_in
    def get(self) -> None:
        """Write Flower's metrics and ours."""
        self.application.purge_offline_worker_metrics()
        self.set_header("Content-Type", prometheus_client.CONTENT_TYPE_LATEST)
        self.write(prometheus_client.generate_latest())


def entry(name: str, depth: Depth) -> dict[str, Any]:
    """A queue in the words of Flower's API."""
    return {
        "name": name,
        "sqs_name": depth.sqs_name,
        "messages": depth.total,
        "messages_ready": depth.ready,
        "messages_unacknowledged": depth.in_flight,
        "messages_delayed": depth.delayed,
        "oldest_seconds": depth.oldest_seconds,
        **({"problem": depth.problem} if depth.problem else {}),
    }


def age_text(seconds: int | None) -> str:
    """``75`` is ``1 min 15 s``."""
    if seconds is None:
        return "—"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


ROUTES: list[Any] = [
    url(r"/broker", BrokerPage, name="broker"),
    (r"/api/queues/length", QueueLengths),
    (r"/metrics", Metrics),
    (r"/api/worker/(?:shutdown|pool|queue)/(.*)", Refusal, {"reason": NO_CONTROL}),
    (r"/api/task/(?:revoke|abort|timeout|rate-limit)/(.*)", Refusal, {"reason": NO_CONTROL}),
    (r"/api/task/(?:apply|async-apply|send-task)/(.*)", Refusal, {"reason": NO_SENDING}),
    (r"/api/task/result/(.*)", Refusal, {"reason": NO_RESULTS}),
]
