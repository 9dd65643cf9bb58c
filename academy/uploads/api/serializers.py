"""Bodies of the uploads' API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core.http.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictRegexField,
    StrictSerializer,
)
from academy.uploads.models import UploadState
from academy.uploads.parts import MAX_PARTS
from academy.uploads.purposes import Purpose
from academy.uploads.services import MAX_PARTS_PER_CALL

PURPOSES = [(item.value, item.name) for item in Purpose]
_CONTENT_TYPE = r"^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*\Z"
_MAX_SIZE = 2**53


class Sha256Field(StrictRegexField):
    """A SHA-256 digest in base64, as the x-amz-checksum-sha256 header has it."""

    def __init__(self, **options: Any) -> None:
        # 32 bytes leave two bits of the last character unused: canonically zero.
        super().__init__(r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\Z", **options)


class UploadCreateSerializer(StrictSerializer):
    """A file to upload."""

    filename = StrictCharField(max_length=255)
    size = StrictIntegerField(min_value=1, max_value=_MAX_SIZE, help_text="Bytes.")
    content_type = StrictRegexField(_CONTENT_TYPE, max_length=100)
    purpose = serializers.ChoiceField(choices=PURPOSES)
    sha256 = Sha256Field(
        required=False, help_text="Of the whole file, in base64; for a single PUT only."
    )
    multipart = StrictBooleanField(
        required=False, help_text="Default: in parts from 256 MiB on, where no sha256 is given."
    )


class SignedRequestSerializer(serializers.Serializer[Any]):
    """A request to make as it stands: other headers, sizes or bytes are refused by the store.

    Browsers set Content-Length themselves.
    """

    method = serializers.CharField(default="PUT")
    url = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField())
    expires_in = serializers.IntegerField(help_text="Seconds.")


class SignedPartSerializer(SignedRequestSerializer):
    """A part's request."""

    number = serializers.IntegerField()
    size = serializers.IntegerField()


class SignedPartsSerializer(serializers.Serializer[Any]):
    """Requests of the parts asked for."""

    parts = SignedPartSerializer(many=True)


class PartToSignSerializer(StrictSerializer):
    """A part, and the digest its request shall insist on."""

    number = StrictIntegerField(min_value=1, max_value=MAX_PARTS)
    sha256 = Sha256Field(required=False)


class PartsToSignSerializer(StrictSerializer):
    """Parts to sign, at most a hundred a call."""

    parts = serializers.ListField(
        child=PartToSignSerializer(), min_length=1, max_length=MAX_PARTS_PER_CALL
    )

    def validate_parts(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A part is signed once a call."""
        if len({part["number"] for part in value}) != len(value):
            raise serializers.ValidationError("A part is named twice.", code="repeated")
        return value


class CompletedPartSerializer(StrictSerializer):
    """A part the client sent, with the ETag it got."""

    number = StrictIntegerField(min_value=1, max_value=MAX_PARTS)
    etag = StrictCharField(max_length=100)


class UploadCompleteSerializer(StrictSerializer):
    """Optionally, the parts the client believes to be stored."""

    parts = serializers.ListField(
        child=CompletedPartSerializer(), required=False, min_length=1, max_length=MAX_PARTS
    )


class StoredPartSerializer(serializers.Serializer[Any]):
    """A part that need not be sent again."""

    number = serializers.IntegerField()
    size = serializers.IntegerField()
    etag = serializers.CharField()


class PartPlanSerializer(serializers.Serializer[Any]):
    """How the file is cut: equal parts but for the last, numbered from 1."""

    part_size = serializers.IntegerField()
    count = serializers.IntegerField()
    stored = StoredPartSerializer(many=True)


class UploadSerializer(serializers.Serializer[Any]):
    """An upload."""

    id = serializers.UUIDField()
    purpose = serializers.ChoiceField(choices=PURPOSES)
    state = serializers.ChoiceField(choices=UploadState.choices)
    filename = serializers.CharField()
    size = serializers.IntegerField()
    content_type = serializers.CharField()
    sniffed_type = serializers.CharField(
        allow_null=True, help_text="What the content is; known once complete."
    )
    error_code = serializers.CharField(allow_null=True, help_text="Why it was rejected.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)


class OpenUploadSerializer(UploadSerializer):
    """An upload with what is needed to begin or resume it; both are null once it ended."""

    put = SignedRequestSerializer(allow_null=True, help_text="Of a single PUT.")
    multipart = PartPlanSerializer(allow_null=True, help_text="Of an upload in parts.")
