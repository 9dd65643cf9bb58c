"""What the pages and their scripts say; English here, Korean in the catalogue."""

from __future__ import annotations

from django.utils.translation import gettext as _

from academy.messaging.fields import CampaignState, MessageState, MessageType


def campaign_states() -> dict[str, str]:
    """What a campaign's state is called."""
    return {
        CampaignState.PREVIEW: _("Preview"),
        CampaignState.SCHEDULED: _("Scheduled"),
        CampaignState.SENDING: _("Sending"),
        CampaignState.PAUSED: _("Paused"),
        CampaignState.DONE: _("Done"),
        CampaignState.CANCELLED: _("Cancelled"),
        CampaignState.EXPIRED: _("Preview expired"),
    }


def message_states() -> dict[str, str]:
    """What a message's state is called."""
    return {
        MessageState.DRAFT: _("Ready to go"),
        MessageState.BLOCKED: _("Cannot be sent"),
        MessageState.QUEUED: _("Waiting"),
        MessageState.SENDING: _("Being handed over"),
        MessageState.SENT: _("Sent"),
        MessageState.DELIVERED: _("Arrived"),
        MessageState.FAILED: _("Did not arrive"),
        MessageState.UNKNOWN: _("Being looked into"),
        MessageState.SUPPRESSED: _("Left out"),
        MessageState.CANCELLED: _("Cancelled"),
    }


def _types() -> dict[str, str]:
    return {
        MessageType.SMS: _("SMS"),
        MessageType.LMS: _("Long text (LMS)"),
        MessageType.ALIMTALK: _("AlimTalk"),
    }


def _sources() -> dict[str, str]:
    """Who said what happened to a message."""
    return {
        "preview": _("Preview"),
        "confirm": _("Confirmation"),
        "dispatch": _("Check before sending"),
        "provider": _("Provider's answer"),
        "lookup": _("Asked the provider"),
        "webhook": _("Provider's report"),
        "person": _("A person"),
    }


def _common() -> dict[str, str]:
    """Of messages wherever they are shown."""
    return {
        **{f"state_{state}": text for state, text in message_states().items()},
        **{f"type_{type_}": text for type_, text in _types().items()},
        "alimtalk": _("AlimTalk arrived"),
        "at": _("From {at} on"),
        "bytes": _("{length} / {limit} bytes"),
        "chars": _("{length} / {limit} characters"),
        "fallback": _("If it does not arrive on KakaoTalk, this text goes out:"),
        "more": _("Show more"),
        "none_found": _("There are none."),
        "number": _("No."),
        "offline": _("No connection: trying again"),
        "parent": _("Parent"),
        "price": _("Price"),
        "recipient": _("Recipient"),
        "row": _("No. {number}"),
        "search": _("Search by student"),
        "show_all": _("All"),
        "state": _("State"),
        "text_gone": _("The text was deleted after the academy's retention period."),
        "type": _("Type"),
        "won": _("{amount} won"),
    }


def compose_texts() -> dict[str, str]:
    """Of the page on which a campaign is written."""
    return {
        **_common(),
        "ad_added": _(
            "Advertising: (광고) at the beginning and the free opt-out number are added."
        ),
        "after": _("{amount} won left afterwards"),
        "already_confirmed": _("This was confirmed already."),
        "anew": _("Preview again"),
        "at_night": _("Advertising waits for the morning: it goes out from {at} on."),
        "begins_at": _("It goes out from {at} on."),
        "begins_now": _("It goes out as soon as it is confirmed."),
        "blocked_rows": _("Cannot be sent: {count}. Correct them first: nothing goes out before."),
        "choose_whom": _("Choose who gets it."),
        "confirm": _("Send {count} messages"),
        "credit_short": _("The credits are not enough: {amount} won are missing."),
        "credits": _("Credits"),
        "example": _("Example: nobody is chosen yet, so variables stay as they are."),
        "expired": _("The preview has expired. Nothing was sent."),
        "group_none": _("(none)"),
        "in_all": _("{amount} won in all"),
        "left_out": _("Left out on purpose: {count}."),
        "most_price": _("up to {amount} won"),
        "no_text": _("Write a text or choose a template."),
        "nobody_found": _("Nobody found."),
        "of_sample": _("Measured on {rendered} of {count}; the preview looks at every one."),
        "past": _("That moment has passed, so it goes out as soon as it is confirmed."),
        "people": _("{count} recipients"),
        "phones_read": _("{count} phones; values for: {names}"),
        "phones_read_plain": _("{count} phones"),
        "phones_too_many": _("At most {limit} phones at a time."),
        "preparing": _("Writing out {count} messages"),
        "preview": _("Preview"),
        "recipients": _("Recipients"),
        "remove": _("Remove {name}"),
        "sending": _("Sending"),
        "time_left": _("Valid for {time}"),
        "value_of": _("Value of {name}"),
    }


def campaign_texts() -> dict[str, str]:
    """Of a campaign's page."""
    return {
        **_common(),
        **{f"campaign_{state}": text for state, text in campaign_states().items()},
        **{f"source_{source}": text for source, text in _sources().items()},
        "cancel_numbers": _(
            "{count} messages are still waiting and will not be sent. "
            "{amount} won go back to the credits."
        ),
        "cancel_gone": _("Gone already, and not to be called back: {count}."),
        "cancel_none": _("Nothing is waiting any more: only what has left remains."),
        "code": _("code {code}"),
        "done_of": _("{done} of {total}"),
        "held": _("Set aside"),
        "on_hold": _("The academy has put all sending on hold."),
        "paid": _("Paid"),
        "provider": _("Provider"),
        "reasons_none": _("Nothing was left out, and nothing failed."),
        "why": _("See why"),
    }


def outbox_texts() -> dict[str, str]:
    """Of the outbox."""
    return {"new": _("New messages: show them")}
