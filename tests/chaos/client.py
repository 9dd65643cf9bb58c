"""Clients of a run: they submit with a key until they are answered, and cancel a few."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs import cancel
from academy.jobs.idempotency import Answer, fingerprint, run_once
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.tenants.models import Tenant
from tests.chaos.plan import Wanted

AGAIN = 0.3
"""Seconds before a client that got no answer asks again with the same key."""


@dataclass
class Accepted:
    """What the clients were told."""

    ids: dict[int, UUID] = field(default_factory=dict)
    asked_again: int = 0
    cancels: int = 0


class Client(threading.Thread):
    """Submits a plan at a steady rate; every other answer is thrown away and asked for again."""

    def __init__(self, tenants: Sequence[Tenant], plan: Sequence[Wanted], *, rate: float) -> None:
        super().__init__(name="client", daemon=True)
        self.accepted = Accepted()
        self.failure: BaseException | None = None
        self._tenants = tenants
        self._plan = plan
        self._rate = rate
        self._random = random.Random(len(plan))

    def run(self) -> None:
        try:
            self._submit_all()
        except BaseException as error:
            self.failure = error
            raise
        finally:
            connection.close()

    def _submit_all(self) -> None:
        began = clock.monotonic()
        late: list[tuple[float, Wanted]] = []
        for wanted in self._plan:
            time.sleep(max(0.0, began + wanted.number / self._rate - clock.monotonic()))
            self.accepted.ids[wanted.number] = self._until_answered(wanted)
            if self._random.random() < 0.1:
                assert self._until_answered(wanted) == self.accepted.ids[wanted.number]
            if wanted.cancel:
                late.append((clock.monotonic() + self._random.uniform(0.0, 2.0), wanted))
            late = self._cancel_due(late, clock.monotonic())
        while late:
            time.sleep(0.1)
            late = self._cancel_due(late, clock.monotonic())

    def _until_answered(self, wanted: Wanted) -> UUID:
        while True:
            try:
                return UUID(self._submit(wanted).body["id"])
            except (OperationalError, InterfaceError, AppError):
                self.accepted.asked_again += 1
                connection.close()
                time.sleep(AGAIN)

    def _submit(self, wanted: Wanted) -> Answer:
        tenant = self._tenants[wanted.tenant]

        def act() -> Answer:
            by = Submitter(tenant, "chaos", wanted.key)
            order = Order(wanted.kind, wanted.params)
            (job,) = jobs_submit(by=by, orders=[order])
            return Answer(202, {"id": str(job.pk)})

        asked = fingerprint("POST", "/api/v1/jobs", {"kind": wanted.kind, "params": wanted.params})
        return run_once(tenant_id=tenant.pk, key=wanted.key, fingerprint=asked, act=act)

    def _cancel_due(
        self, late: list[tuple[float, Wanted]], now: float
    ) -> list[tuple[float, Wanted]]:
        left = []
        for at, wanted in late:
            if at > now or not self._cancel(wanted):
                left.append((at, wanted))
        return left

    def _cancel(self, wanted: Wanted) -> bool:
        tenant = self._tenants[wanted.tenant]
        try:
            cancel.job_cancel(tenant=tenant, job_id=self.accepted.ids[wanted.number])
        except AppError as error:
            return error.code == "job_already_ended"
        except (OperationalError, InterfaceError):
            connection.close()
            return False
        self.accepted.cancels += 1
        return True
