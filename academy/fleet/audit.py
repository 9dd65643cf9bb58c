"""The record of what operators did. Written in the transaction of the deed itself."""

from __future__ import annotations

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
