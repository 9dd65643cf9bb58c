"""Micro-batches: rows of like length together, and fewer at once where memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from academy.jobs.errors import TransientError

log = logging.getLogger(__name__)

T = TypeVar("T")

#: How torch says on the CPU that an allocation failed; it has no class of its own there.
_CPU_SIGNS: Final = ("DefaultCPUAllocator", "can't allocate memory", "not enough memory")


def run(
    lengths: Sequence[int],
    compute: Callable[[list[int]], Sequence[T]],
    *,
    most_rows: int,
    most_cells: int,
    release: Callable[[], None] | None = None,
) -> list[T]:
    """``compute`` over every row, longest first, in the order of ``lengths``.

    ``compute`` is given the indices of one batch: at most ``most_rows``, and at most
    ``most_cells`` once padded to the longest. A batch that runs out of memory is halved, and so are
    the ones after it; ``release`` is called before each new try. Raises
    TransientError(model_out_of_memory) where a single row does not fit.
    """
    # The longest first: what does not fit shows at once, and not after an hour.
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    found: dict[int, T] = {}
    rows = most_rows
    at = 0
    while at < len(order):
        fitting = max(1, most_cells // max(1, lengths[order[at]]))
        batch = order[at : at + min(rows, fitting)]
        try:
            made = compute(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(batch) == 1:
                raise TransientError("model_out_of_memory") from error
            rows = max(1, len(batch) // 2)
            log.warning("a batch of %d did not fit into memory; now %d", len(batch), rows)
            made = None
        if made is None:
            # Outside of the handler: its traceback would keep the tensors that must go.
            if release is not None:
                release()
            continue
        found.update(zip(batch, made, strict=True))
        at += len(batch)
    return [found[index] for index in range(len(lengths))]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on the GPU or on the host."""
    if isinstance(error, MemoryError):
        return True
    if any(base.__name__ == "OutOfMemoryError" for base in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _CPU_SIGNS)


def release_gpu(torch: Any) -> None:
    """Give back what torch's allocator keeps for later, so that a smaller batch finds it whole."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
