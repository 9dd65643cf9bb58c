"""Those who deliver messages, behind one port; which one it is, the operator says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

from django.conf import settings

from academy.messaging.providers.local import ConsoleProvider
from academy.messaging.providers.port import Misconfigured, Provider

_made: dict[str, Provider] = {}
_lock: Final = threading.Lock()


def current() -> Provider:
    """The provider that new messages go to; one object a process, for all its threads."""
    return named(settings.MESSAGING_PROVIDER)


def named(name: str) -> Provider:
    """A provider by the name that stands in rows. Raises Misconfigured where it is not set up.

    A batch is asked about where it was sent, also after the operator has chosen another provider.
    """
    with _lock:
        found = _made.get(name)
        if found is None:
            found = _made[name] = _maker(name)()
    return found


def _maker(name: str) -> Callable[[], Provider]:
    makers: Mapping[str, Callable[[], Provider]] = {"console": ConsoleProvider}
    if name not in makers:
        raise Misconfigured("provider_misconfigured", f"{name} is not set up")
    return makers[name]
