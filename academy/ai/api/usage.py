"""What language models have cost an academy this month, over REST."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.ai.api.docs import TAGS
from academy.ai.language import spending
from academy.ai.language.models import ServiceName
from academy.ai.language.money import shown
from academy.core.http.openapi import answer
from academy.core.http.serializers import NothingSerializer, parse_query
from academy.core.http.values import instant
from academy.settings.language import CURRENCIES as _CURRENCIES
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

SERVICES: Final = [service.value for service in ServiceName]
CURRENCIES: Final = list(_CURRENCIES)
_EXAMPLE: Final[dict[str, Any]] = {
    "begins_at": "2026-02-28T15:00:00.000Z",
    "ends_at": "2026-03-31T15:00:00.000Z",
    "currency": "KRW",
    "budget": "50000",
    "spent": "1204.5312",
    "unsettled": "12.4",
    "left": "48795.4688",
    "models": [
        {
            "service": "chat",
            "model": "a-model",
            "calls": 61,
            "lost": 1,
            "tokens_read": 40210,
            "tokens_written": 72800,
            "seconds": 0.0,
            "amount": "1204.5312",
        }
    ],
}


class ModelUsageSerializer(serializers.Serializer[Any]):
    """What one model cost."""

    service = serializers.ChoiceField(SERVICES)
    model = serializers.CharField()
    calls = serializers.IntegerField(help_text="Made, lost or under way.")
    lost = serializers.IntegerField(
        help_text="Whose answer never came: counted at the most that they can cost."
    )
    tokens_read = serializers.IntegerField()
    tokens_written = serializers.IntegerField()
    seconds = serializers.FloatField(help_text="Of sound.")
    amount = serializers.CharField(help_text="A decimal number of the currency.")


class LanguageUsageSerializer(serializers.Serializer[Any]):
    """The present month, in Korean time."""

    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    currency = serializers.ChoiceField(CURRENCIES)
    budget = serializers.CharField(help_text="Most that the academy may spend; 0: nothing is set.")
    spent = serializers.CharField(help_text="With what is reserved by calls that are under way.")
    unsettled = serializers.CharField(
        help_text="Of it, what is reserved by calls under way, or that never came back."
    )
    left = serializers.CharField()
    models = ModelUsageSerializer(many=True)


class LanguageUsageView(APIView):
    """The month."""

    required_scopes = {"GET": Scope.TENANT_READ}

    @extend_schema(
        operation_id="ai_usage",
        tags=TAGS,
        responses={
            200: answer(LanguageUsageSerializer, "The month so far.", "One model", _EXAMPLE)
        },
    )
    def get(self, request: Request) -> Response:
        """What language models have cost your academy this month, and what is left to spend.

        By the prices that the operator has configured; what `ai.*` jobs are sold for is in
        `GET /ai/kinds`.
        """
        parse_query(request, NothingSerializer, also=frozenset())
        month = spending.month_of_tenant(principal_of(request).tenant.pk)
        return Response(_body(month))


def _body(month: spending.Month) -> dict[str, Any]:
    return {
        "begins_at": instant(month.begins_at),
        "ends_at": instant(month.ends_at),
        "currency": month.currency,
        "budget": shown(month.room.limit),
        "spent": shown(month.room.spent),
        "unsettled": shown(month.open_micro),
        "left": shown(month.room.left),
        "models": [
            {
                "service": one.service,
                "model": one.model,
                **{name: value for name, value in one.sums.items() if name != "currency"},
            }
            for one in month.models
        ],
    }
