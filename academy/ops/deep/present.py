"""A report with its texts, as the API and the command show it."""

from __future__ import annotations

from typing import Any

from academy.ops.deep.findings import finding
from academy.ops.deep.report import PartResult, QueueResult, Report


def report_body(report: Report) -> dict[str, Any]:
    """JSON of a report: what was found, what it means and what to do, in both languages."""
    found = report.model_dump(mode="json")
    return {
        "id": found["id"],
        "verdict": report.verdict.value,
        "started_at": found["started_at"],
        "deadline_at": found["deadline_at"],
        "finished_at": found["finished_at"],
        "parts": [
            {**shown, **_texts(part)}
            for shown, part in zip(found["parts"], report.parts, strict=True)
        ],
        "queues": [
            {**shown, **_texts(queue)}
            for shown, queue in zip(found["queues"], report.queues, strict=True)
        ],
    }


def _texts(result: PartResult | QueueResult) -> dict[str, Any]:
    meant = finding(result.finding)
    return {
        "message": {lang: meant.message(lang, result.facts) for lang in ("ko", "en")},
        "action": {lang: meant.action(lang, result.facts) for lang in ("ko", "en")},
        "runbook": meant.runbook_path,
    }
