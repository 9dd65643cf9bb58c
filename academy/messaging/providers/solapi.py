"""Solapi: SMS, LMS and AlimTalk with a text as its fallback (https://docs.solapi.com).

A group is the handle. It is made and filled, which sends nothing; then it is sent. No key makes
the call repeatable, but a group can be asked about: PENDING was not sent, anything later was.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import httpx

from academy.core import clock
from academy.messaging import codes
from academy.messaging.fields import MessageType
from academy.messaging.providers.http import Http, body_of
from academy.messaging.providers.port import (
    Ambiguous,
    Callback,
    Capabilities,
    Lookup,
    Misconfigured,
    OutBatch,
    Outcome,
    Outgoing,
    Prepared,
    Progress,
    Rejected,
    Retryable,
    SenderUnknown,
    Status,
)
from academy.settings.messaging import Account

NAME: Final = "solapi"
MOST_IN_BATCH: Final = 1_000
"""Solapi takes 10,000 in a call of 15 MB; this many long texts are 4 MB."""
_PAGE: Final = 500
_KEY_FIELD: Final = "key"

_TYPES: Final[Mapping[MessageType, str]] = {
    MessageType.SMS: "SMS",
    MessageType.LMS: "LMS",
    MessageType.ALIMTALK: "ATA",
}
_TYPE_OF: Final = {name: type_ for type_, name in _TYPES.items()}
_PROGRESS: Final[Mapping[str, Progress]] = {
    "PENDING": Progress.WAITING,
    "SCHEDULED": Progress.SENDING,
    "SENDING": Progress.SENDING,
    "COMPLETE": Progress.COMPLETE,
    "FAILED": Progress.COMPLETE,
    "DELETED": Progress.CANCELLED,
}
_DELIVERED: Final = "4000"
_UNDER_WAY: Final = frozenset({"2000", "3000"})
_KAKAO_FAILED: Final = "31"
"""Where a fallback follows, a failure of these codes is not the end while the group is sent."""

_NO_BALANCE: Final = frozenset({"NotEnoughBalance", "1030", "2230"})
_PASSING: Final = frozenset(
    {"RequestTimeTooSkewed", "DuplicatedSignature", "SignatureDoesNotMatch"}
)
"""A clock out of step or a signature used twice: the next call signs anew."""
_MISCONFIGURED: Final = frozenset(
    {"InvalidAPIKey", "Unauthorized", "Forbidden", "NotActiveAccount"}
)

codes.register(
    NAME,
    {
        "1026": "carrier_duplicate", "1029": "message_unencodable_at_provider",
        "1030": "provider_balance_short", "1041": "carrier_template", "1042": "carrier_template",
        "1043": "carrier_template", "1060": "carrier_blocked", "1061": "carrier_opted_out",
        "1062": "carrier_sender", "1064": "carrier_spam", "2060": "carrier_blocked",
        "2061": "carrier_opted_out", "2062": "carrier_sender", "2064": "carrier_spam",
        "2230": "provider_balance_short", "2254": "carrier_spam", "3010": "carrier_number",
        "3013": "carrier_sender", "3032": "carrier_number", "3040": "carrier_unreachable",
        "3041": "carrier_unreachable", "3042": "carrier_unreachable", "3043": "carrier_unreachable",
        "3044": "carrier_unreachable", "3045": "carrier_unreachable", "3046": "carrier_unreachable",
        "3047": "carrier_blocked", "3050": "carrier_number", "3051": "carrier_blocked",
        "3054": "carrier_spam", "3055": "carrier_spam", "3059": "carrier_sender",
        "3063": "carrier_template", "3101": "carrier_template", "3102": "carrier_no_kakao",
        "3103": "carrier_template", "3104": "carrier_no_kakao", "3105": "carrier_template",
        "3106": "carrier_template", "3107": "carrier_no_kakao", "3108": "carrier_hours",
    },
)  # fmt: skip


class SolapiProvider:
    """One Solapi account."""

    name = NAME

    def __init__(self, account: Account, *, timeout_seconds: float) -> None:
        self._account = account
        self._http = Http(account.url, self._signed, seconds=timeout_seconds)

    def capabilities(self) -> Capabilities:
        """What it can do."""
        return Capabilities(frozenset(MessageType), MOST_IN_BATCH, cancels=True, calls_back=True)

    def check(self, senders: Sequence[str]) -> None:
        """The key works and the senders are registered. Raises Misconfigured, Retryable."""
        answer = self._http.call("GET", "/senderid/v1/numbers/active")
        if answer.status_code != httpx.codes.OK:
            raise self._error(answer)
        try:
            listed = answer.json()
        except ValueError:
            listed = []
        known = {_digits(one) for one in listed if isinstance(one, str)}
        missing = [one for one in senders if _digits(one) not in known]
        if missing:
            raise SenderUnknown("provider_misconfigured", f"{len(missing)} senders not registered")

    def prepare(self, batch: OutBatch) -> Prepared:
        """Make a group and fill it. One that an error left behind is never sent."""
        answer = self._http.call(
            "POST", "/messages/v4/groups",
            # Parents of two children are in it twice; that nobody is told twice is our own care.
            json={"allowDuplicates": True, "customFields": {_KEY_FIELD: batch.key}},
        )  # fmt: skip
        handle = str(self._accepted(answer).get("groupId", ""))
        if not handle:
            raise Retryable("provider_unavailable", "no group")
        answer = self._http.call(
            "PUT",
            f"/messages/v4/groups/{handle}/messages",
            json={"messages": [_message(one) for one in batch.messages]},
        )
        filled = self._accepted(answer)
        refused: list[Status] = []
        if int(filled.get("errorCount") or 0):
            refused = [
                status
                for status in self._statuses(handle, complete=True)
                if status.outcome is Outcome.FAILED
            ]
        return Prepared(handle, refused)

    def commit(self, handle: str, batch: OutBatch) -> Sequence[Status]:  # noqa: ARG002
        """Send the group. Its messages report later, so that none is named here."""
        answer = self._http.call("POST", f"/messages/v4/groups/{handle}/send", undoable=False)
        if answer.status_code == httpx.codes.OK:
            return []
        error = self._error(answer)
        if isinstance(error, Rejected) and error.code == "provider_rejected":
            # It may say no because it was sent before: only the group itself knows.
            raise Ambiguous("provider_answer_lost", error.detail)
        raise error

    def lookup(self, handle: str) -> Lookup:
        """What became of a group."""
        answer = self._http.call("GET", f"/messages/v4/groups/{handle}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return Lookup(Progress.ABSENT)
        group = self._accepted(answer)
        progress = _PROGRESS.get(str(group.get("status", "")).upper())
        if progress is None:
            raise Retryable("provider_unavailable", "unknown state of a group")
        if progress not in {Progress.SENDING, Progress.COMPLETE}:
            return Lookup(progress)
        complete = progress is Progress.COMPLETE
        return Lookup(progress, list(self._statuses(handle, complete=complete)))

    def cancel(self, handle: str) -> None:
        """Delete a group that was not sent. Raises Rejected where it was."""
        answer = self._http.call("DELETE", f"/messages/v4/groups/{handle}")
        if answer.status_code != httpx.codes.OK:
            raise self._error(answer)

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Sequence[Callback]:
        """The events of a webhook call. Its secret is a static word: anyone who saw it has it."""
        given = {name.lower(): value for name, value in headers.items()}
        word = self._account.webhook_secret
        wanted = hashlib.sha1(word.encode()).hexdigest()  # noqa: S324 - the provider's own form
        if not word or not hmac.compare_digest(given.get("x-solapi-secret", ""), wanted):
            raise Rejected("provider_callback_refused", "secret")
        try:
            body = json.loads(raw)
        except ValueError:
            raise Rejected("provider_callback_refused", "json") from None
        items = body if isinstance(body, list) else [body]
        return [event for item in items if isinstance(item, dict) for event in _events(item)]

    def balance(self) -> int | None:
        """KRW left, points included."""
        body = self._accepted(self._http.call("GET", "/cash/v1/balance"))
        return int(float(body.get("balance") or 0) + float(body.get("point") or 0))

    def opt_outs(self, number: str, sender: str, since: datetime | None) -> Sequence[str]:  # noqa: ARG002
        """Who refused the sender by the 080 number, which Solapi's customers may share."""
        if not sender:
            return []
        params: dict[str, str | int] = {
            "type": "DENIAL", "senderNumber": _digits(sender), "limit": _PAGE,
        }  # fmt: skip
        if since is not None:
            params["dateCreated[gte]"] = _moment(since)
        phones: list[str] = []
        while True:
            body = self._accepted(self._http.call("GET", "/iam/v1/black", params=params))
            listed = body.get("blackList")
            # Their documents show an object by key, their own SDKs take a list as well.
            rows = listed.values() if isinstance(listed, dict) else listed or ()
            phones += [str(row.get("recipientNumber", "")) for row in rows if isinstance(row, dict)]
            start = str(body.get("nextKey") or "")
            if not start:
                return phones
            if start == params.get("startKey"):
                raise Retryable("provider_unavailable", "a list without an end")
            params["startKey"] = start

    def close(self) -> None:
        """Give its connections back."""
        self._http.close()

    def _signed(self) -> Mapping[str, str]:
        # A signature is good once, for a quarter of an hour.
        date = _moment(clock.now())
        salt = secrets.token_hex(16)
        signature = hmac.new(
            self._account.secret.encode(), f"{date}{salt}".encode(), hashlib.sha256
        ).hexdigest()
        return {
            "Authorization": f"HMAC-SHA256 apiKey={self._account.key}, date={date}, salt={salt}, "
            f"signature={signature}"
        }

    def _accepted(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code != httpx.codes.OK:
            raise self._error(answer)
        return body_of(answer)

    def _error(self, answer: httpx.Response) -> Rejected | Retryable | Misconfigured:
        code = str(body_of(answer).get("errorCode") or answer.status_code)[:64]
        if code in _NO_BALANCE:
            return Rejected("provider_balance_short", code)
        if code in _PASSING:
            return Retryable("provider_unavailable", code)
        if code in _MISCONFIGURED:
            return Misconfigured("provider_misconfigured", code)
        return Rejected("provider_rejected", code)

    def _statuses(self, handle: str, *, complete: bool) -> Iterator[Status]:
        start = ""
        while True:
            params: dict[str, str | int] = {"limit": _PAGE}
            if start:
                params["startKey"] = start
            body = self._accepted(
                self._http.call("GET", f"/messages/v4/groups/{handle}/messages", params=params)
            )
            listed = body.get("messageList")
            for item in listed.values() if isinstance(listed, dict) else ():
                if (status := _status(item, complete=complete)) is not None:
                    yield status
            start = str(body.get("nextKey") or "")
            if not start:
                return


def _message(one: Outgoing) -> dict[str, Any]:
    message: dict[str, Any] = {
        "to": one.to,
        "from": one.sender,
        "text": one.text,
        "type": _TYPES[one.type],
        "autoTypeDetect": False,
        "customFields": {_KEY_FIELD: one.key},
    }
    if one.type is MessageType.LMS and one.subject:
        message["subject"] = one.subject
    if one.type is MessageType.ALIMTALK:
        message["kakaoOptions"] = {
            "pfId": one.channel,
            "templateId": one.template,
            "variables": {f"#{{{name}}}": value for name, value in one.variables.items()},
            "disableSms": one.fallback is None,
        }
        if one.fallback is not None:
            # What goes out as a text where AlimTalk does not arrive.
            message["text"] = one.fallback.text
            if one.fallback.subject:
                message["subject"] = one.fallback.subject
    return message


def _status(item: Mapping[str, Any], *, complete: bool) -> Status | None:
    """One message of a list; None where it is not one of ours."""
    fields = item.get("customFields")
    key = str(fields.get(_KEY_FIELD, "")) if isinstance(fields, dict) else ""
    if not key:
        return None
    code = str(item.get("statusCode") or "")
    kakao = item.get("kakaoOptions")
    follows = (
        item.get("type") == "ATA"
        and code.startswith(_KAKAO_FAILED)
        and isinstance(kakao, dict)
        and not kakao.get("disableSms")
    )
    if code == _DELIVERED:
        outcome = Outcome.DELIVERED
    elif code in _UNDER_WAY or not code or (follows and not complete):
        outcome = Outcome.ACCEPTED
    else:
        outcome = Outcome.FAILED
    return Status(
        key,
        outcome,
        code,
        provider_id=str(item.get("messageId") or ""),
        sent_as=_TYPE_OF.get(str(item.get("type") or "").upper()),
    )


def _events(item: Mapping[str, Any]) -> Iterator[Callback]:
    """An event may hold its report below ``data``, one or several, or be the report itself."""
    event = str(item.get("eventDataId") or "")
    data = item.get("data", item)
    for report in data if isinstance(data, list) else [data]:
        if isinstance(report, dict) and report.get("groupId"):
            message = str(report.get("messageId") or "")
            own = event or f"{report['groupId']}:{message}:{report.get('statusCode', '')}"
            fields = report.get("customFields")
            key = str(fields.get(_KEY_FIELD, "")) if isinstance(fields, dict) else ""
            yield Callback(own, str(report["groupId"]), key)


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _digits(number: str) -> str:
    return "".join(character for character in number if character.isdigit())
