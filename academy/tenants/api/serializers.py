"""Bodies of the tenants' API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core import clock
from academy.core.http.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictRegexField,
    StrictSerializer,
)
from academy.tenants.models import SLUG_PATTERN, USERNAME_PATTERN, Role
from academy.tenants.plans import PLAN_CHOICES
from academy.tenants.scopes import TENANT_SCOPES

MAX_GRACE_SECONDS = 7 * 24 * 3600

_SCOPE_CHOICES = sorted(TENANT_SCOPES)


class SignInSerializer(StrictSerializer):
    """A user name and a password; the academy's slug for people who belong to several."""

    username = StrictCharField(max_length=150)
    password = StrictCharField(max_length=128, trim_whitespace=False)
    tenant = StrictCharField(max_length=40, required=False)


class RefreshSerializer(StrictSerializer):
    """The newest refresh token of a session."""

    refresh = StrictCharField(max_length=200)


class TokenPairSerializer(serializers.Serializer[Any]):
    """Send `access` as the bearer token; trade `refresh` for the next pair."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds the access token lives.")


class PasswordSerializer(StrictSerializer):
    """One's present and new password."""

    current = StrictCharField(max_length=128, trim_whitespace=False)
    new = StrictCharField(min_length=12, max_length=128, trim_whitespace=False)


class TenantSerializer(serializers.Serializer[Any]):
    """An academy."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    plan = serializers.ChoiceField(choices=PLAN_CHOICES)
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class QueueLimitsSerializer(serializers.Serializer[Any]):
    """Limits on one queue."""

    in_flight = serializers.IntegerField(help_text="Jobs published or running at once.")
    backlog = serializers.IntegerField(help_text="Jobs that have not ended.")
    per_day = serializers.IntegerField(help_text="Jobs submitted in 24 hours.")


class UploadLimitsSerializer(serializers.Serializer[Any]):
    """Limits on uploads."""

    open_uploads = serializers.IntegerField(help_text="Uploads begun and not completed.")
    open_bytes = serializers.IntegerField(help_text="Their declared bytes together.")
    file_bytes = serializers.IntegerField(help_text="Bytes of one file.")


class TenantLimitsSerializer(TenantSerializer):
    """An academy with the limits in force now."""

    queues = serializers.DictField(child=QueueLimitsSerializer(), help_text="By queue.")
    uploads = UploadLimitsSerializer()


class TenantCreateSerializer(StrictSerializer):
    """An academy to make, with its first owner."""

    slug = StrictRegexField(SLUG_PATTERN, max_length=40)
    name = StrictCharField(max_length=100)
    plan = serializers.ChoiceField(choices=PLAN_CHOICES, default="start")
    owner_username = StrictRegexField(USERNAME_PATTERN, max_length=150)


class TenantChangeSerializer(StrictSerializer):
    """What to change of an academy."""

    name = StrictCharField(max_length=100, required=False)
    plan = serializers.ChoiceField(choices=PLAN_CHOICES, required=False)
    is_active = StrictBooleanField(required=False)


class MemberSerializer(serializers.Serializer[Any]):
    """A person of the academy."""

    id = serializers.UUIDField()
    username = serializers.CharField(source="user.username")
    role = serializers.ChoiceField(choices=Role.choices)
    created_at = serializers.DateTimeField()


class MemberCreateSerializer(StrictSerializer):
    """A person to add; their first password is made by the server."""

    username = StrictRegexField(USERNAME_PATTERN, max_length=150)
    role = serializers.ChoiceField(choices=Role.choices)


class NewMemberSerializer(MemberSerializer):
    """A person just added, with the first password: it is shown here and never again."""

    password = serializers.CharField()


class ApiKeySerializer(serializers.Serializer[Any]):
    """An API key without its secret."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The part of the key that may be shown.")
    scopes = serializers.ListField(child=serializers.CharField())
    is_live = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To within a minute.")


class NewApiKeySerializer(ApiKeySerializer):
    """A key just made: `token` is shown here and never again."""

    token = serializers.CharField()


class ApiKeyCreateSerializer(StrictSerializer):
    """A key to make."""

    name = StrictRegexField(r"^[A-Za-z0-9][A-Za-z0-9 ._-]*\Z", max_length=60)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=_SCOPE_CHOICES),
        required=False,
        min_length=1,
        max_length=len(_SCOPE_CHOICES),
        help_text="Rights of the key, among the creator's own. Default: all but administration.",
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)

    def validate_expires_at(self, value: Any) -> Any:
        """A key that is born expired is a mistake."""
        if value is not None and value <= clock.now():
            raise serializers.ValidationError("This moment has passed.", code="past")
        return value


class ApiKeyRotateSerializer(StrictSerializer):
    """How long the old key goes on working."""

    grace_seconds = StrictIntegerField(min_value=0, max_value=MAX_GRACE_SECONDS, default=86_400)


class NewTenantSerializer(serializers.Serializer[Any]):
    """An academy just made. Password and token are shown here and never again."""

    tenant = TenantSerializer()
    owner = NewMemberSerializer()
    api_key = NewApiKeySerializer()


class MeSerializer(serializers.Serializer[Any]):
    """Who the credential speaks for, and what it may do."""

    kind = serializers.ChoiceField(choices=["api_key", "member", "staff"])
    tenant = TenantSerializer(allow_null=True)
    role = serializers.ChoiceField(choices=Role.choices, allow_null=True)
    username = serializers.CharField(allow_null=True)
    key_prefix = serializers.CharField(allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField())
