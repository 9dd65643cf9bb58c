"""Micro-batches: order, sizes, and what happens when memory runs out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.inference import batches
from academy.jobs.errors import TransientError


def out_of_memory() -> RuntimeError:
    """The class that torch raises on a GPU; the one on a CPU is below."""
    torch = pytest.importorskip("torch")
    error: RuntimeError = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    return error


@given(
    lengths=st.lists(st.integers(0, 600), max_size=60),
    rows=st.integers(1, 16),
    cells=st.integers(1, 2_000),
)
def test_every_row_comes_back_in_its_place_and_no_batch_is_too_large(
    lengths: list[int], rows: int, cells: int
) -> None:
    seen: list[list[int]] = []

    def compute(batch: list[int]) -> list[int]:
        seen.append(batch)
        return [index * 10 for index in batch]

    made = batches.run(lengths, compute, most_rows=rows, most_cells=cells)

    assert made == [index * 10 for index in range(len(lengths))]
    for batch in seen:
        assert len(batch) <= rows
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or len(batch) * longest <= cells
    flat = [lengths[index] for batch in seen for index in batch]
    assert flat == sorted(lengths, reverse=True)


def test_a_batch_that_does_not_fit_is_halved_and_so_are_those_after_it() -> None:
    sizes: list[int] = []
    released: list[int] = []

    def compute(batch: list[int]) -> list[int]:
        sizes.append(len(batch))
        if len(batch) > 4:
            raise out_of_memory()
        return batch

    made = batches.run(
        [7] * 20,
        compute,
        most_rows=16,
        most_cells=10_000,
        release=lambda: released.append(len(sizes)),
    )

    assert made == list(range(20))
    assert sizes == [16, 8, 4, 4, 4, 4, 4]
    assert released == [1, 2]


def test_a_single_row_that_does_not_fit_is_tried_again_later() -> None:
    sizes: list[int] = []

    def compute(batch: list[int]) -> list[int]:
        sizes.append(len(batch))
        raise out_of_memory()

    with pytest.raises(TransientError) as caught:
        batches.run([7] * 8, compute, most_rows=8, most_cells=10_000)

    assert caught.value.code == "model_out_of_memory"
    assert sizes == [8, 4, 2, 1]


def test_another_error_is_no_lack_of_memory() -> None:
    calls: list[int] = []

    def compute(batch: list[int]) -> list[int]:
        calls.append(len(batch))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        batches.run([7] * 8, compute, most_rows=8, most_cells=10_000)
    assert calls == [8]


def test_what_torch_itself_raises_on_a_cpu_is_known() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert batches.is_out_of_memory(caught.value)
    assert batches.is_out_of_memory(MemoryError())
    assert not batches.is_out_of_memory(RuntimeError("something else"))
