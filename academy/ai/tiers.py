"""The tiers: which engine of a kind a job runs on. A policy, decided once, when it is submitted.

A wish that cannot be met is refused, never met by another tier: what a client pays for is what
runs. Nothing moves a stored job to another tier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from academy.core.errors import AppError
from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, Params, register
from academy.tenants.models import Tenant
from academy.tenants.quotas import tiers_of


class Tier(StrEnum):
    """A class of engines, and of hosts; each has a queue of its own."""

    LITE = "lite"
    BASIC = "basic"
    PREMIUM = "premium"

    @property
    def queue(self) -> str:
        """The queue whose workers have the tier's engines."""
        return f"ai-{self.value}"


class Unit(StrEnum):
    """What is counted for the price."""

    PAGE = "page"
    ITEM = "item"
    MINUTE = "minute"


class TieredParams(Params):
    """Base of the parameters of every kind that has an offer."""

    tier: Tier | None = Field(
        default=None,
        description="Wanted tier; null: the kind's default. Refused, never replaced, where the "
        "kind or the plan lacks it.",
    )


Count = Callable[[UUID, Any], int | None]
"""Units of a job before it runs, from its tenant and parameters; None: only reading can tell."""


def _unknown(_tenant_id: UUID, _params: Any) -> int | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A kind as it is sold: its tiers with their prices in KRW a unit, and its limits."""

    kind: str
    unit: Unit
    prices: Mapping[Tier, int]
    default: Tier
    limits: Mapping[str, int] = field(default_factory=dict)
    units: Count = _unknown

    @property
    def queue(self) -> str:
        """For KindSpec: where it runs by default."""
        return self.default.queue

    @property
    def other_queues(self) -> tuple[str, ...]:
        """For KindSpec: where else it has an engine."""
        return tuple(tier.queue for tier in self.prices if tier is not self.default)

    def spec(
        self,
        *,
        params: type[TieredParams],
        handler: str,
        result: type[BaseModel],
        timeout_seconds: int,
        version: int = 1,
        bucket: Bucket = Bucket.AI,
        **more: Any,
    ) -> KindSpec[Any]:
        """Register the kind that is sold so; ``more`` is what else `KindSpec` takes."""
        return register(
            KindSpec(
                name=self.kind,
                version=version,
                queue=self.queue,
                tiers=self.other_queues,
                route=self.route,
                params=params,
                handler=handler,
                bucket=bucket.value,
                timeout_seconds=timeout_seconds,
                result=result,
                **more,
            )
        )

    def allowed(self, tenant: Tenant | UUID) -> list[Tier]:
        """The tiers of the kind that the tenant's plan includes."""
        included = tiers_of(tenant)
        return [tier for tier in self.prices if tier in included]

    def tier_for(self, tenant: Tenant | UUID, wish: Tier | None) -> Tier:
        """The tier of one job. Raises AppError: tier_not_offered, tier_not_in_plan."""
        tier = self.default if wish is None else wish
        if tier not in self.prices:
            raise AppError(
                "tier_not_offered", kind=self.kind, tier=tier.value, offered=", ".join(self.prices)
            )
        included = tiers_of(tenant)
        if tier not in included:
            raise AppError("tier_not_in_plan", tier=tier.value, allowed=", ".join(included))
        return tier

    def route(self, tenant_id: UUID, params: TieredParams) -> str:
        """For KindSpec: the queue of one job. Raises what `tier_for` raises."""
        return self.tier_for(tenant_id, params.tier).queue
