"""Templates, campaigns, messages, the ledger of provider calls, credits, and who wants what."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from academy.core import clock
from academy.core.ids import new_id
from academy.messaging.fields import (
    OPEN_STATES,
    BatchState,
    CampaignState,
    Channel,
    EntryKind,
    MessageState,
    MessageType,
    Purpose,
    Recipient,
)
from academy.messaging.phones import INDEX_BYTES, SEALED_BYTES
from academy.tenants.scoping import TenantScopedModel

TITLE_CHARS = 80
CODE_CHARS = 64
HANDLE_CHARS = 120
REASON_CHARS = 200
DETAIL_CHARS = 200


def _choices(words: Any) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in words]


def _known(name: str, field: str, words: Any) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=name, condition=Q(**{f"{field}__in": [word.value for word in words]})
    )


class Policy(TenantScopedModel):
    """What an academy allows itself; without a row nothing is triggered and defaults apply."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sender = models.CharField(max_length=11, blank=True, default="")
    """The academy's registered number: a business's, not a person's."""
    sender_name = models.CharField(max_length=TITLE_CHARS, blank=True, default="")
    """Who speaks, in advertising."""
    channel = models.CharField(max_length=HANDLE_CHARS, blank=True, default="")
    """The academy's KakaoTalk profile at the provider."""
    opt_out_number = models.CharField(max_length=20, blank=True, default="")
    """The free 080 number that advertising names."""
    hold = models.BooleanField(default=False)
    """The academy's own switch: nothing goes out while it is on, and nothing is lost."""
    triggers = models.JSONField(default=dict)
    """``{"attendance": {"enabled": true, "template": id}}``; what is not there is off."""
    most_per_send = models.PositiveIntegerField(default=10_000)
    most_per_hour = models.PositiveIntegerField(default=20_000)
    most_per_day = models.PositiveIntegerField(default=50_000)
    most_per_recipient_day = models.PositiveIntegerField(default=10)
    text_days = models.PositiveIntegerField(default=90)
    """After so many days bodies and phones are wiped; what happened stays."""
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantScopedModel.Meta):
        db_table = "messaging_policy"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="messaging_policy_one", fields=["tenant"])
        ]


class Template(TenantScopedModel):
    """A text with variables, in versions that never change."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=TITLE_CHARS)
    channel = models.CharField(max_length=8, choices=_choices(Channel))
    purpose = models.CharField(max_length=4, choices=_choices(Purpose))
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "message_template"
        ordering = ["created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                name="message_template_name_once",
                fields=["tenant", "name"],
                condition=Q(archived_at__isnull=True),
            ),
            _known("message_template_channel_known", "channel", Channel),
            _known("message_template_purpose_known", "purpose", Purpose),
            # AlimTalk is information alone.
            models.CheckConstraint(
                name="message_template_ad_is_text",
                condition=Q(purpose=Purpose.INFO.value) | Q(channel=Channel.TEXT.value),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="template_list")]


class TemplateVersion(TenantScopedModel):
    """One wording of a template; messages name it for ever."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=TITLE_CHARS, blank=True, default="")
    body = models.TextField()
    variables = models.JSONField(default=list)
    provider_template = models.CharField(max_length=HANDLE_CHARS, blank=True, default="")
    """AlimTalk: the id under which Kakao approved exactly this wording."""
    fallback_subject = models.CharField(max_length=TITLE_CHARS, blank=True, default="")
    fallback_body = models.TextField(blank=True, default="")
    """AlimTalk: the text message where it does not arrive; empty: none."""
    created_by = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "message_template_version"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                name="message_template_version_once", fields=["template", "number"]
            )
        ]


