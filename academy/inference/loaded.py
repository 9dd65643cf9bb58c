"""Models in memory: each loaded once for a process, by whoever asks first."""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from academy.core import clock
from academy.inference import device, memory

log = logging.getLogger(__name__)

T = TypeVar("T")


class _Loaded:
    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._of_one: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._models: dict[str, Any] = {}

    def get(self, name: str, needed_bytes: int, load: Callable[[device.Device], T]) -> T:
        with self._lock:
            one = self._of_one[name]
        with one:
            if name not in self._models:
                on = device.current()
                memory.require(name, needed_bytes, on)
                began = clock.monotonic()
                self._models[name] = load(on)
                log.info("model %s: loaded on %s in %.1f s", name, on, clock.monotonic() - began)
            found: T = self._models[name]
            return found


_loaded = _Loaded()


def get(name: str, needed_bytes: int, load: Callable[[device.Device], T]) -> T:
    """The model, loaded by ``load`` where this process has not yet; the others wait meanwhile.

    Raises UnsuitableHostError(model_needs_memory) where it does not fit, and what ``load`` raises;
    the next call then tries again.
    """
    return _loaded.get(name, needed_bytes, load)


def forget() -> None:
    """Drop every model: a forked child must load its own."""
    _loaded.forget()


os.register_at_fork(after_in_child=forget)
