"""What the OpenAPI document says about opt-outs, consents and events, with examples."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiResponse, extend_schema

from academy.core.http.openapi import example
from academy.jobs.once import ONCE_PARAMETERS
from academy.messaging.api import answers, people_serializers

TAGS: Final = ["Messages"]
OPT_OUT: Final[dict[str, Any]] = {
    "id": "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0d1",
    "phone": "***-****-0014",
    "everything": False,
    "source": "person",
    "by": "key:front desk",
    "created_at": "2026-03-02T09:00:00.000Z",
}
CONSENT: Final[dict[str, Any]] = {
    "id": "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0d2",
    "phone": "***-****-0014",
    "at_night": False,
    "source": "입학 신청서",
    "given_at": "2026-03-02T09:00:00.000Z",
    "by": "key:front desk",
    "created_at": "2026-03-02T09:00:00.000Z",
}
EVENT: Final[dict[str, Any]] = {
    "event": "attendance",
    "occurrence": "2026-03-02 math-1 arrived",
    "students": [{"id": "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4", "variables": {"시각": "15:00"}}],
}

opt_out_list = extend_schema(
    operation_id="opt_out_list",
    tags=TAGS,
    parameters=[people_serializers.PeopleQuerySerializer],
    responses={
        200: OpenApiResponse(
            people_serializers.OptOutSerializer(many=True),
            "One page.",
            [example("An opt-out", OPT_OUT, response=True)],
        )
    },
)
opt_out_set = extend_schema(
    operation_id="opt_out_set",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS],
    request=people_serializers.OptOutCreateSerializer,
    examples=[example("No advertising", {"phone": "010-0000-0014"})],
    responses={201: OpenApiResponse(people_serializers.OptOutSerializer, "Noted.")},
)
opt_out_lift = extend_schema(
    operation_id="opt_out_lift", tags=TAGS, responses={204: OpenApiResponse(None, "Lifted.")}
)
consent_list = extend_schema(
    operation_id="consent_list",
    tags=TAGS,
    parameters=[people_serializers.PeopleQuerySerializer],
    responses={
        200: OpenApiResponse(
            people_serializers.ConsentSerializer(many=True),
            "One page.",
            [example("A consent", CONSENT, response=True)],
        )
    },
)
consent_give = extend_schema(
    operation_id="consent_give",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS],
    request=people_serializers.ConsentCreateSerializer,
    examples=[
        example("On paper", {"phone": "010-0000-0014", "source": "입학 신청서"}),
    ],
    responses={201: OpenApiResponse(people_serializers.ConsentSerializer, "Noted.")},
)
consent_withdraw = extend_schema(
    operation_id="consent_withdraw",
    tags=TAGS,
    responses={204: OpenApiResponse(None, "Withdrawn.")},
)
event_tell = extend_schema(
    operation_id="event_tell",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS],
    request=people_serializers.EventTellSerializer,
    examples=[example("A student came", EVENT)],
    responses={202: OpenApiResponse(answers.CampaignDetailSerializer, "Its campaign.")},
)
