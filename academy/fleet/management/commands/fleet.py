"""``manage.py fleet``: see the queues and workers, and turn their switches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.core import clock
from academy.core.errors import AppError
from academy.core.terminal import age, table
from academy.fleet import audit, selectors, services


class Command(BaseCommand):
    help = "Show queues and workers; pause and resume a queue; drain and undrain a worker."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACTION")
        acts.add_parser("status", help="queues and workers as tables")
        pause = acts.add_parser("pause", help="publish and start nothing on a queue")
        pause.add_argument("queue")
        pause.add_argument("--reason", required=True)
        acts.add_parser("resume", help="let a queue run again").add_argument("queue")
        drain = acts.add_parser("drain", help="have a worker finish what it runs, and wait")
        drain.add_argument("worker", help="its name, as status shows it")
        drain.add_argument("--reason", required=True)
        acts.add_parser("undrain", help="have it work again").add_argument("worker")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Exit 0 when it is done, 1 with a sentence when it is refused, 2 on wrong usage."""
        by = audit.command_user()
        try:
            said = self._act(options, by)
        except AppError as error:
            raise CommandError(f"{error} {error.action('en')}") from None
        self.stdout.write(said)

    def _act(self, options: dict[str, Any], by: str) -> str:
        match options["act"]:
            case "pause":
                queue = options["queue"]
                switch = services.queue_pause(queue=queue, by=by, reason=options["reason"])
                return f"{queue} is paused since {_at(switch.paused_at)}: {switch.reason}"
            case "resume":
                queue = options["queue"]
                changed = services.queue_resume(queue=queue, by=by)
                return f"{queue} runs again." if changed else f"{queue} was not paused."
            case "drain":
                name = options["worker"]
                services.worker_drain(name=name, by=by, reason=options["reason"])
                return f"{name} takes no new work; status shows when it is drained."
            case "undrain":
                services.worker_undrain(name=options["worker"], by=by)
                return f"{options['worker']} takes work."
            case _:
                return _status()


def _status() -> str:
    now = clock.now()
    queues = [
        (
            view.facts.name,
            "paused" if view.switch else "running",
            _number(view.depth.ready),
            _number(view.depth.in_flight),
            _number(view.depth.dead),
            str(view.workers_alive),
            f"{view.switch.paused_by}: {view.switch.reason}" if view.switch else view.depth.problem,
        )
        for view in selectors.queues_list()
    ]
    workers = [
        (
            view.row.name,
            view.row.state if view.alive or view.row.stopped_at else "silent",
            str(view.row.held),
            f"{view.row.pool} x{view.row.concurrency}",
            view.row.host_kind,
            age(view.row.started_at, now),
            age(view.row.seen_at, now),
        )
        for view in selectors.workers_list()
    ]
    return "\n\n".join(
        [
            table(("QUEUE", "IS", "READY", "HELD", "DEAD", "WORKERS", ""), queues),
            table(("WORKER", "IS", "HELD", "POOL", "HOST", "UP", "SEEN"), workers),
        ]
    )


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
