"""Input that says exactly what it means: unknown fields and wrong JSON types are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

S = TypeVar("S", bound="serializers.Serializer[Any]")


class StrictMixin:
    """Refuses fields that the serializer does not have, or that only the server may set."""

    def to_internal_value(self, data: Any) -> Any:
        """Validate; an unknown field raises a ValidationError of code ``unknown_field``."""
        if isinstance(data, Mapping):
            fields = self.fields  # type: ignore[attr-defined]
            known = {name for name, field in fields.items() if not field.read_only}
            unknown = [name for name in data if name not in known]
            if unknown:
                detail = ErrorDetail("This field does not exist.", code="unknown_field")
                raise ValidationError({name: [detail] for name in unknown})
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictSerializer(StrictMixin, serializers.Serializer[Any]):
    """The base of every request body."""


class NothingSerializer(StrictSerializer):
    """A body or a query without fields: any is an error."""


class StrictCharField(serializers.CharField):
    """A JSON string; DRF's own field also takes numbers."""

    def to_internal_value(self, data: Any) -> str:
        """Accept a string and nothing else."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictRegexField(serializers.RegexField):
    """A JSON string of one form; DRF's own field also takes numbers."""

    def to_internal_value(self, data: Any) -> str:
        """Accept a string and nothing else."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictUUIDField(serializers.UUIDField):
    """A JSON string; DRF's own field also takes numbers."""

    def to_internal_value(self, data: Any) -> Any:
        """Accept a string and nothing else."""
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class StrictIntegerField(serializers.IntegerField):
    """A JSON integer; DRF's own field also takes "12" and true."""

    def to_internal_value(self, data: Any) -> int:
        """Accept an integer (or a float without a fraction, which JSON cannot tell apart)."""
        whole = isinstance(data, float) and data.is_integer()
        if isinstance(data, bool) or not (isinstance(data, int) or whole):
            self.fail("invalid")
        return super().to_internal_value(int(data))


class StrictBooleanField(serializers.BooleanField):
    """A JSON true or false; DRF's own field also takes "yes"."""

    def to_internal_value(self, data: Any) -> bool:
        """Accept a boolean and nothing else."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


def parse_body(request: Request, serializer: type[S]) -> dict[str, Any]:
    """The validated body of a request. Raises ValidationError."""
    bound = serializer(data=request.data, context={"request": request})
    bound.is_valid(raise_exception=True)
    return dict(bound.validated_data)


def parse_query(
    request: Request, serializer: type[S], *, also: frozenset[str] = frozenset({"cursor", "limit"})
) -> dict[str, Any]:
    """The validated query string; unknown and repeated parameters are refused.

    ``also`` names parameters that somebody else reads (the paginator). A list field takes
    repeated parameters.
    """
    given: dict[str, Any] = {}
    fields = serializer().fields
    for name, values in request.query_params.lists():
        if name in also:
            continue
        if isinstance(fields.get(name), serializers.ListField | serializers.MultipleChoiceField):
            given[name] = values
        elif len(values) > 1:
            detail = ErrorDetail("Given more than once.", code="repeated")
            raise ValidationError({name: [detail]})
        else:
            given[name] = values[0]
    bound = serializer(data=given, context={"request": request})
    bound.is_valid(raise_exception=True)
    return dict(bound.validated_data)
