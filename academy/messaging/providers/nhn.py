"""NHN Cloud: SMS (v3.0) and KakaoTalk Bizmessage (AlimTalk v2.3), two services with a key each.

NHN has no group that is filled and then sent: one call sends. The handle is our own batch key. It
goes out with every message as ``senderGroupingKey``, so that NHN can be asked about it, and a note
of each attempt is stored before the call. A lost answer is resolved by the list of messages. What
is not listed is sent again only where that is safe: AlimTalk by the same idempotency key, which NHN
refuses to send twice for ten minutes; else when the list has had time to show it.

https://docs.nhncloud.com/ko/Notification/SMS/ko/api-guide/
https://docs.nhncloud.com/ko/Notification/KakaoTalk%20Bizmessage/ko/alimtalk-api-guide/
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from academy.core import clock
from academy.messaging.fields import MessageType
from academy.messaging.models import LocalGroup
from academy.messaging.providers import nhn_notes as notes
from academy.messaging.providers.http import Http, body_of
from academy.messaging.providers.nhn_bodies import TEMPLATES, body_of_part, parts_of, path_of
from academy.messaging.providers.nhn_notes import Part, Service
from academy.messaging.providers.nhn_reports import NAME, status_of
from academy.messaging.providers.port import (
    Ambiguous,
    Callback,
    Capabilities,
    Lookup,
    Misconfigured,
    OutBatch,
    Outcome,
    Prepared,
    Progress,
    Rejected,
    Retryable,
    SenderUnknown,
    Status,
)
from academy.settings.messaging import Account

MOST_IN_BATCH: Final = 1_000
_PAGE: Final = 1_000
_LISTED: Final = timedelta(days=29)
"""The list looks back a month at most."""

_MISCONFIGURED: Final = {
    Service.SMS: frozenset({"-1000", "-1001", "-1002", "-1003", "-1004", "-1007", "-1008"}),
    Service.ALIMTALK: frozenset({"-1000", "-1001", "-1002", "-1027", "-2502"}),
}
_MISCONFIGURED_ALWAYS: Final = frozenset({"-9995", "-9998"})
_UNSURE: Final = frozenset({"-9999", "-2021"})
"""An error of NHN's own: the messages may have been taken."""
_REPEATED: Final = "-1005"
"""AlimTalk: a call with this idempotency key has been made within ten minutes."""
_ABSENT_TEMPLATE: Final = frozenset({"-2107", "-2110", "404"})


