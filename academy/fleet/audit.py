"""The record of what operators did. Written in the transaction of the deed itself."""

from __future__ import annotations

import getpass
import os
from typing import Any

from django.db.models import QuerySet

from academy.core import clock
from academy.fleet.models import OperatorAction


def record(*, by: str, action: str, target: str, reason: str = "", **data: Any) -> OperatorAction:
    """Note one deed; ``data`` is JSON without personal data."""
    return OperatorAction.objects.create(
        at=clock.now(), by=by, action=action, target=target, reason=reason, data=data
    )


def actions_on(target: str) -> QuerySet[OperatorAction]:
    """What was done to one thing, newest first."""
    return OperatorAction.objects.filter(target=target)


def command_user() -> str:
    """``by`` of a management command: the login it runs under."""
    try:
        return f"command:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container's user often has no name.
        return f"command:{os.getuid()}"
