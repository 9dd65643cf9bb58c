"""What the text encoder does in a second: by batch size and dtype, against one text at a time.

    python -m tests.perf.ai.embedding --size 640

Wants MODEL_REGISTRY (`make models`). Prints a table and, last, all of it as one JSON object. The
texts are made up, 8 to 40 Korean words each. ``per_cpu_second`` is of all threads together, and
changes little when the machine is busy with something else; ``per_second`` is what a clock shows.
On a GPU host it measures the GPU; figures of a GPU are never guessed from those of a CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import django
import numpy as np

_WORDS = re.findall(
    r"\S+",
    """
    이차방정식 일차함수 그래프 넓이 구하시오 삼각형 원의 중심 확률 경우의 수 미분 적분 수열 극한
    벡터 좌표 직선 기울기 다음 중 옳은 것은 광합성 중화 전류 저항 지진 유전 문장 시제 조선 고려
    산업 혁명 수요 공급
    """,
)
_BATCHES = (1, 8, 32, 128)
#: One text at a time is so slow that fewer of them tell as much.
_SINGLE_SHARE = 8


def texts(size: int, seed: int = 20_261_124) -> list[str]:
    """Made-up problems of like lengths as real ones."""
    draw = random.Random(seed)
    return [" ".join(draw.choice(_WORDS) for _ in range(draw.randint(8, 40))) for _ in range(size)]


def measure(size: int) -> dict[str, Any]:
    """Texts a second and a CPU second by dtype and batch size, and how near the dtypes are."""
    from academy.inference import registry, runtime, text  # noqa: PLC0415 - after Django
    from academy.inference.text import encoding  # noqa: PLC0415
    from academy.inference.text.network import Network  # noqa: PLC0415

    began = time.perf_counter()
    chosen = text.encoder()
    loaded_seconds = time.perf_counter() - began
    torch = runtime.torch()
    tensors = encoding._tensors(registry.path(chosen.model["name"]))
    wanted = texts(size)
    vectors: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    for dtype in (torch.float32, torch.bfloat16):
        network = Network(tensors, chosen.device, dtype)
        encoder = text.Encoder(network, chosen._tokenizer, chosen.model, chosen.device)
        name = str(dtype).removeprefix("torch.")
        rows += [{"dtype": name, **row} for row in _by_batch(encoder, wanted)]
        vectors[name] = encoder.encode(wanted, role="passage")
    single = {row["dtype"]: row["per_cpu_second"] for row in rows if row["batch"] == 1}
    for row in rows:
        row["gain"] = row["per_cpu_second"] / single[row["dtype"]]
    near = np.sum(vectors["float32"] * vectors["bfloat16"], axis=1)
    return {
        "model": chosen.model,
        "device": chosen.device,
        "dtype": str(encoding.dtype_for(torch, chosen.device)).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "load_seconds": loaded_seconds,
        "texts": size,
        "least_cosine_of_dtypes": float(near.min()),
        "rows": rows,
    }


def _by_batch(encoder: Any, wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    from academy.inference.text import encoding  # noqa: PLC0415

    usual = dict(encoding._ROWS), dict(encoding._CELLS)
    try:
        for batch in _BATCHES:
            encoding._ROWS[encoder.device] = batch
            encoding._CELLS[encoder.device] = 1 << 30
            some = wanted[: max(1, len(wanted) // (_SINGLE_SHARE if batch == 1 else 1))]
            encoder.encode(some[:batch], role="passage")
            wall, cpu = time.perf_counter(), time.process_time()
            encoder.encode(some, role="passage")
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            yield {
                "batch": batch,
                "per_second": len(some) / wall,
                "per_cpu_second": len(some) / cpu,
            }
    finally:
        encoding._ROWS.update(usual[0])
        encoding._CELLS.update(usual[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.ai.embedding", description=__doc__)
    parser.add_argument("--size", type=int, default=640, help="texts")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    django.setup()
    from academy.inference import device  # noqa: PLC0415 - after Django

    device.allow_gpu()
    found = measure(options.size)
    print(f"{found['model']['name']} on {found['device']}, {found['threads']} threads")
    print(f"{'dtype':10} {'batch':>6} {'texts/s':>9} {'texts/CPU s':>12} {'gain':>6}")
    for row in found["rows"]:
        print(
            f"{row['dtype']:10} {row['batch']:6} {row['per_second']:9.1f}"
            f" {row['per_cpu_second']:12.1f} {row['gain']:6.2f}"
        )
    print(f"least cosine between the dtypes: {found['least_cosine_of_dtypes']:.5f}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
