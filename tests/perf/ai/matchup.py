"""``python -m tests.perf.ai.matchup``: how well problems are found, and what exact search costs.

    python -m deploy.local run --services-only -- python -m tests.perf.ai.matchup \
        --questions 900 --rows 20000 200000

Questions are of the held-out families, of seeds that no test uses; the baseline is character
trigrams. Searches are timed over stored vectors in PostgreSQL: read for the search, and kept by the
process; memory is by how much the process grew. Prints one JSON object at the end.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import django
import numpy as np
import psutil

_SEED = 700_001
_ENCODED = 256
_QUERIES = 20
_BATCH = 5_000
MIB = 1 << 20


def measure(size: int) -> dict[str, Any]:
    """Recall at 1 and 5 by change, hits at the default threshold, and texts a core second.

    ``size`` is the least number of questions. Needs the encoder, and no service.
    """
    from academy.ai.matchup.params import MIN_SCORE  # noqa: PLC0415 - needs Django
    from academy.inference import text  # noqa: PLC0415
    from academy.problems.search import decoded, encoded  # noqa: PLC0415
    from tests.support.matchup import hit_rates, recall, trigram_scores  # noqa: PLC0415

    encoder = text.encoder()
    encoder.encode(["데우기"], role="query")
    found: list[dict[str, Any]] = []
    texts, worst, spent = 0, 1.0, 0.0
    for given in _sets(size):
        began = time.process_time()
        bank = encoder.encode(given.bank, role="passage")
        asked = encoder.encode([one.text for one in given.asked], role="query")
        spent += time.process_time() - began
        texts += len(bank) + len(asked)
        stored = decoded(b"".join(encoded(bank)))
        worst = min(worst, float(np.sum(stored * bank, axis=1).min()))
        scores = asked @ stored.T
        naive = trigram_scores([one.text for one in given.asked], given.bank)
        hit, false_hit = hit_rates(scores, given, MIN_SCORE)
        found.append(
            {
                "recall@1": recall(scores, given, 1),
                "recall@5": recall(scores, given, 5),
                "trigrams recall@1": recall(naive, given, 1),
                "trigrams recall@5": recall(naive, given, 5),
                "hit": hit,
                "false hit": false_hit,
            }
        )
    return {
        "model": dict(encoder.model),
        "device": encoder.device,
        "sets": len(found),
        **_mean(found),
        "min_score": MIN_SCORE,
        "stored cosine, least": round(worst, 6),
        "texts per core second": round(texts / spent, 1),
    }


def _sets(size: int) -> Iterator[Any]:
    from tests.support.matchup import Split, made  # noqa: PLC0415 - needs Django

    asked, seed = 0, _SEED
    while asked < size:
        given = made(Split.HELD_OUT, seed)
        asked, seed = asked + len(given.asked), seed + 1
        yield given


def _mean(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for name, first in found[0].items():
        if isinstance(first, dict):
            means[name] = _mean([one[name] for one in found])
        else:
            means[name] = round(float(np.mean([one[name] for one in found])), 4)
    return means


@dataclass(frozen=True)
class _Bank:
    tenant: Any
    model: Any
    rows: int


def search_costs(rows: int) -> dict[str, Any]:
    """What one search over so many vectors of one academy costs. Needs PostgreSQL."""
    from academy.problems.search import CACHE_BYTES, Cache, search  # noqa: PLC0415 - needs Django
    from tests.support.problems import directions  # noqa: PLC0415

    bank = _stored(rows)
    queries = directions(_QUERIES, seed=2)
    costs: dict[str, Any] = {"rows": rows, "kept by default": rows * 800 <= CACHE_BYTES}
    for name, cache in (("streamed", Cache(0)), ("kept", Cache(1 << 40))):

        def once(count: int, cache: Cache = cache) -> None:
            search(bank.tenant.pk, bank.model, queries[:count], most=5, cache=cache)

        before = _rss()
        first = _timed(lambda: once(1), 1)
        costs[name] = {
            "first": first,
            "one question": _timed(lambda: once(1), 5),
            f"{_QUERIES} questions": _timed(lambda: once(_QUERIES), 5),
            "growth MiB": round((_rss() - before) / MIB, 1),
        }
    return costs


def _stored(rows: int) -> _Bank:
    from academy.problems import limits, services  # noqa: PLC0415 - needs Django
    from tests.support.jobs import make_tenant  # noqa: PLC0415
    from tests.support.problems import collection, directions, indexed, model  # noqa: PLC0415

    tenant, by = make_tenant(), model()
    own = None
    for start in range(0, rows, _BATCH):
        if start % limits.MAX_IN_COLLECTION == 0:
            own = collection(tenant)
        assert own is not None
        count = min(_BATCH, rows - start)
        new = [services.NewProblem(text="문제") for _ in range(count)]
        problems = services.problems_add(tenant=tenant, collection_id=own.pk, problems=new)
        indexed(tenant, by, problems, directions(count, seed=start))
    gc.collect()
    return _Bank(tenant, by, rows)


def _timed(work: Callable[[], None], times: int) -> dict[str, float]:
    """Medians of some runs: by the clock, and what this process computed, in milliseconds."""
    wall, cpu = [], []
    for _ in range(times):
        began, computed = time.perf_counter(), time.process_time()
        work()
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - computed) * 1000)
    return {
        "wall ms": round(float(np.median(wall)), 1), "cpu ms": round(float(np.median(cpu)), 1)
    }  # fmt: skip


def _rss() -> int:
    return int(psutil.Process(os.getpid()).memory_info().rss)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.perf.ai.matchup", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--questions", type=int, default=900, help="0: do not measure recall")
    parser.add_argument("--rows", type=int, nargs="*", default=[], help="vectors to search")
    options = parser.parse_args()
    django.setup()
    found: dict[str, Any] = {}
    if options.questions:
        found["recall"] = measure(options.questions)
    if options.rows:
        from django.core.management import call_command  # noqa: PLC0415 - needs Django

        call_command("migrate", verbosity=0)
        found["search"] = [search_costs(rows) for rows in options.rows]
    print(json.dumps(found, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
