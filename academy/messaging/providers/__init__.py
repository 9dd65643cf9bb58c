"""Those who deliver messages, behind one port; which one it is, the operator says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from django.conf import settings

from academy.messaging.providers.local import ConsoleProvider, SandboxProvider
from academy.messaging.providers.nhn import NhnProvider
from academy.messaging.providers.nhn_reports import NAME as NHN
from academy.messaging.providers.port import Misconfigured, Provider
from academy.messaging.providers.solapi import NAME as SOLAPI
from academy.messaging.providers.solapi import SolapiProvider
from academy.settings.messaging import MessagingEnvironment

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
    env: MessagingEnvironment = settings.MESSAGING
    makers: dict[str, Callable[[], Provider]] = {
        ConsoleProvider.name: ConsoleProvider,
        SandboxProvider.name: lambda: SandboxProvider(env.sandbox_seed),
    }
    account = env.account
    if account is not None and env.provider == SOLAPI:
        makers[SOLAPI] = lambda: SolapiProvider(account, timeout_seconds=env.timeout_seconds)
    if account is not None and env.provider == NHN:
        makers[NHN] = lambda: NhnProvider(account, timeout_seconds=env.timeout_seconds)
    if name not in makers:
        raise Misconfigured("provider_misconfigured", f"{name} is not set up")
    return makers[name]