class Campaign(TenantScopedModel):
    """One sending to any number of people: first a preview, which is then confirmed as it is."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(max_length=TITLE_CHARS)
    version = models.ForeignKey(
        TemplateVersion, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    """Null: a text of its own."""
    channel = models.CharField(max_length=8, choices=_choices(Channel))
    purpose = models.CharField(max_length=4, choices=_choices(Purpose))
    subject = models.CharField(max_length=TITLE_CHARS, blank=True, default="")
    body = models.TextField(blank=True, default="")
    """The wording before its variables are filled in."""
    sender = models.CharField(max_length=11)
    trigger = models.CharField(max_length=20, blank=True, default="")
    """The event that made it; empty: a person."""
    state = models.CharField(
        max_length=9, choices=_choices(CampaignState), default=CampaignState.PREVIEW.value
    )
    token_hash = models.BinaryField(max_length=32, null=True, blank=True)
    """SHA-256 of the preview's token, until it is used."""
    expires_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    messages_total = models.PositiveIntegerField(default=0)
    price_expected = models.BigIntegerField(default=0)
    price_most = models.BigIntegerField(default=0)
    job = models.ForeignKey(
        "jobs.Job", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """The sending that is under way, or was the last."""
    created_by = models.CharField(max_length=100)
    confirmed_by = models.CharField(max_length=100, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    wiped_at = models.DateTimeField(null=True, blank=True)
    """Since when the phones and texts of its messages are gone."""

    class Meta(TenantScopedModel.Meta):
        db_table = "message_campaign"
        ordering = ["created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            _known("campaign_state_known", "state", CampaignState),
            models.UniqueConstraint(name="campaign_token_once", fields=["token_hash"]),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="campaign_list"),
            models.Index(
                fields=["expires_at"],
                name="campaign_expiring",
                condition=Q(state=CampaignState.PREVIEW.value),
            ),
            models.Index(
                fields=["confirmed_at"],
                name="campaign_open",
                condition=Q(state__in=[CampaignState.SCHEDULED.value, CampaignState.SENDING.value]),
            ),
            models.Index(
                fields=["ended_at"],
                name="campaign_unwiped",
                condition=Q(ended_at__isnull=False, wiped_at__isnull=True),
            ),
        ]


class Batch(TenantScopedModel):
    """The ledger: one handing over to a provider, which can happen only once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="batches")
    provider = models.CharField(max_length=20)
    state = models.CharField(
        max_length=8, choices=_choices(BatchState), default=BatchState.PLANNED.value
    )
    handle = models.CharField(max_length=HANDLE_CHARS, blank=True, default="")
    """The provider's name for it; stored before anything is sent."""
    job = models.ForeignKey("jobs.Job", on_delete=models.PROTECT, related_name="+")
    """The job that holds it: another may take it over only when that one has ended or lost it."""
    attempt = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    error_code = models.CharField(max_length=CODE_CHARS, blank=True, default="")
    error_detail = models.CharField(max_length=DETAIL_CHARS, blank=True, default="")
    asked_at = models.DateTimeField(null=True, blank=True)
    """When the provider was last asked what became of it."""
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantScopedModel.Meta):
        db_table = "message_batch"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            _known("message_batch_state_known", "state", BatchState)
        ]
        indexes = [
            models.Index(
                fields=["updated_at"],
                name="message_batch_open",
                condition=Q(
                    state__in=[
                        BatchState.PLANNED.value,
                        BatchState.PREPARED.value,
                        BatchState.SENDING.value,
                        BatchState.UNKNOWN.value,
                    ]
                ),
            ),
            models.Index(fields=["provider", "handle"], name="message_batch_handle"),
        ]


class Message(TenantScopedModel):
    """One message to one phone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="messages")
    number = models.PositiveIntegerField()
    """Within its campaign, from 1, in the order of the preview."""
    batch = models.ForeignKey(
        Batch, null=True, blank=True, on_delete=models.PROTECT, related_name="messages"
    )
    student = models.ForeignKey(
        "roster.Student", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    recipient = models.CharField(max_length=8, choices=_choices(Recipient), blank=True, default="")
    phone = models.BinaryField(max_length=SEALED_BYTES, null=True, blank=True)
    """Sealed; null once wiped."""
    phone_index = models.BinaryField(max_length=INDEX_BYTES)
    phone_tail = models.CharField(max_length=4)
    """The last digits, as lists show them."""
    type = models.CharField(max_length=8, choices=_choices(MessageType))
    sent_as = models.CharField(max_length=8, choices=_choices(MessageType), blank=True, default="")
    content = models.BinaryField(null=True, blank=True)
    """Sealed JSON: subject, text, variables, fallback; null once wiped."""
    length = models.PositiveIntegerField(default=0)
    state = models.CharField(
        max_length=10, choices=_choices(MessageState), default=MessageState.DRAFT.value
    )
    reason = models.CharField(max_length=CODE_CHARS, blank=True, default="")
    """A code of the catalogue: why it is blocked, suppressed, failed or unknown."""
    reason_params = models.JSONField(default=dict)
    provider_code = models.CharField(max_length=CODE_CHARS, blank=True, default="")
    provider_id = models.CharField(max_length=HANDLE_CHARS, blank=True, default="")
    occurrence = models.BinaryField(max_length=32, null=True, blank=True)
    """SHA-256 of what must be told once: event, target, recipient, occurrence, template."""
    price_held = models.BigIntegerField(default=0)
    price = models.BigIntegerField(null=True, blank=True)
    """Settled; null: not yet."""
    not_before = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    sending_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantScopedModel.Meta):
        db_table = "message"
        ordering = ["campaign", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="message_number_once", fields=["campaign", "number"]),
            _known("message_state_known", "state", MessageState),
            _known("message_type_known", "type", MessageType),
            # What is told once is told once, whoever confirms what at the same moment.
            models.UniqueConstraint(
                name="message_occurrence_once",
                fields=["tenant", "occurrence"],
                condition=~Q(
                    state__in=[
                        MessageState.DRAFT.value,
                        MessageState.BLOCKED.value,
                        MessageState.SUPPRESSED.value,
                        MessageState.CANCELLED.value,
                        MessageState.FAILED.value,
                    ]
                ),
            ),
            models.CheckConstraint(
                name="message_price_within_held",
                condition=Q(price__isnull=True) | Q(price__gte=0),
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "state", "number"], name="message_by_state"),
            models.Index(fields=["tenant", "phone_index", "-created_at"], name="message_of_phone"),
            models.Index(
                fields=["campaign"],
                name="message_open",
                condition=Q(state__in=[state.value for state in OPEN_STATES]),
            ),
            models.Index(
                fields=["sent_at"],
                name="message_in_transit",
                condition=Q(state=MessageState.SENT.value),
            ),
            models.Index(fields=["tenant", "sending_at"], name="message_caps"),
        ]


class MessageEvent(TenantScopedModel):
    """What happened to a message, for the trace of one recipient; only ever added."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=10, choices=_choices(MessageState))
    reason = models.CharField(max_length=CODE_CHARS, blank=True, default="")
    provider_code = models.CharField(max_length=CODE_CHARS, blank=True, default="")
    source = models.CharField(max_length=20)
    """``preview``, ``confirm``, ``dispatch``, ``provider``, ``lookup``, ``webhook``, ``person``."""

    class Meta(TenantScopedModel.Meta):
        db_table = "message_event"
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["message", "at", "id"], name="message_event_list")]


