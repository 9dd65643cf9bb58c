"""A run as a table for a person."""

from __future__ import annotations

from tests.chaos.naive import Outcome
from tests.chaos.run import Report

SHOWN = 8


def text(report: Report, control: Outcome | None) -> str:
    """The invariants, the figures, and the control beside them."""
    lines = [f"chaos, seed {report.seed}", ""]
    lines += [f"  {'':6} {'':8} {'checked':>8}  what must hold"]
    for line in report.lines:
        verdict = "holds" if line.holds else f"{len(line.wrong)} WRONG"
        lines.append(f"  {line.name:6} {verdict:8} {line.checked:>8}  {line.what}")
        lines += [f"  {'':16} {'':8} - {wrong}" for wrong in line.wrong[:SHOWN]]
    lines.append("")
    lines += [f"  {name:26} {_shown(value)}" for name, value in report.facts.items()]
    if control is not None:
        lines += ["", *_beside(report, control)]
    return "\n".join(lines)


def _beside(report: Report, control: Outcome) -> list[str]:
    facts = report.facts
    rows = [
        ("accepted", facts["jobs accepted"], control.accepted),
        ("lost or stuck", facts["lost or stuck"], control.lost),
        ("effects that happened twice", facts["effects sent twice"], control.effects_twice),
        ("kills", facts["SIGKILLs"], control.kills),
    ]
    head = f"  {'':28} {'this platform':>14} {'plain acks_late Celery':>24}"
    return [head, *(f"  {name:28} {ours:>14} {theirs:>24}" for name, ours, theirs in rows)]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key or 'open'}: {count}" for key, count in value.items())
    return str(value)
