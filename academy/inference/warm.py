"""Warm start: what a worker's process loads before anybody asks for it.

The first job of a process would else wait for seconds, at every start and after every lost child.
"""

from __future__ import annotations

import importlib
import logging
import threading
from typing import Final

from academy.inference.errors import NotConfiguredError
from academy.jobs.errors import JobError

log = logging.getLogger(__name__)

_LOADERS: Final[dict[str, list[str]]] = {"ai-premium": ["academy.inference.text:encoder"]}


def register(queue: str, loader: str) -> None:
    """Have the processes of a queue's workers call ``package.module:function`` as they start.

    Called where a domain registers its kinds; the module is imported in those processes only.
    """
    known = _LOADERS.setdefault(queue, [])
    if loader not in known:
        known.append(loader)


def start(queue: str) -> threading.Thread | None:
    """Load what is registered for a queue, in a thread; None where that is nothing.

    A job that comes meanwhile waits for the same load, and does not begin another.
    """
    loaders = list(_LOADERS.get(queue, ()))
    if not loaders:
        return None
    thread = threading.Thread(target=_load, args=(loaders,), name="warm-start", daemon=True)
    thread.start()
    return thread


def _load(loaders: list[str]) -> None:
    for loader in loaders:
        module, _, name = loader.partition(":")
        try:
            getattr(importlib.import_module(module), name)()
        except NotConfiguredError as error:
            log.info("warm start: %s", error)
        except JobError as error:
            log.warning("warm start: %s", error)
        except Exception:
            # The first job that needs it meets the same, and its row says so.
            log.exception("warm start: %s failed", loader)
