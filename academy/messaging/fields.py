"""The words of the domain: kinds of message, states, reasons."""

from __future__ import annotations

from enum import StrEnum


class MessageType(StrEnum):
    """What a carrier is asked for, and bills."""

    SMS = "sms"
    LMS = "lms"
    ALIMTALK = "alimtalk"
    """KakaoTalk, by an approved template."""


class Purpose(StrEnum):
    """What the law asks of a message (information network act, article 50)."""

    INFO = "info"
    AD = "ad"
    """Advertising: consent, `(광고)`, a free way out, and not at night."""


class Channel(StrEnum):
    """What a template is for."""

    TEXT = "text"
    """SMS, or LMS where it is longer."""
    ALIMTALK = "alimtalk"


class Recipient(StrEnum):
    """Whose phone of a student."""

    PARENT = "parent"
    STUDENT = "student"


class CampaignState(StrEnum):
    """The life of a campaign."""

    PREVIEW = "preview"
    """Rendered and shown; nothing is sent until it is confirmed."""
    SCHEDULED = "scheduled"
    """Confirmed for later."""
    SENDING = "sending"
    PAUSED = "paused"
    DONE = "done"
    """Every message has ended, or is with the carriers."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """A preview that nobody confirmed in time."""


class MessageState(StrEnum):
    """The life of one message to one phone."""

    DRAFT = "draft"
    """Of a preview."""
    BLOCKED = "blocked"
    """It cannot be sent as it is: `reason` says why. Nothing of its campaign can be confirmed."""
    QUEUED = "queued"
    SENDING = "sending"
    """The provider is being asked; committed before the call."""
    SENT = "sent"
    """The provider took it."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Refused by the provider or the carrier, for good."""
    UNKNOWN = "unknown"
    """The answer was lost: the provider is asked until it says, and nothing is sent again."""
    SUPPRESSED = "suppressed"
    """Not sent on purpose, as `reason` says: an opt-out, a cap, the same message already sent."""
    CANCELLED = "cancelled"


# In one order, since an index names them: a set has another in every process.
OPEN_STATES = (MessageState.SENDING, MessageState.QUEUED, MessageState.UNKNOWN)
"""What keeps a campaign from being done."""


class BatchState(StrEnum):
    """The ledger of one call to a provider: what cannot be undone, once."""

    PLANNED = "planned"
    """Its messages are chosen; the provider knows nothing."""
    PREPARED = "prepared"
    """The provider has the messages under `handle`, and has not been told to send."""
    SENDING = "sending"
    """It is being told to; committed before the call."""
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


class EntryKind(StrEnum):
    """A line in the book of an academy's credits."""

    TOP_UP = "top_up"
    HOLD = "hold"
    """Set aside for messages that are about to be sent."""
    SETTLE = "settle"
    """Paid, out of what was held."""
    RELEASE = "release"
    """Given back, out of what was held: nothing was sent for it."""
    ADJUST = "adjust"
    """By the platform's staff, with a reason."""
