"""What a long table costs: memory of the process that writes it, rows a second, what comes back.

    python -m tests.perf.ai.tables [rows]

Ten columns of text, numbers, days and money, from JSON lines; read back and compared, each cell.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from academy.documents.tables.opening import Table

_WRITE: Final = """
import json, sys, time
from pathlib import Path
from academy.tables.writer import write
request = json.loads(sys.argv[1])
began = time.process_time()
rows = write(request, Path(request["folder"]), lambda _: None)
spent = time.process_time() - began
(line,) = [one for one in open("/proc/self/status") if one.startswith("VmHWM")]
print(json.dumps({"rows": rows, "seconds": spent, "rss_mb": round(int(line.split()[1]) / 1024, 1)}))
"""
_HOLDS: Final = (
    "text",
    "number",
    "money",
    "text",
    "number",
    "money",
    "text",
    "text",
    "mark",
    "text",
)


def measure(size: int) -> dict[str, Any]:
    """Peak of resident memory (MB), rows a processor second, and the share that came back alike."""
    columns = [{"title": f"열{n}", "holds": holds} for n, holds in enumerate(_HOLDS)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for number in range(size):
                file.write(json.dumps(_row(number), ensure_ascii=False) + "\n")
        request = {"folder": folder, "path": str(path), "columns": columns}
        return {"rows": size, "formats": {
            name: _written({**request, "format": name, "name": f"table.{name}"}, size)
            for name in ("xlsx", "csv")
        }}  # fmt: skip


def _row(number: int) -> list[Any]:
    return [
        f"=김보기{number}"
        if holds == "text"
        else "출석"
        if holds == "mark"
        else number * (place + 1)
        for place, holds in enumerate(_HOLDS)
    ]


def _written(request: dict[str, Any], size: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, json.dumps(request)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = json.loads(done.stdout)
    rows = Table(Path(request["folder"]) / request["name"]).rows()
    next(rows)
    same = sum(
        [str(cell) for cell in row.cells] == [str(value) for value in _row(number)]
        for number, row in enumerate(rows)
    )
    return {
        "rss_mb": said["rss_mb"],
        "rows_per_second": round(said["rows"] / said["seconds"]),
        "same": same / size,
    }


def main() -> None:
    """Measure and print."""
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
