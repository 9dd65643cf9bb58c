"""Every AI kind against its gate: each part in a process of its own, one table at the end.

    python -m deploy.local run --services-only -- python -m tests.perf.ai --only ocr sheets

A part is a module beside this one with ``measure(size)``; answer sheets are `tests.perf.sheets`.
What each part said is kept in ``bench-out/ai``. Ends with 1 where a gate is missed; what cannot be
measured on a machine is said, and misses nothing.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tests.perf.ai
from academy.core import clock

ROOT: Final = Path(__file__).resolve().parents[3]
KEPT: Final = ROOT / "bench-out" / "ai"
OMRCHECKER_PER_SECOND: Final = 200 / 60
"""What OMRChecker's README publishes: 200 sheets a minute."""
LONGEST_SECONDS: Final = 3_600

Found = Mapping[str, Any]


@dataclass(frozen=True)
class Gate:
    """One figure that must be reached: at least ``bound``, or at most with ``ceiling``."""

    name: str
    seen: float
    bound: float
    ceiling: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.seen <= self.bound if self.ceiling else self.seen >= self.bound

    def row(self) -> tuple[str, str, str, str]:
        """For the table."""
        sign = "<=" if self.ceiling else ">="
        return (
            self.name,
            f"{sign} {self.bound:g}",
            f"{self.seen:.4g}",
            "met" if self.met else "MISSED",
        )


@dataclass(frozen=True)
class Part:
    """How one module is asked, and what its answer is held to."""

    size: int
    gates: Callable[[Found], Iterator[Gate]]
    speed: Callable[[Found], str]
    module: str = ""
    more: Callable[[], tuple[Any, ...]] = tuple
    """What the module is told besides the size."""

    def measure(self, name: str, size: int | None) -> dict[str, Any]:
        """The module's own figures."""
        module = importlib.import_module(self.module or f"tests.perf.ai.{name}")
        found: dict[str, Any] = module.measure(size or self.size, *self.more())
        return found


def _ocr(found: Found) -> Iterator[Gate]:
    sets = found["sets"]
    yield Gate("characters wrong, clean pages", sets["clean"]["cer"], 0.04, ceiling=True)
    yield Gate("with spaces", sets["clean"]["cer_with_spaces"], 0.06, ceiling=True)
    yield Gate("characters wrong, photographs", sets["photo"]["cer"], 0.06, ceiling=True)


def _segmentation(found: Found) -> Iterator[Gate]:
    for name, bound in (("text", 0.98), ("scan", 0.9)):
        yield Gate(f"precision at IoU .8, {name}", found["sets"][name]["precision"], bound)
        yield Gate(f"recall at IoU .8, {name}", found["sets"][name]["recall"], bound)


def _matchup(found: Found) -> Iterator[Gate]:
    yield Gate("recall@5", _mean_of(found["recall@5"]), 0.95)
    yield Gate("cosine of what is stored", found["stored cosine, least"], 0.999)


def _mean_of(value: Any) -> float:
    """A figure, or the mean of one by change: the kind has one gate over all of them."""
    if isinstance(value, Mapping):
        return float(value["all"] if "all" in value else sum(value.values()) / len(value))
    return float(value)


def _homework(found: Found) -> Iterator[Gate]:
    yield Gate("page count exact", found["page_count_exact"], 1)
    yield Gate("ink order monotone", found["ink_order_monotone"], 1)


def _speech(found: Found) -> Iterator[Gate]:
    sets = found["sets"].values()
    worst = max((one["max"] for one in sets if one["max"] is not None), default=float("inf"))
    yield Gate("worst boundary, s", worst, found["gate_seconds"], ceiling=True)
    yield Gate("recordings not paired", sum(one["unpaired"] for one in sets), 0, ceiling=True)


def _embedding(found: Found) -> Iterator[Gate]:
    yield Gate("cosine between dtypes", found["least_cosine_of_dtypes"], 0.999)


def _digits(found: Found) -> Iterator[Gate]:
    yield Gate("digits right", found["accuracy"], 0.98)


def _tables(found: Found) -> Iterator[Gate]:
    for name, one in found["formats"].items():
        yield Gate(f"resident memory, MB, {name}", one["rss_mb"], 60, ceiling=True)
        yield Gate(f"values that came back, {name}", one["same"], 1)


def _sheets(found: Found) -> Iterator[Gate]:
    clean = found["clean_scan/clean"]
    yield Gate("clean scans right", clean["accuracy"], 0.995)
    yield Gate("sheets/s a core, clean scans", clean["sheets_per_core_second"], 30)
    hard = [one["accuracy"] for name, one in found.items() if name.endswith("/hard")]
    yield Gate("hard marks right, worst set", min(hard), 0.97)
    silent = sum(one["silent_errors"] for one in found.values())
    yield Gate("silent errors", silent, 0, ceiling=True)
    yield Gate("to review, clean scans", clean["review_rate"], 0.01, ceiling=True)
    yield Gate(
        "to review, hard photographs", found["hard_photo/hard"]["review_rate"], 0.15, ceiling=True
    )


def _network() -> tuple[Path | None]:
    from academy.sheets.network import WEIGHTS  # noqa: PLC0415 - this part alone needs it

    return (WEIGHTS if WEIGHTS.exists() else None,)


