"""The OpenAPI document: errors and scopes on every operation, said once."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers

from academy.core.errors import AppError, error_body

Direction = Literal["request", "response"]


class TextSerializer(serializers.Serializer[Any]):
    """A text in the two languages of the users."""

    ko = serializers.CharField()
    en = serializers.CharField()


class ErrorDetailSerializer(serializers.Serializer[Any]):
    """What went wrong: branch on `code`, show `message` and `action`."""

    code = serializers.CharField(help_text="Stable, snake_case.")
    message = TextSerializer(help_text="What happened.")
    action = TextSerializer(help_text="What the reader can do.")
    retryable = serializers.BooleanField(
        help_text="Whether the same request can succeed later without a change."
    )
    details = serializers.DictField(help_text="Parameters of the error, by code.")


class ErrorSerializer(serializers.Serializer[Any]):
    """The body of every answer that is not a success."""

    error = ErrorDetailSerializer()
    request_id = serializers.CharField(
        allow_null=True, help_text="Also in the X-Request-ID header; name it to the operator."
    )


def example(summary: str, value: Any, *, response: bool = False) -> OpenApiExample:
    """An example of a request body (or, with ``response``, of an answer)."""
    return OpenApiExample(
        summary.lower().replace(" ", "-"),
        summary=summary,
        value=value,
        request_only=not response,
        response_only=response,
    )


def answer(serializer: Any, description: str, summary: str, value: Any) -> OpenApiResponse:
    """An answer with one example of it."""
    return OpenApiResponse(serializer, description, [example(summary, value, response=True)])


class ApiSchema(AutoSchema):
    """Adds to each operation the error answer and the scope it needs."""

    def get_description(self) -> str:  # type: ignore[override]
        """The view's text, then the scope."""
        text: str = super().get_description() or ""
        scopes = getattr(self.view, "required_scopes", {})
        scope = scopes.get(self.method) if isinstance(scopes, dict) else None
        return f"{text}\n\nScope: `{scope}`".strip() if scope else text

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction=direction)
        component = self.resolve_serializer(ErrorSerializer, direction)
        # A body of ours with the right shape, so that the document never drifts from the code.
        shown = {
            "error": error_body("not_found", AppError("not_found").params),
            "request_id": "01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11",
        }
        responses.setdefault(
            "default",
            {
                "description": "Any error: the status says which kind, `error.code` which one.",
                "content": {"application/json": {"schema": component.ref, "example": shown}},
            },
        )
        return responses


class StrictInput(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Says of every request body what the parser does: other fields are refused."""

    target_class = "academy.core.http.serializers.StrictSerializer"
    match_subclasses = True
    priority = -1

    def map_serializer(self, auto_schema: Any, direction: Direction) -> dict[str, Any]:
        """The serializer's own schema, closed."""
        schema = auto_schema._map_basic_serializer(self.target, direction)  # noqa: SLF001
        return {**schema, "additionalProperties": False}