class MessageSteps(models.Model):
    """How many messages came to a state at once, until the relay has added it to the counters."""

    id = models.BigAutoField(primary_key=True)
    state = models.CharField(max_length=10)
    reason = models.CharField(max_length=CODE_CHARS, blank=True, default="")
    count = models.PositiveIntegerField()

    class Meta:
        db_table = "message_steps"


class OptOut(TenantScopedModel):
    """A phone that wants no advertising from the academy, or nothing at all."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    phone_index = models.BinaryField(max_length=INDEX_BYTES)
    phone = models.BinaryField(max_length=SEALED_BYTES)
    phone_tail = models.CharField(max_length=4)
    everything = models.BooleanField(default=False)
    """True: information too; False: advertising alone."""
    source = models.CharField(max_length=20)
    """``person``, ``import``, ``080``."""
    by = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "message_opt_out"
        ordering = ["created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="opt_out_once", fields=["tenant", "phone_index"])
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="opt_out_list")]


class Consent(TenantScopedModel):
    """A phone whose owner agreed to advertising; withdrawn by an `OptOut`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    phone_index = models.BinaryField(max_length=INDEX_BYTES)
    phone_tail = models.CharField(max_length=4, blank=True, default="")
    """The last digits, as lists show them."""
    at_night = models.BooleanField(default=False)
    """Agreed to from 21:00 to 08:00 as well."""
    source = models.CharField(max_length=TITLE_CHARS)
    """How it was given, as the academy would show it to the authorities."""
    given_at = models.DateTimeField()
    by = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "message_consent"
        ordering = ["created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="consent_once", fields=["tenant", "phone_index"])
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="consent_list")]


class CreditAccount(TenantScopedModel):
    """An academy's prepaid credits in jeon; `CreditEntry` is the book, and adds up to it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    free = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantScopedModel.Meta):
        db_table = "message_credit_account"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="credit_account_one", fields=["tenant"]),
            models.CheckConstraint(name="credit_free_not_negative", condition=Q(free__gte=0)),
            models.CheckConstraint(name="credit_held_not_negative", condition=Q(held__gte=0)),
        ]


class CreditEntry(TenantScopedModel):
    """One line of the book; only ever added. ``free`` and ``held`` are what it changed, in jeon."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=8, choices=_choices(EntryKind))
    free = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    key = models.CharField(max_length=HANDLE_CHARS)
    """What it is for; a second line with the same kind and key is the same line."""
    campaign = models.ForeignKey(
        Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    by = models.CharField(max_length=100)
    reason = models.CharField(max_length=REASON_CHARS, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "message_credit_entry"
        ordering = ["created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="credit_entry_once", fields=["tenant", "kind", "key"]),
            _known("credit_entry_kind_known", "kind", EntryKind),
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="credit_book")]


class ProviderEvent(models.Model):
    """An event that a provider reported, so that its repetition changes nothing."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=HANDLE_CHARS)
    handle = models.CharField(max_length=HANDLE_CHARS, blank=True, default="")
    received_at = models.DateTimeField(default=clock.now)
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "message_provider_event"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="provider_event_once", fields=["provider", "event_id"])
        ]
        indexes = [
            models.Index(
                fields=["received_at"],
                name="provider_event_waiting",
                condition=Q(handled_at__isnull=True),
            )
        ]


class LocalGroup(models.Model):
    """A batch at one of the platform's own stand-ins for a provider, as that remembers it."""

    handle = models.CharField(primary_key=True, max_length=HANDLE_CHARS)
    provider = models.CharField(max_length=20)
    sent_at = models.DateTimeField(null=True, blank=True)
    statuses = models.JSONField(default=dict)
    """By our key: ``[outcome, code]``. Numbers and texts stay in the messages."""
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "message_local_group"
