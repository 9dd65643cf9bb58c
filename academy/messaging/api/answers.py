"""What answers look like, for the OpenAPI document; `shown` makes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core.http.openapi import ErrorDetailSerializer, TextSerializer
from academy.messaging.api.serializers import (
    CAMPAIGN_STATES,
    CHANNELS,
    ENTRY_KINDS,
    MESSAGE_STATES,
    MESSAGE_TYPES,
)
from academy.messaging.asking import PURPOSES, RECIPIENTS


class TriggerStateSerializer(serializers.Serializer[Any]):
    """One kind of notice that the platform sends by itself."""

    enabled = serializers.BooleanField()
    template = serializers.UUIDField(allow_null=True)


class PolicySerializer(serializers.Serializer[Any]):
    """What an academy allows itself."""

    sender = serializers.CharField()
    sender_name = serializers.CharField()
    channel = serializers.CharField()
    opt_out_number = serializers.CharField()
    hold = serializers.BooleanField()
    triggers = serializers.DictField(child=TriggerStateSerializer())
    most_per_send = serializers.IntegerField()
    most_per_hour = serializers.IntegerField()
    most_per_day = serializers.IntegerField()
    most_per_recipient_day = serializers.IntegerField()
    text_days = serializers.IntegerField()


class TemplateVersionSerializer(serializers.Serializer[Any]):
    """One wording of a template, which never changes."""

    number = serializers.IntegerField()
    subject = serializers.CharField()
    body = serializers.CharField()
    variables = serializers.ListField(child=serializers.CharField())
    provider_template = serializers.CharField()
    fallback_subject = serializers.CharField()
    fallback_body = serializers.CharField()
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()


class MessageTemplateSerializer(serializers.Serializer[Any]):
    """A template."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    channel = serializers.ChoiceField(CHANNELS)
    purpose = serializers.ChoiceField(PURPOSES)
    current = TemplateVersionSerializer(help_text="The version that new messages take.")
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class MessageTemplateDetailSerializer(MessageTemplateSerializer):
    """A template with its past."""

    versions = TemplateVersionSerializer(many=True, help_text="The last first.")


class CampaignSerializer(serializers.Serializer[Any]):
    """One sending to any number of people; money in won."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    state = serializers.ChoiceField(CAMPAIGN_STATES)
    channel = serializers.ChoiceField(CHANNELS)
    purpose = serializers.ChoiceField(PURPOSES)
    template = serializers.UUIDField(allow_null=True)
    template_version = serializers.IntegerField(allow_null=True)
    subject = serializers.CharField()
    body = serializers.CharField(help_text="Before its variables are filled in.")
    sender = serializers.CharField()
    trigger = serializers.CharField(help_text="The event that made it; empty: a person.")
    messages = serializers.IntegerField()
    price_expected = serializers.FloatField()
    price_most = serializers.FloatField(help_text="Where every AlimTalk became its text message.")
    not_before = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Of a preview: until when it can be confirmed."
    )
    created_by = serializers.CharField()
    confirmed_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    wiped_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when its phones and texts are gone."
    )


class CampaignReasonSerializer(serializers.Serializer[Any]):
    """How many messages stand in a state for one reason."""

    state = serializers.ChoiceField(MESSAGE_STATES)
    count = serializers.IntegerField()
    reason = ErrorDetailSerializer()


class CampaignDetailSerializer(CampaignSerializer):
    """A campaign with what became of its messages so far."""

    states = serializers.DictField(child=serializers.IntegerField())
    types = serializers.DictField(
        child=serializers.IntegerField(), help_text="Of the messages that go out, or went."
    )
    reasons = CampaignReasonSerializer(many=True)
    progress = serializers.FloatField(help_text="0 to 1: the share that has left the platform.")
    price_paid = serializers.FloatField()
    price_held = serializers.FloatField(help_text="Set aside for what has not ended.")
    next_due_at = serializers.DateTimeField(allow_null=True)
    on_hold = serializers.BooleanField(help_text="The academy's own hold stops everything.")


class CampaignMessageSerializer(serializers.Serializer[Any]):
    """One message to one phone. Texts and phones are wiped after the policy's days."""

    id = serializers.UUIDField()
    number = serializers.IntegerField(help_text="Within its campaign, from 1.")
    student = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    recipient = serializers.ChoiceField(RECIPIENTS, allow_blank=True)
    phone = serializers.CharField(help_text="Masked: the last digits alone.")
    type = serializers.ChoiceField(MESSAGE_TYPES)
    sent_as = serializers.ChoiceField(MESSAGE_TYPES, allow_null=True)
    length = serializers.IntegerField(help_text="Bytes as carriers count; AlimTalk: characters.")
    subject = serializers.CharField(allow_null=True)
    text = serializers.CharField(allow_null=True)
    fallback = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(MESSAGE_STATES)
    reason = ErrorDetailSerializer(allow_null=True)
    provider_code = serializers.CharField()
    price = serializers.FloatField(allow_null=True, help_text="Won; null until it has ended.")
    price_most = serializers.FloatField()
    not_before = serializers.DateTimeField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class MessagePreviewSerializer(serializers.Serializer[Any]):
    """What would be sent."""

    token = serializers.CharField(help_text="Confirms exactly this, once, until `expires_at`.")
    expires_at = serializers.DateTimeField()
    campaign = CampaignDetailSerializer()
    messages = CampaignMessageSerializer(many=True, help_text="The first 50.")


class MessageEventSerializer(serializers.Serializer[Any]):
    """One thing that happened to a message."""

    at = serializers.DateTimeField()
    state = serializers.ChoiceField(MESSAGE_STATES)
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="Who said so: preview, confirm, dispatch, provider…"
    )
    message = TextSerializer()
    reason = ErrorDetailSerializer(allow_null=True)
    provider_code = serializers.CharField()


class TraceSerializer(CampaignMessageSerializer):
    """One message with all that happened to it."""

    campaign = serializers.UUIDField()
    standing = TextSerializer(help_text="Where it stands and why, in plain words.")
    provider = serializers.CharField()
    provider_id = serializers.CharField()
    events = MessageEventSerializer(many=True, help_text="The first one first.")


class CreditSerializer(serializers.Serializer[Any]):
    """An academy's credits, in won."""

    free = serializers.FloatField()
    held = serializers.FloatField(help_text="Set aside for messages that are on their way.")


class CreditEntrySerializer(serializers.Serializer[Any]):
    """A line of the book: what it changed, in won."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(ENTRY_KINDS)
    free = serializers.FloatField()
    held = serializers.FloatField()
    campaign = serializers.UUIDField(allow_null=True)
    by = serializers.CharField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()


class BookedSerializer(CreditSerializer):
    """The credits after a booking."""

    booked = serializers.BooleanField(help_text="False: this key was booked before.")


class TakenSerializer(serializers.Serializer[Any]):
    """How many events were new."""

    new = serializers.IntegerField()
