"""The committee in this process, on the device of this host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from academy.inference import loaded, runtime
from academy.sheets.network import COMMITTEE

if TYPE_CHECKING:
    from academy.sheets.network.committee import Committee

_NAME: Final = "omr-committee"
_NEEDED_BYTES: Final = 256 << 20


def committee() -> Committee:
    """Loaded once for a process. Raises PermanentError(model_runtime_missing)."""
    runtime.torch()
    # Only here: the module needs torch.
    from academy.sheets.network.committee import Committee  # noqa: PLC0415

    return loaded.get(_NAME, _NEEDED_BYTES, lambda on: Committee.load(COMMITTEE, device=on))
