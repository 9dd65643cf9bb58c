"""The campaigns of a run, drawn from its seed, and a client that previews and confirms them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from django.db import InterfaceError, OperationalError, connection

from academy.core import clock
from academy.core.errors import AppError
from academy.messaging.preview import Preview, Request, campaign_confirm, campaign_preview
from academy.messaging.recipients import To
from academy.messaging.templates import Wording
from academy.tenants.models import Tenant
from tests.support.messages import phone

T = TypeVar("T")
TENANTS: Final = 4
ANSWERS_LOST: Final = 0.05
"""Before a call has its effect; and as many after it."""
DELAY_SECONDS: Final = 0.25
"""Of every call, so that kills find calls under way."""
_SIZES: Final = (1, 60)
_GIVE_UP_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Wanted:
    """One campaign: to these numbers, of one academy."""

    tenant: int
    numbers: range


def campaigns(messages: int, seed: int) -> list[Wanted]:
    """Of many sizes, together to so many phones, each phone in one of them."""
    rng = random.Random(f"campaigns {seed}")
    found, done = [], 0
    while done < messages:
        size = min(rng.randint(*_SIZES), messages - done)
        found.append(Wanted(rng.randrange(TENANTS), range(done + 1, done + size + 1)))
        done += size
    return found


class Client(threading.Thread):
    """Previews and confirms at a steady rate, and asks again until it is answered.

    A token is good once: asking again after a lost answer confirms nothing a second time.
    """

    def __init__(self, tenants: Sequence[Tenant], plan: Sequence[Wanted], seconds: float) -> None:
        super().__init__(daemon=True)
        self._tenants, self._plan, self._seconds = tenants, plan, seconds
        self.confirmed = 0
        self.asked_again = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        began = clock.monotonic()
        try:
            for index, wanted in enumerate(self._plan):
                due = began + self._seconds * index / len(self._plan)
                time.sleep(max(0.0, due - clock.monotonic()))
                self._send(wanted)
                self.confirmed += 1
        except BaseException as error:  # noqa: BLE001 - told by the run
            self.failure = error
        finally:
            connection.close()

    def _send(self, wanted: Wanted) -> None:
        tenant = self._tenants[wanted.tenant]
        request = Request(
            title=f"안내 {wanted.numbers.start}",
            to=[To(phone=phone(number)) for number in wanted.numbers],
            wording=Wording("내일은 쉽니다"),
        )

        def preview() -> Preview:
            return campaign_preview(tenant=tenant, request=request, by="chaos")

        token = self._insist(preview).token

        def confirm() -> None:
            try:
                campaign_confirm(tenant=tenant, token=token, by="chaos")
            except AppError as error:
                if error.code != "message_preview_used":
                    raise

        self._insist(confirm)

    def _insist(self, act: Callable[[], T]) -> T:
        deadline = clock.monotonic() + _GIVE_UP_SECONDS
        while True:
            try:
                return act()
            except (OperationalError, InterfaceError):
                connection.close()
                if clock.monotonic() > deadline:
                    raise
                self.asked_again += 1
                time.sleep(0.2)