class NhnProvider:
    """One account at NHN Cloud. Without keys of the second service it sends no AlimTalk."""

    name = NAME

    def __init__(self, account: Account, *, timeout_seconds: float) -> None:
        self._account = account
        self._sms = Http(
            account.url, lambda: {"X-Secret-Key": account.secret}, seconds=timeout_seconds
        )
        self._alimtalk = Http(
            account.alimtalk_url or account.url,
            lambda: {"X-Secret-Key": account.alimtalk_secret},
            seconds=timeout_seconds,
        )

    def capabilities(self) -> Capabilities:
        """What it can do."""
        types = set(MessageType)
        if not self._account.alimtalk_key:
            types.discard(MessageType.ALIMTALK)
        return Capabilities(frozenset(types), MOST_IN_BATCH, cancels=True, calls_back=True)

    def check(self, senders: Sequence[str]) -> None:
        """The keys work, the templates and the senders are registered. Raises Misconfigured."""
        known: set[str] = set()
        for row in self._pages(Service.SMS, "/sendNos", {}):
            if row.get("useYn") == "Y" and row.get("blockYn") == "N":
                known.add(_digits(str(row.get("sendNo", ""))))
        missing = [one for one in senders if _digits(one) not in known]
        if missing:
            raise SenderUnknown("provider_misconfigured", f"{len(missing)} senders not registered")
        for template in TEMPLATES:
            try:
                self._get(Service.SMS, f"/templates/{template}", {})
            except Rejected as error:
                if error.detail not in _ABSENT_TEMPLATE:
                    raise
                raise Misconfigured("provider_misconfigured", f"no template {template}") from None
        if self._account.alimtalk_key:
            self._get(Service.ALIMTALK, "/senders", {"pageNum": 1, "pageSize": 1})

    def prepare(self, batch: OutBatch) -> Prepared:
        """Note what will be sent; NHN hears nothing of it."""
        notes.plan(batch, parts_of(batch))
        return Prepared(batch.key)

    def commit(self, handle: str, batch: OutBatch) -> Sequence[Status]:
        """Send, one call for each kind of message; what was taken before is left out."""
        parts = parts_of(batch)
        note = notes.load(handle)
        if note is None:
            raise Rejected("provider_rejected", "absent")
        told: list[Status] = []
        for part in parts:
            told += self._send(note, part, alone=len(parts) == 1)
        return told

    def lookup(self, handle: str) -> Lookup:
        """What became of a batch. Raises Retryable while the list may not show it yet."""
        note = notes.load(handle)
        if note is None:
            # Notes are never removed before a batch ends, so that there is only NHN to ask.
            rows = self._rows(handle, clock.now() - _LISTED, tuple(self._services()))
            found = [status for row in rows if (status := status_of(row, {})) is not None]
            return Lookup(Progress.SENDING, found) if found else Lookup(Progress.ABSENT)
        parts = notes.parts(note)
        if not any(part.attempted for part in parts):
            return Lookup(Progress.WAITING)
        told = self._told(note, parts)
        if any(self._to_send(part, told) for part in parts):
            return Lookup(Progress.WAITING)
        keys = {key for part in parts for key in part.keys}
        ended = {key for key, status in told.items() if status.outcome is not Outcome.ACCEPTED}
        progress = Progress.COMPLETE if keys <= ended else Progress.SENDING
        return Lookup(progress, list(told.values()))

    def cancel(self, handle: str) -> None:
        """Forget a batch that was not sent. Raises Rejected where it was, or may have been."""
        if not notes.forget(handle):
            raise Rejected("provider_rejected", "sent")

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Sequence[Callback]:
        """The events of a webhook call. Its signature is only a word that anyone may have seen."""
        given = {name.lower(): value for name, value in headers.items()}
        word = self._account.webhook_secret
        signature = given.get("x-toast-webhook-signature", "")
        if not word or not hmac.compare_digest(signature.encode(), word.encode()):
            raise Rejected("provider_callback_refused", "signature")
        try:
            body = json.loads(raw)
        except ValueError:
            raise Rejected("provider_callback_refused", "json") from None
        if not isinstance(body, dict) or body.get("event") != "MESSAGE_RESULT_UPDATE":
            return []
        hooks = body.get("hooks")
        return [
            event
            for hook in (hooks if isinstance(hooks, list) else [])
            if isinstance(hook, dict) and (event := _event(hook)) is not None
        ]

    def balance(self) -> int | None:
        """It is paid afterwards."""
        return None

    def opt_outs(self, number: str, sender: str, since: datetime | None) -> Sequence[str]:  # noqa: ARG002
        """Who refused by calling the 080 number, which is one academy's."""
        params = {"unsubscribeNo": _digits(number)}
        if since is not None:
            params["startRequestDate"] = notes.local(since, Service.SMS)
            params["endRequestDate"] = notes.local(clock.now() + timedelta(hours=1), Service.SMS)
        rows = self._pages(Service.SMS, "/blockservice/recipients", params)
        return [str(row.get("recipientNo", "")) for row in rows]

    def close(self) -> None:
        """Give its connections back."""
        self._sms.close()
        self._alimtalk.close()

    # ------------------------------------------------------------------ sending

    def _send(self, note: LocalGroup, part: Part, *, alone: bool) -> list[Status]:
        """One call, unless an earlier one is known to have been taken. Raises what the port says.

        ``alone``: nothing else is sent with it, so that its refusal is that of the batch.
        """
        part = notes.known(note, part)
        if part.settled:
            return part.statuses()
        if part.attempted:
            told = self._told(note, [part])
            if not self._to_send(part, told):
                return list(told.values())
        notes.attempt(note, part)
        try:
            answer = self._http(part.service).call(
                "POST",
                self._path(part.service, path_of(part)),
                json=body_of_part(note.handle, part),
                headers={"X-NC-API-IDEMPOTENCY-KEY": f"{note.handle}-{part.name}"},
                undoable=False,
            )
        except (Retryable, Misconfigured):
            notes.undo(note, part)
            raise
        return self._taken(note, part, answer, alone=alone)

    def _taken(
        self, note: LocalGroup, part: Part, answer: httpx.Response, *, alone: bool
    ) -> list[Status]:
        code = _code(answer)
        if code == "0":
            return notes.settle(note, part, refused=_refused(answer)).statuses()
        if code in _UNSURE:
            raise Ambiguous("provider_answer_lost", code)
        if part.service is Service.ALIMTALK and code == _REPEATED:
            notes.repeated(note, part)
            raise Ambiguous("provider_answer_lost", code)
        error = _error(part.service, code)
        if isinstance(error, Rejected) and not alone:
            # The other kinds of the batch go out all the same.
            return notes.settle(note, part, refused=dict.fromkeys(part.keys, code)).statuses()
        notes.undo(note, part)
        raise error

    # ------------------------------------------------------------------ asking

    def _told(self, note: LocalGroup, parts: Sequence[Part]) -> dict[str, Status]:
        """What the list says of these parts, and what the answers said that the list lacks."""
        told = {one.key: one for part in parts if part.settled for one in part.statuses()}
        since = max(note.created_at - timedelta(hours=1), clock.now() - _LISTED)
        services = tuple({part.service for part in parts if part.attempted})
        fallbacks = notes.fallbacks(note)
        for row in self._rows(note.handle, since, services):
            status = status_of(row, fallbacks)
            # A refusal in the answer stands: there is nothing to list.
            if status is not None:
                told[status.key] = status
        return told

    def _to_send(self, part: Part, told: Mapping[str, Status]) -> bool:
        """Whether a part is certainly not with NHN. Raises Retryable where nobody can say."""
        if part.settled or any(key in told for key in part.keys):
            return False
        if not part.attempted or part.repeatable(clock.now()):
            return True
        raise Retryable(
            "provider_answer_lost", "not listed yet", retry_after=notes.PAUSE.total_seconds()
        )

    def _rows(
        self, handle: str, since: datetime, services: Sequence[Service]
    ) -> Iterator[dict[str, Any]]:
        until = clock.now() + timedelta(hours=1)
        for service in services:
            params = {
                "senderGroupingKey": handle,
                "startCreateDate": notes.local(since, service),
                "endCreateDate": notes.local(until, service),
            }
            for path in service.lists:
                yield from self._pages(service, path, params)

    def _pages(
        self, service: Service, path: str, params: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        page = 0
        while True:
            page += 1
            body = self._get(service, path, {**params, "pageNum": page, "pageSize": _PAGE})
            found = body.get(service.body)
            listed = found.get(service.rows) if isinstance(found, dict) else None
            rows = [row for row in listed or () if isinstance(row, dict)]
            yield from rows
            if len(rows) < _PAGE:
                return

    def _get(self, service: Service, path: str, params: Mapping[str, str | int]) -> dict[str, Any]:
        answer = self._http(service).call("GET", self._path(service, path), params=params)
        code = _code(answer)
        if code in _UNSURE:
            raise Retryable("provider_unavailable", code)
        if code != "0":
            raise _error(service, code)
        return body_of(answer)

    def _http(self, service: Service) -> Http:
        return self._sms if service is Service.SMS else self._alimtalk

    def _path(self, service: Service, path: str) -> str:
        if service is Service.SMS:
            return f"/sms/v3.0/appKeys/{self._account.key}{path}"
        return f"/alimtalk/v2.3/appkeys/{self._account.alimtalk_key}{path}"

    def _services(self) -> Iterator[Service]:
        yield Service.SMS
        if self._account.alimtalk_key:
            yield Service.ALIMTALK


def _code(answer: httpx.Response) -> str:
    """NHN's result code; the HTTP status where the answer has none. ``0``: it worked."""
    header = body_of(answer).get("header")
    if not isinstance(header, dict) or "isSuccessful" not in header:
        return "-9999" if answer.status_code == httpx.codes.OK else str(answer.status_code)
    return "0" if header["isSuccessful"] else str(header.get("resultCode", ""))[:64]


def _error(service: Service, code: str) -> Rejected | Misconfigured:
    if code in _MISCONFIGURED[service] or code in _MISCONFIGURED_ALWAYS:
        return Misconfigured("provider_misconfigured", code)
    return Rejected("provider_rejected", code)


def _refused(answer: httpx.Response) -> dict[str, str]:
    """NHN's code by our key, of the messages that it did not take."""
    body = body_of(answer)
    found = body.get("message") or (body.get("body") or {}).get("data") or {}
    results = found.get("sendResults") or found.get("sendResultList") or []
    return {
        str(one.get("recipientGroupingKey", "")): str(one.get("resultCode"))[:64]
        for one in results
        if str(one.get("resultCode", 0)) != "0"
    }


def _event(hook: Mapping[str, Any]) -> Callback | None:
    handle = str(hook.get("senderGroupingKey") or "")
    if not handle:
        return None
    # NHN's own sample spells the name in both ways.
    key = hook.get("recipientGroupingKey") or hook.get("recipientGropuingKey") or ""
    own = hook.get("hookId") or f"{hook.get('requestId')}:{hook.get('recipientSeq')}"
    return Callback(str(own), handle, str(key))


def _digits(number: str) -> str:
    return "".join(character for character in number if character.isdigit())
