"""Flower's API where SQS or the platform know better, and "no" for what SQS cannot do."""

from __future__ import annotations

from typing import Any

import prometheus_client
from flower.api import BaseApiHandler
from flower.views import BaseHandler
from tornado.web import HTTPError

from tasks.depths import Depth, QueueDepth
from tasks.flower.board import Board
from tasks.flower.pages import Platform, logged_in, oldest, state_of

NO_CONTROL = (
    "SQS has no remote control, so this would reach no worker. Pause a queue, drain a worker or "
    "cancel a job on Flower's own pages or through the platform's API; stop a worker with SIGTERM: "
    "it finishes or gives back what it holds."
)
NO_SENDING = (
    "Jobs are rows: only the relay sends messages, and workers refuse a message without a row. "
    "Submit a job through the platform's API."
)
NO_RESULTS = "Results are kept in the job's row: GET /api/v1/jobs/<id> of the platform's API."


class QueueLengths(Platform, BaseApiHandler):
    """``/api/queues/length``: Flower's answer, with what SQS and the platform know besides."""

    @logged_in
    async def get(self) -> None:
        """Answer with one entry for each SQS queue, dead-letter queues included."""
        workers, board = self.workers_of(), await self.board()
        entries = []
        for row in await self.depths():
            more = {
                "consumers": workers[row.name],
                "paused": row.name in board.paused,
                "dead_letters_open": board.letters.get(row.name, 0),
            }
            entries.append(entry(row.name, row.queue) | _age(row, board) | more)
            if row.dead is not None:
                entries.append(entry(f"{row.name}-dlq", row.dead) | {"dead_letters_of": row.name})
        self.write({"active_queues": entries})


def _age(row: QueueDepth, board: Board) -> dict[str, Any]:
    seconds, source = oldest(row, board)
    return {"oldest_seconds": seconds, "oldest_from": source}


class Fleet(Platform, BaseHandler):
    """``/platform/fleet``: paused queues, and each worker's queue, host, state and current jobs."""

    @logged_in
    async def get(self) -> None:
        """Answer for every worker that Flower knows."""
        board = await self.board()
        self.write(
            {
                "problem": board.problem,
                "paused": {
                    queue: {"at": pause.at.isoformat(), "by": pause.by, "reason": pause.reason}
                    for queue, pause in board.paused.items()
                },
                "workers": {
                    name: info["platform"]
                    | {"state": state_of(name, info, board), "alive": self.is_alive(name)}
                    for name, info in list(self.application.workers.items())
                },
            }
        )


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


ROUTES: list[Any] = [
    (r"/api/queues/length", QueueLengths),
    (r"/platform/fleet", Fleet),
    (r"/metrics", Metrics),
    (r"/api/worker/(?:shutdown|pool|queue)/(.*)", Refusal, {"reason": NO_CONTROL}),
    (r"/api/task/(?:revoke|abort|timeout|rate-limit)/(.*)", Refusal, {"reason": NO_CONTROL}),
    (r"/api/task/(?:apply|async-apply|send-task)/(.*)", Refusal, {"reason": NO_SENDING}),
    (r"/api/task/result/(.*)", Refusal, {"reason": NO_RESULTS}),
]
