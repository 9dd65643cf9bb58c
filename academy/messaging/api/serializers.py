"""Requests are validated by these; answers are only described, by `answers`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from academy.core.http.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictRegexField,
    StrictSerializer,
    StrictUUIDField,
)
from academy.messaging.asking import BODY_CHARS, PURPOSES
from academy.messaging.fields import CampaignState, Channel, EntryKind, MessageState, MessageType
from academy.messaging.models import HANDLE_CHARS, REASON_CHARS, TITLE_CHARS
from academy.messaging.prices import JEON

CAMPAIGN_STATES = [state.value for state in CampaignState]
MESSAGE_STATES = [state.value for state in MessageState]
MESSAGE_TYPES = [type_.value for type_ in MessageType]
CHANNELS = [channel.value for channel in Channel]
ENTRY_KINDS = [kind.value for kind in EntryKind]
_BOOKED = [EntryKind.TOP_UP.value, EntryKind.ADJUST.value]
_TRIGGER = r"[a-z][a-z0-9_.]{0,19}"
_MOST = 10_000_000
_MOST_WON = 1_000_000_000
_TOKEN_CHARS = 100


class TriggerSerializer(StrictSerializer):
    """One kind of notice that the platform sends by itself."""

    enabled = StrictBooleanField()
    template = StrictUUIDField(required=False, allow_null=True)


class TriggersField(serializers.DictField):
    """Notices by the name of their event."""

    child = TriggerSerializer()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """As it is stored."""
        names = serializers.RegexField(rf"^{_TRIGGER}\Z")
        for name in data if isinstance(data, dict) else ():
            names.run_validation(name)
        given = super().to_internal_value(data)
        return {
            name: {
                "enabled": one["enabled"],
                "template": str(one["template"]) if one.get("template") else None,
            }
            for name, one in given.items()
        }


class PolicyEditSerializer(StrictSerializer):
    """What to change; what is left out stays."""

    sender = StrictRegexField(
        r"^(\d{8,11})?\Z", required=False, allow_blank=True,
        help_text="Digits of the academy's number, as it is registered with the provider.",
    )  # fmt: skip
    sender_name = StrictCharField(
        required=False, allow_blank=True, max_length=TITLE_CHARS,
        help_text="Who speaks, in advertising.",
    )  # fmt: skip
    channel = StrictCharField(
        required=False, allow_blank=True, max_length=HANDLE_CHARS,
        help_text="The academy's KakaoTalk profile at the provider.",
    )  # fmt: skip
    opt_out_number = StrictRegexField(
        r"^(080[0-9-]{6,12})?\Z", required=False, allow_blank=True,
        help_text="The free number that advertising names.",
    )  # fmt: skip
    hold = StrictBooleanField(
        required=False, help_text="Nothing goes out while it is true, and nothing is lost."
    )
    triggers = TriggersField(
        required=False, help_text="What is not there is off; stored as a whole."
    )
    most_per_send = StrictIntegerField(required=False, min_value=1, max_value=10_000)
    most_per_hour = StrictIntegerField(required=False, min_value=1, max_value=_MOST)
    most_per_day = StrictIntegerField(required=False, min_value=1, max_value=_MOST)
    most_per_recipient_day = StrictIntegerField(required=False, min_value=1, max_value=1_000)
    text_days = StrictIntegerField(
        required=False, min_value=1, max_value=3_650,
        help_text="After so many days texts and phones are wiped; what happened stays.",
    )  # fmt: skip


class WordingSerializer(StrictSerializer):
    """What a version says."""

    subject = StrictCharField(required=False, default="", allow_blank=True, max_length=TITLE_CHARS)
    body = StrictCharField(
        max_length=BODY_CHARS, trim_whitespace=False, help_text="`#{이름}` stands for a variable."
    )
    provider_template = StrictCharField(
        required=False, default="", allow_blank=True, max_length=HANDLE_CHARS,
        help_text="AlimTalk: the id under which Kakao approved exactly this wording.",
    )  # fmt: skip
    fallback_subject = StrictCharField(
        required=False, default="", allow_blank=True, max_length=TITLE_CHARS
    )
    fallback_body = StrictCharField(
        required=False, default="", allow_blank=True, max_length=BODY_CHARS, trim_whitespace=False,
        help_text="AlimTalk: the text message where it does not arrive; empty: none.",
    )  # fmt: skip


class TemplateCreateSerializer(WordingSerializer):
    """A template to add."""

    name = StrictCharField(max_length=TITLE_CHARS)
    channel = serializers.ChoiceField(CHANNELS, required=False, default=Channel.TEXT.value)
    purpose = serializers.ChoiceField(PURPOSES, required=False, default=PURPOSES[0])


class TemplateListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    archived = serializers.BooleanField(
        required=False, default=False, help_text="Show those that were archived, and no others."
    )


class ConfirmSerializer(StrictSerializer):
    """Which preview."""

    token = StrictCharField(max_length=_TOKEN_CHARS, help_text="Of the preview; good once.")


class CampaignListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    state = serializers.ListField(
        child=serializers.ChoiceField(CAMPAIGN_STATES), required=False, default=list,
        max_length=len(CAMPAIGN_STATES), help_text="Repeat it for several states.",
    )  # fmt: skip


class MessageListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    state = serializers.ListField(
        child=serializers.ChoiceField(MESSAGE_STATES), required=False, default=list,
        max_length=len(MESSAGE_STATES), help_text="Repeat it for several states.",
    )  # fmt: skip


class BookingSerializer(StrictSerializer):
    """A line to write into an academy's book."""

    kind = serializers.ChoiceField(_BOOKED)
    amount = StrictIntegerField(
        min_value=-_MOST_WON, max_value=_MOST_WON,
        help_text="Won; a top-up adds, an adjustment may also take away.",
    )  # fmt: skip
    key = StrictCharField(
        max_length=HANDLE_CHARS,
        help_text="What it is for, such as the payment: the same key is booked once.",
    )
    reason = StrictCharField(required=False, default="", allow_blank=True, max_length=REASON_CHARS)

    def validate(self, attrs: Any) -> Any:
        """A top-up adds, and an adjustment says why."""
        amount = attrs["amount"]
        if amount == 0 or (amount < 0 and attrs["kind"] == EntryKind.TOP_UP.value):
            raise ValidationError({"amount": [ErrorDetail("More than 0.", code="min_value")]})
        if attrs["kind"] == EntryKind.ADJUST.value and not attrs["reason"].strip():
            raise ValidationError({"reason": [ErrorDetail("Say why.", code="required")]})
        return {**attrs, "amount": amount * JEON}
