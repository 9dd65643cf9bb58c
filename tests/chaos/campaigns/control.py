"""The control: a plain Celery task for each message, with `acks_late` and retries on errors."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos import naive, naive_app
from tests.chaos import plan as plans
from tests.chaos.campaigns.load import ANSWERS_LOST, DELAY_SECONDS
from tests.chaos.plan import Pace
from tests.chaos.run import break_the_queue
from tests.support import solapi_double
from tests.support.messages import phone
from tests.support.sqs_proxy import SqsProxy

RATE: Final = 12.0
PATIENCE: Final = 60.0


@dataclass(frozen=True)
class Outcome:
    """What the provider saw of the control."""

    accepted: int
    twice: int
    lost: int
    kills: int


def run(*, messages: int, seed: int) -> Outcome:
    """Publish a task for each message, under the same answers lost and the same broken queue."""
    folder = Path(tempfile.mkdtemp(prefix="academy-naive-"))
    orders = [
        {"number": number, "to": phone(number), "text": "내일은 쉽니다"}
        for number in range(1, messages + 1)
    ]
    try:
        with solapi_double.serve() as double, SqsProxy(os.environ["SQS_ENDPOINT_URL"]) as proxy:
            double.balance, double.delay_seconds = 10**12, DELAY_SECONDS
            control = naive.Control(
                folder, double.url, proxy,
                STOCK_POST_URL=double.url, STOCK_POST_KEY=solapi_double.KEY,
                STOCK_POST_SECRET=solapi_double.SECRET,
            )  # fmt: skip
            try:
                control.ready()
                break_the_queue(proxy, seed)
                double.lose(ANSWERS_LOST, seed)
                strikes = plans.strikes(seed, Pace(kill_every=2.5))
                accepted = naive.load(control, naive_app.message, orders, strikes, RATE)
                proxy.heal()
                double.lose(0.0, seed)
                naive.rest(control, set(accepted), PATIENCE)
                return Outcome(
                    accepted=len(accepted),
                    twice=sum(count > 1 for count in double.sends.values()),
                    lost=sum(not double.sends[phone(number)] for number in accepted),
                    kills=control.kills,
                )
            finally:
                control.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
