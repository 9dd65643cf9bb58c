"""The page about costs: computed from the table of prices, and complete."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from deploy.aws.costs import bill, page
from deploy.aws.costs.bill import Bill
from deploy.aws.stack.roles import table
from deploy.aws.stack.sizes import SIZES


def test_the_committed_page_is_what_the_prices_come_to() -> None:
    assert page.PAGE.read_text() == page.page(), "run: make costs"


def test_every_price_says_where_and_when_it_was_learnt() -> None:
    for name, price in bill.prices().items():
        assert price.usd > 0, name
        assert price.source.startswith("https://"), name
        assert price.how in ("list", "quoted", "memory"), name
        assert date.fromisoformat(price.date) <= date(2100, 1, 1), name
    content = yaml.safe_load(bill.PRICES.read_text())
    used = {row["source"] for row in content["prices"].values()}
    assert used == content["sources"].keys()


@pytest.mark.parametrize("size", SIZES)
def test_a_bill_has_every_role_and_no_line_for_nothing(size: str) -> None:
    lines = Bill(size).lines
    for role in table():
        if role.runs != "command":
            assert any(line.what.split(",")[0] == role.name for line in lines), role.name
    for word in ("RDS", "R2", "SQS", "alarms", "public addresses", "Workers", "to R2"):
        assert any(word in line.what for line in lines), word
    assert ("load balancer" in {line.what for line in lines}) == (size == "grow")
    assert all(line.usd >= 0 for line in lines)
    assert Bill(size).total == pytest.approx(sum(line.usd for line in lines))


def test_the_smallest_size_stays_what_one_academy_can_pay() -> None:
    start, grow = Bill("start").total, Bill("grow").total
    assert start < 250
    assert start < grow
    # Twenty times the students may not cost twenty times as much.
    assert grow < start * 20


def test_a_dearer_price_makes_a_dearer_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sum(Bill(size).total for size in SIZES)
    content = yaml.safe_load(bill.PRICES.read_text())
    for name, row in content["prices"].items():
        dearer = {**content["prices"], name: {**row, "usd": row["usd"] * 1000}}
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**content, "prices": dearer}))
        monkeypatch.setattr(bill, "PRICES", path)
        assert sum(Bill(size).total for size in SIZES) > before, f"{name} is in no bill"
