"""Celery's event dispatcher, without a broker connection: events go into the outbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.app.events import Events as CeleryEvents
from celery.events.dispatcher import EventDispatcher

from tasks import queues
from tasks.events.outbox import outbox
from tasks.events.outcome import tell_truth
from tasks.events.redact import redact

#: Pushed by us, and made of nothing but what may be said.
SNAPSHOT = "worker-info"


class Dispatcher(EventDispatcher):
    """Redacts each event and puts it into this process's outbox; ``send`` returns at once.

    Subclasses private parts of a pinned Celery: ``enable`` would make a producer of the broker,
    ``_publish`` would use it, and ``buffer_group`` would keep task events back until the event
    loop runs, which it no longer does while a warm shutdown waits for its tasks.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(buffer_group=None, on_send_buffered=None, buffer_while_offline=False)
        if not queues.events_flush_seconds():
            kwargs["enabled"] = False
        super().__init__(*args, **kwargs)

    #: Called after each heartbeat.
    on_heartbeat: Callable[[], None] | None = None

    def send(self, type: str, *args: Any, **fields: Any) -> Any:  # noqa: A002 - Celery's interface
        """Take an event; the caller has it behind it when this returns."""
        super().send(type, *args, **fields)
        if type == "worker-heartbeat" and self.on_heartbeat is not None:
            self.on_heartbeat()

    def enable(self) -> None:
        """Let events through."""
        with self.mutex:
            self._closed = False
            self.enabled = True
        for callback in self.on_enabled:
            callback()

    def _publish(self, event: Any, *_: Any, **__: Any) -> None:
        if event["type"] == SNAPSHOT:
            outbox().put(event)
            return
        truth = tell_truth(event)
        if truth is not None:
            outbox().put(redact(truth))


class Events(CeleryEvents):
    """``Celery(events=...)``: makes :class:`Dispatcher` the application's dispatcher."""

    dispatcher_cls = "tasks.events.dispatcher:Dispatcher"