def _by_set(unit: str, key: str) -> Callable[[Found], str]:
    def said(found: Found) -> str:
        return ", ".join(f"{name} {one[key]} {unit}" for name, one in found["sets"].items())

    return said


def _sheets_speed(found: Found) -> str:
    rate = found["clean_scan/clean"]["sheets_per_core_second"]
    return (
        f"{rate} clean sheets/s, {rate / OMRCHECKER_PER_SECOND:.1f} times what OMRChecker publishes"
    )


def _embedding_speed(found: Found) -> str:
    best = max(found["rows"], key=lambda row: float(row["per_second"]))
    return f"{best['per_second']:.0f} texts/s ({best['dtype']}, batch {best['batch']})"


def _tables_speed(found: Found) -> str:
    return ", ".join(
        f"{name} {one['rows_per_second']} rows/s" for name, one in found["formats"].items()
    )


PARTS: Final[Mapping[str, Part]] = {
    "sheets": Part(40, _sheets, _sheets_speed, "tests.perf.sheets", _network),
    "ocr": Part(15, _ocr, _by_set("pages/s", "pages_per_second")),
    "segmentation": Part(10, _segmentation, _by_set("pages/s", "pages_per_second")),
    "matchup": Part(900, _matchup, lambda found: f"{found['texts per core second']} texts/s"),
    "embedding": Part(320, _embedding, _embedding_speed),
    "homework": Part(
        12, _homework, lambda found: f"{found['video_seconds_per_core_second']} s of video/s"
    ),
    "speech": Part(
        10, _speech, lambda found: f"{found['times_real_time_per_core']} times real time"
    ),
    "digits": Part(500, _digits, lambda found: f"{found['boxes_per_second']} answers/s"),
    "tables": Part(100_000, _tables, _tables_speed),
}


def parts_here() -> list[str]:
    """The parts that this checkout has. Raises LookupError for a module without gates."""
    modules = {
        one.name for one in pkgutil.iter_modules(tests.perf.ai.__path__) if one.name != "__main__"
    }
    if forgotten := sorted(modules - set(PARTS)):
        raise LookupError(f"no gates for {', '.join(forgotten)}: name them in {__name__}.PARTS")
    return [name for name, part in PARTS.items() if part.module or name in modules]


def run(name: str, size: int | None) -> dict[str, Any]:
    """One part in a process of its own; what it could not do stands in ``error``."""
    command = [sys.executable, "-m", "tests.perf.ai", "--measure", name]
    began = time.monotonic()
    done = subprocess.run(
        [*command, *(["--size", str(size)] if size else [])],
        cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False,
    )  # fmt: skip
    outcome: dict[str, Any] = {"seconds": round(time.monotonic() - began, 1)}
    if done.returncode:
        return outcome | {"error": (done.stderr.strip().splitlines() or ["no word"])[-1]}
    return outcome | {"found": json.loads(done.stdout.splitlines()[-1])}


def _measured(name: str, size: int | None) -> None:
    """In the part's process: the last line is its answer."""
    import django  # noqa: PLC0415 - a part that needs no settings runs without

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    django.setup()
    from academy.inference import device  # noqa: PLC0415 - after Django

    device.allow_gpu()
    found = PARTS[name].measure(name, size)
    sys.stdout.write(json.dumps(found, default=float) + "\n")


def _report(name: str, outcome: Mapping[str, Any]) -> tuple[list[tuple[str, ...]], bool]:
    """Rows of the table, and whether every gate that could be measured was met."""
    part, found = PARTS[name], outcome.get("found")
    if found is None:
        return [(name, "", "", "failed", str(outcome["error"]), "")], False
    if "why" in found:
        return [(name, "", "", "not measured", found["why"], "")], True
    gates = list(part.gates(found))
    speed, device = part.speed(found), str(found.get("device", "cpu"))
    rows: list[tuple[str, ...]] = []
    for number, gate in enumerate(gates):
        label, bound, seen, met = gate.row()
        first = number == 0
        rows.append((f"{name}: {label}", bound, seen, met, speed if first else "",
                     device if first else ""))  # fmt: skip
    return rows, all(gate.met for gate in gates)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """As Markdown, for the page of benchmarks."""
    heading = ("gate", "bound", "seen", "", "speed of one core", "device")
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> int:
    """Measure, print, keep; 1 where a gate is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.perf.ai", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", nargs="*", choices=sorted(PARTS), help="these parts")
    parser.add_argument("--size", type=int, help="of every part, instead of its own")
    parser.add_argument("--measure", choices=sorted(PARTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        _measured(options.measure, options.size)
        return 0
    KEPT.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, ...]] = []
    met = True
    for name in options.only or parts_here():
        sys.stderr.write(f"{name} ...\n")
        outcome = run(name, options.size)
        kept = {"at": clock.now().isoformat(timespec="seconds"), "part": name,
                "machine": f"{platform.machine()}, {os.cpu_count()} cores", **outcome}  # fmt: skip
        (KEPT / f"{name}.json").write_text(json.dumps(kept, indent=2, ensure_ascii=False))
        more, passed = _report(name, outcome)
        rows += more
        met = met and passed
        sys.stderr.write(f"  {outcome['seconds']} s, {'as it should' if passed else 'MISSED'}\n")
    sys.stdout.write(_table(rows) + "\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
