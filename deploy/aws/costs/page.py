"""The page about costs, as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from deploy.aws.costs.bill import (
    ENCODE_SECONDS_A_MINUTE,
    GPU_LINGERS_HOURS,
    LINGERS_HOURS,
    SHEETS_A_SECOND,
    SMALLER_RUNGS_GB_AN_HOUR,
    Bill,
    prices,
)
from deploy.aws.stack.sizes import SIZES

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "reference" / "costs.md"


def page() -> str:
    """The page whole."""
    bills = {name: Bill(name) for name in SIZES}
    parts = [_HEAD, _summary(bills), _assumptions(bills)]
    parts += [_bill(name, bill) for name, bill in bills.items()]
    return "\n".join([*parts, _TAIL, _price_table()])


_HEAD: Final = """\
# What a month costs

Made by `make costs` from [deploy/prices.yaml](../../deploy/prices.yaml), the stack's sizes and the
assumptions below: change those, never this page. On demand, in ap-northeast-2, in USD without tax,
without AWS's first-year offers and without commitments; a Compute Savings Plan takes about a fifth
off what always runs.
"""

_TAIL: Final = """\
**Not in it**: what messages cost (paid to their provider; an academy's price stands in
`MESSAGING_SMS_PRICE` and the others), language models (`LANGUAGE_PLATFORM_BUDGET` caps them), the
domain, and people. Students' own traffic is not in it because there is none to pay: R2 and
Cloudflare's network do not charge for what is watched.

**Where it can go wrong.** Recordings of twice the rate double what R2 and the way there cost: it
pays to record slides at 3 Mbit/s. A task that never rests costs a month what one of its hours does
times 730: the alarm `…-waits` says when work piles up, the budget's mail when money does.
`WorkerCapacity: on-demand` makes the rows on Spot about three times as dear.

## Prices

*list*: read on the page, on the date. *quoted*: as somebody published it who read the public price
list on the date. *memory*: from memory on the date; check it on the page before you rely on it.
"""


def _summary(bills: dict[str, Bill]) -> str:
    rows = ["| size | for | a month |", "| --- | --- | ---: |"]
    for name, bill in bills.items():
        rows.append(f"| `{name}` | {bill.use.students:,} students | **{bill.total:,.0f} USD** |")
    return "\n".join([*rows, ""])


def _assumptions(bills: dict[str, Bill]) -> str:
    rows = ["## What is assumed", "", f"| | {' | '.join(f'`{name}`' for name in bills)} |"]
    rows.append(f"| --- |{' ---: |' * len(bills)}")
    for label, field in (
        ("students", "students"),
        ("lectures a week", "lectures_a_week"),
        ("minutes each", "minutes_a_lecture"),
        ("Mbit/s of a recording", "megabits_a_second"),
        ("months that lectures are kept", "months_kept"),
        ("lectures a student watches a week", "views_a_student_week"),
        ("answer sheets a student a week", "sheets_a_student_week"),
        ("messages a student a month", "messages_a_student_month"),
        ("pages for other AI kinds a week", "ai_pages_a_week"),
        ("API requests a student a day", "requests_a_student_day"),
        ("times a week that work comes to a sleeping pool", "batches_a_week"),
        ("times a month that a GPU is wanted", "gpu_sessions_a_month"),
        ("hours it then works", "gpu_hours_a_session"),
    ):
        values = [f"{getattr(bill.use, field):,g}" for bill in bills.values()]
        rows.append(f"| {label} | {' | '.join(values)} |")
    notes = f"""
A minute of lecture is encoded in {ENCODE_SECONDS_A_MINUTE:g} seconds of one core (the source *lec*
of the [benchmarks](../benchmarks.md#what-came-out), as decided). The recording is kept; the largest
rung is a copy of it, and the smaller ones take {SMALLER_RUNGS_GB_AN_HOUR:g} GB an hour.
{SHEETS_A_SECOND:g} photographed sheets are read a second. A pool's task is paid for
{LINGERS_HOURS * 60:g} minutes around each batch of work, a GPU host for
{GPU_LINGERS_HOURS * 60:g}.
"""
    return "\n".join([*rows, notes])


def _bill(name: str, bill: Bill) -> str:
    rows = [f"## `{name}`: {bill.total:,.0f} USD a month", ""]
    rows += ["| | | how much | USD |", "| --- | --- | --- | ---: |"]
    last = ""
    for line in bill.lines:
        part = line.part if line.part != last else ""
        rows.append(f"| {part} | {line.what} | {line.quantity} | {line.usd:,.2f} |")
        last = line.part
    return "\n".join([*rows, f"| **Sum** | | | **{bill.total:,.2f}** |", ""])


def _price_table() -> str:
    rows = ["| what | USD | | of | page |", "| --- | ---: | --- | --- | --- |"]
    for price in prices().values():
        host = price.source.removeprefix("https://").split("/", 1)[0]
        page_link = f"[{host}]({price.source})"
        rows.append(f"| {price.what} | {price.usd:g} | {price.how} | {price.date} | {page_link} |")
    return "\n".join([*rows, ""])
