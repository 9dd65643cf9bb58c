"""Alerts are valid PromQL over metrics that exist, and each has a page for whoever is woken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from django.core.management import get_commands

from academy.jobs.states import JobState
from academy.ops.deep.findings import FINDINGS
from academy.telemetry import metrics
from academy.telemetry.metrics import MetricType

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "deploy" / "runbooks"
HEADINGS = (
    "What it means for people",
    "How to see it",
    "Likely causes, the most likely first",
    "What to do",
    "How to know that it is over",
    "Never",
)
#: Prometheus's own; everything else is ours.
FOREIGN = {"up": {"job"}}
#: The values that a matcher may name, where a wrong one would match nothing for ever.
VALUES = {
    ("academy_jobs", "state"): {state.value for state in JobState},
    ("academy_job_events_total", "event"): {
        *(state.value for state in JobState),
        *("submitted", "taken_over", "cancel_requested"),
    },
    ("academy_job_failures_total", "state"): {"retry_wait", "failed", "dead"},
    ("academy_queue_messages", "state"): {"ready", "in_flight", "delayed"},
    ("academy_events_queue_messages", "state"): {"ready", "in_flight"},
    ("academy_workers", "state"): {"working", "paused", "draining", "drained"},
}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


RULES = {rule["alert"]: rule for rule in rules()}


def selectors(expression: str) -> list[Any]:
    """Every vector selector of an expression."""
    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), pre_visit=visit)
    return found


def metric_of(series: str) -> metrics.Metric | None:
    """The metric behind a series name; a histogram's series carry a suffix."""
    known = metrics.find(series)
    if known is not None:
        return known if known.type is not MetricType.HISTOGRAM else None
    for suffix in ("_bucket", "_count", "_sum"):
        known = metrics.find(series.removesuffix(suffix))
        if series.endswith(suffix) and known is not None and known.type is MetricType.HISTOGRAM:
            return known
    return None


def labels_of(series: str) -> set[str]:
    if series in FOREIGN:
        return FOREIGN[series]
    metric = metric_of(series)
    assert metric is not None, f"no metric {series}"
    return {*metric.labels, *(("le",) if series.endswith("_bucket") else ())}


def test_alerts_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) == len(RULES)
    assert len(names) >= 20


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_asks_only_for_what_the_page_of_metrics_shows(alert: str) -> None:
    found = selectors(RULES[alert]["expr"])

    assert found
    for selector in found:
        labels = labels_of(selector.name)
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels, (selector.name, matcher.name)
            known = VALUES.get((selector.name, matcher.name))
            if known is not None:
                assert set(matcher.value.split("|")) <= known, (selector.name, matcher.value)


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_groups_by_labels_that_its_metrics_have(alert: str) -> None:
    expression = RULES[alert]["expr"]
    available = set().union(*(labels_of(selector.name) for selector in selectors(expression)))

    for listed in re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", expression):
        for label in filter(None, (name.strip() for name in listed.split(","))):
            assert label in available, label


@pytest.mark.parametrize("alert", RULES)
def test_rates_are_taken_of_counters_and_changes_of_gauges(alert: str) -> None:
    wanted = {
        "rate": {MetricType.COUNTER, MetricType.HISTOGRAM},
        "increase": {MetricType.COUNTER, MetricType.HISTOGRAM},
        "delta": {MetricType.GAUGE},
        "deriv": {MetricType.GAUGE},
    }
    for function, types in wanted.items():
        for call in calls(promql_parser.parse(RULES[alert]["expr"]), function):
            for selector in selectors(str(call)):
                metric = metric_of(selector.name)
                assert metric is not None
                assert metric.type in types, (function, selector.name)


def calls(expression: Any, function: str) -> Iterator[Any]:
    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.Call) and node.func.name == function:
            found.append(node)

    promql_parser.walk(expression, pre_visit=visit)
    yield from found


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_says_in_both_languages_what_it_means(alert: str) -> None:
    rule = RULES[alert]
    told = rule["annotations"]

    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert promql_parser.parse_duration(rule["for"]).total_seconds() >= 60
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(told) == {"summary", "summary_ko", "description", "description_ko", "runbook"}
    for name in ("summary_ko", "description_ko"):
        assert re.search("[가-힣]", told[name]), name
    for name in ("summary", "description"):
        assert not re.search("[가-힣]", told[name]), name


@pytest.mark.parametrize("alert", RULES)
def test_texts_name_only_labels_that_the_result_keeps(alert: str) -> None:
    rule = RULES[alert]
    kept = result_labels(promql_parser.parse(rule["expr"]))

    for text in rule["annotations"].values():
        assert text.count("{{") == text.count("}}")
        for label in re.findall(r"\$labels\.(\w+)", text):
            assert label in kept, (label, kept)


def result_labels(node: Any) -> set[str]:
    """Labels that every sample of a result has."""
    if isinstance(node, promql_parser.VectorSelector):
        return labels_of(node.name)
    if isinstance(node, promql_parser.MatrixSelector):
        return labels_of(node.vector_selector.name)
    if isinstance(node, promql_parser.AggregateExpr):
        return set(node.modifier.labels) if node.modifier is not None else set()
    if isinstance(node, promql_parser.ParenExpr | promql_parser.SubqueryExpr):
        return result_labels(node.expr)
    if isinstance(node, promql_parser.Call):
        if node.func.name == "absent":
            return set()
        inner = set().union(*(result_labels(arg) for arg in node.args))
        return inner - {"le"} if node.func.name == "histogram_quantile" else inner
    if isinstance(node, promql_parser.BinaryExpr):
        left, right = result_labels(node.lhs), result_labels(node.rhs)
        return left & right if str(node.op) == "or" else left
    return set()


def page_of(alert: str) -> Path:
    return ROOT / RULES[alert]["annotations"]["runbook"]


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_has_a_page_of_its_name_with_every_heading(alert: str) -> None:
    page = page_of(alert)
    words = re.findall("[A-Z][a-z]+", alert.removeprefix("Academy"))

    assert page == RUNBOOKS / ("-".join(words).lower() + ".md")
    text = page.read_text()
    assert text.splitlines()[0].startswith("# ")
    assert f"`{alert}`" in text
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == HEADINGS
    for heading, body in sections(text).items():
        assert len(body.split()) >= 6, heading


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_page_belongs_to_an_alert() -> None:
    pages = {page for page in RUNBOOKS.glob("*.md") if page.name != "README.md"}
    # Nobody is called by an alert to restore a backup, and whoever deploys is there.
    without = {RUNBOOKS / "restore.md", RUNBOOKS / "deploy-failed.md"}
    assert pages == {page_of(alert) for alert in RULES} | without
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", (RUNBOOKS / "README.md").read_text()))
    assert listed == {page.name for page in pages}


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_cites_only_commands_metrics_and_files_that_exist(page: Path) -> None:
    text = page.read_text()

    for command in re.findall(r"manage\.py ([a-z_]+)", text):
        assert command in get_commands(), command
    for module in re.findall(r"python -m ([a-z_.]+)", text):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module
    for series in re.findall(r"\bacademy_[a-z_]+\b", text):
        assert series in metrics_and_series(), series
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (page.parent / link).exists(), link


def metrics_and_series() -> set[str]:
    names = {metric.name for metric in metrics.all_metrics()}
    return names | {f"{name}_{suffix}" for name in names for suffix in ("bucket", "count", "sum")}


def test_every_finding_of_the_deep_check_leads_to_a_page() -> None:
    for finding in FINDINGS.values():
        if finding.runbook:
            assert (ROOT / finding.runbook_path).exists(), finding.code
