"""A prefork pool that outlives the death of a child at the wrong moment.

Three such moments end a stock worker or leave it deaf, all met by the chaos tests. A child that is
killed before the event loop's first turn counts as a failed start. Celery keeps as many sets of
pipes as it has processes and hands a free set to each new one: a child that dies while the consumer
reconnects still owns its set when its successor asks for one, the search finds none free, and
raises StopIteration. And until the event loop has the pool, which takes a consumer that has
connected, nothing listens to the pipes of a successor.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.concurrency import prefork
from celery.concurrency.asynpool import AsynPool

logger = logging.getLogger(__name__)


class Pool(AsynPool):
    """Celery's pool, which always has pipes for a new process."""

    def did_start_ok(self) -> bool:
        """Replace a child that is gone already, as at any later moment; the parent has started."""
        self.maintain_pool()
        return True

    def on_inqueue_close(self, fd: int, proc: Any) -> None:
        """Forget a pipe to a process; the event loop puts its own here when it has the pool."""
        self._busy_workers.discard(fd)
        if self._fileno_to_inq.get(fd) is proc:
            del self._fileno_to_inq[fd]
            self._active_writes.discard(fd)
            self._all_inqueues.discard(fd)

    def hub_remove(self, fd: Any) -> None:
        """Until the event loop has the pool, and puts its own here, it reads from no pipe."""

    def _create_worker_process(self, i: int) -> Any:
        process = super()._create_worker_process(i)
        if self.on_process_up is None:
            # The event loop will listen to the pipes that are known when it takes the pool over.
            self._fileno_to_outq[process.outqR_fd] = process
            self._fileno_to_synq[process.synqW_fd] = process
        return process

    def destroy_queues(self, queues: Any, proc: Any) -> int:
        """Close a dead process's pipes, whose numbers may then mean other files."""
        if self.on_process_up is None:
            for known in (self._fileno_to_outq, self._fileno_to_synq):
                for fd in [fd for fd, owner in known.items() if owner is proc]:
                    del known[fd]
        destroyed: int = super().destroy_queues(queues, proc)
        return destroyed

    def get_process_queues(self) -> Any:
        """Pipes that no living process owns, made anew where there are none."""
        for queues, owner in self._queues.items():
            if owner is None:
                return queues
        for queues, owner in list(self._queues.items()):
            if not owner._is_alive():  # noqa: SLF001 - billiard has no public name for it
                # What the dead process left half written in its pipes must reach nobody.
                logger.warning("The pipes of a dead pool process are replaced.")
                self.destroy_queues(queues, owner)
        fresh = self.create_process_queues()
        self._queues[fresh] = None
        return fresh


def install() -> None:
    """Have prefork workers use it; Celery offers no setting for a pool's process manager."""
    prefork.TaskPool.Pool = Pool
