"""Flower's pages with what the platform adds: switches, links to jobs, queues and dead letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import flower
from flower.views import BaseHandler
from flower.views.tasks import TasksView, TaskView
from flower.views.workers import WorkersView, WorkerView
from tornado.template import Loader, Template
from tornado.web import StaticFileHandler, authenticated, url

from tasks import queues
from tasks.depths import QueueDepth
from tasks.flower import links
from tasks.flower.board import Board

_HERE = Path(__file__).parent
_OURS = _HERE / "templates"
_FLOWERS = Path(flower.__file__).parent / "templates"

#: States of a task whose job may still be cancelled.
_OPEN = frozenset({"PENDING", "RECEIVED", "STARTED", "RETRY"})

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


class Platform:
    """What pages and API know beyond Flower; a mixin of its handlers."""

    application: Any

    async def depths(self) -> list[QueueDepth]:
        """The queues' depths; read without blocking the loop."""
        reader = self.application.settings["depths"]
        rows: list[QueueDepth] = await self.application.io_loop.run_in_executor(None, reader.read)
        return rows

    async def board(self) -> Board:
        """The switches in the platform's database."""
        board: Board = await self.application.settings["database"].board()
        return board

    def is_alive(self, worker: str) -> bool:
        """Whether heartbeats of *worker* arrive."""
        known = self.application.events.state.workers
        return worker in known and bool(known[worker].alive)

    def workers_of(self) -> Counter[str]:
        """How many live workers consume each queue, from their snapshots and heartbeats."""
        return Counter(
            queue["name"]
            for name, info in list(self.application.workers.items())
            if self.is_alive(name)
            for queue in info["active_queues"]
        )


def state_of(worker: str, info: dict[str, Any], board: Board) -> str:
    """What a worker is doing: working, paused, draining, drained or stopped; empty where unsaid.

    The database is newer than the worker's last snapshot, and an order newer than either.
    """
    switch = board.workers.get(worker)
    state = switch.state if switch else str(info.get("platform", {}).get("state") or "")
    if switch and switch.drain_asked_by and state in ("working", "paused"):
        return "draining"
    return state


def oldest(row: QueueDepth, board: Board) -> tuple[int | None, str]:
    """The age in seconds of a queue's oldest message, and who says so.

    CloudWatch knows the message; elsewhere the jobs' table knows when it was published.
    """
    if row.queue.oldest_seconds is not None:
        return row.queue.oldest_seconds, "CloudWatch"
    seconds = board.oldest.get(row.name)
    return seconds, "" if seconds is None else "jobs table"


def age_text(seconds: int | None) -> str:
    """``75`` is ``1 min 15 s``."""
    if seconds is None:
        return "—"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Page(Platform, BaseHandler):
    """A page of ours, or one of Flower's with more in it."""

    _board = Board()

    def render(self, *names: Any, **values: Any) -> None:
        """Render with what every page of ours may use."""
        settings = self.application.settings
        values |= {
            "board": self._board,
            "controls": settings["database"].on and not self._board.problem,
            "links": links,
            "base_url": settings["public_base_url"],
            "age": age_text,
        }
        super().render(*names, **values)


class BrokerPage(Page):
    """``/broker``: every queue with its dead-letter queue."""

    @logged_in
    async def get(self) -> None:
        """Render the page."""
        client = queues.client_options()
        self._board = await self.board()
        self.render(
            "broker.html",
            rows=await self.depths(),
            workers=self.workers_of(),
            oldest=oldest,
            broker=f"Amazon SQS, {client['region_name']}",
            endpoint=client.get("endpoint_url", ""),
            autorefresh=self.application.options.auto_refresh,
        )


class WorkersPage(Page, WorkersView):
    """``/workers``: Flower's list, with each worker's queue, host and state."""


class WorkerPage(Page, WorkerView):
    """``/worker/<name>``: Flower's page under the worker's state, its current jobs and a switch."""

    @logged_in
    async def get(self, name: str) -> None:
        """Render the page."""
        self._board = await self.board()
        await super().get(name)

    def render(self, *names: Any, **values: Any) -> None:
        """Add what the switch shows."""
        if worker := values.get("worker"):
            values["state"] = state_of(worker["name"], worker, self._board)
            values["alive"] = self.is_alive(worker["name"])
            values["known"] = worker["name"] in self._board.workers
        super().render(*names, **values)


class TaskPage(Page, TaskView):
    """``/task/<id>``: Flower's page, with the job's own page and a way to cancel it."""

    def render(self, *names: Any, **values: Any) -> None:
        """Add the job."""
        if task := values.get("task"):
            values["job_page"] = links.job_page(
                self.application.settings["public_base_url"], task.uuid
            )
            values["is_open"] = task.state in _OPEN
        super().render(*names, **values)


class TasksPage(Page, TasksView):
    """``/tasks``: Flower's table, with a link from each task to its job."""


class Static(StaticFileHandler):
    """Our script and style; asked for again each time, so that an upgrade shows at once."""

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - tornado's interface
        """No caching without a question; the answer is mostly "not modified"."""
        self.set_header("Cache-Control", "no-cache")


ROUTES: list[Any] = [
    url(r"/broker", BrokerPage, name="broker"),
    (r"/(?:workers)?", WorkersPage),
    (r"/worker/(.+)", WorkerPage),
    (r"/tasks", TasksPage),
    (r"/task/(.+)", TaskPage),
    (r"/platform/static/(.*)", Static, {"path": str(_HERE / "static")}),
]
