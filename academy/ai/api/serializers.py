"""Requests are validated by these; answers are only described by them (see present.py)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.ai.tiers import Tier, Unit
from academy.core.http.serializers import StrictCharField, StrictSerializer

TIERS = [tier.value for tier in Tier]
UNITS = [unit.value for unit in Unit]
CURRENCIES = ["KRW"]


class EstimateRequestSerializer(StrictSerializer):
    """A job that might be submitted."""

    kind = StrictCharField(max_length=64, help_text="One of `GET /ai/kinds`.")
    params = serializers.DictField(
        required=False, default=dict, help_text="As for `POST /jobs`; `tier` is the wish."
    )


class OfferedTierSerializer(serializers.Serializer[Any]):
    """A tier of a kind."""

    tier = serializers.ChoiceField(TIERS)
    unit_price = serializers.IntegerField(help_text="For one unit.")
    included = serializers.BooleanField(help_text="Whether your plan has it.")


class AiKindSerializer(serializers.Serializer[Any]):
    """A kind and its engines."""

    name = serializers.CharField()
    unit = serializers.ChoiceField(UNITS, help_text="What the price is for.")
    currency = serializers.ChoiceField(CURRENCIES)
    default_tier = serializers.ChoiceField(
        TIERS, allow_null=True, help_text="Without a wish; null where your plan lacks it."
    )
    tiers = OfferedTierSerializer(many=True)
    limits = serializers.DictField(
        child=serializers.IntegerField(), help_text="The most that one job takes, by what is meant."
    )


class AiKindsSerializer(serializers.Serializer[Any]):
    """All kinds, by name."""

    items = AiKindSerializer(many=True)


class EstimateSerializer(serializers.Serializer[Any]):
    """Where the job would run, and what it would cost."""

    kind = serializers.CharField()
    tier = serializers.ChoiceField(TIERS)
    unit = serializers.ChoiceField(UNITS)
    currency = serializers.ChoiceField(CURRENCIES)
    unit_price = serializers.IntegerField()
    units = serializers.IntegerField(
        allow_null=True, help_text="Null where only reading the file can tell."
    )
    price = serializers.IntegerField(allow_null=True, help_text="Of all units.")
