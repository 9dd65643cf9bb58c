"""Solapi as its documents describe it, on 127.0.0.1: groups, signatures, byte rules, reports.

It refuses what Solapi refuses, counts every message that really goes out, and fails as a test
scripts it: ``fail(call, Fault(...))`` before or after the call has had its effect.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from academy.core import clock
from tests.support.doubles import Answer, Fault, serving

KEY, SECRET, WEBHOOK = "NCSTESTKEY000000", "s" * 32, "webhook-secret"
SENDER = "0200000000"
PROFILE, TEMPLATE = "KA01PF000", "KA01TP000"
_SKEW: Final = timedelta(minutes=15)
_AUTH = re.compile(
    r"HMAC-SHA256 apiKey=(?P<key>[^,]+), date=(?P<date>[^,]+), salt=(?P<salt>[^,]+), "
    r"signature=(?P<signature>[0-9a-f]{64})",
    re.IGNORECASE,
)
_GROUP = re.compile(r"/messages/v4/groups/(?P<group>[^/]+)(?P<rest>/messages|/send)?\Z")
_TEMPLATE_VARIABLES = frozenset({"#{이름}"})


class Refusal(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass
class Group:
    """A group and its messages, by message id."""

    allow_duplicates: bool
    status: str = "PENDING"
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)


class SolapiDouble:
    """One account; safe to read while it serves."""

    def __init__(self) -> None:
        self.url = ""
        self.balance = 1_000_000
        self.senders = [SENDER]
        self.blocked: dict[str, str] = {}
        """Numbers whose messages end with a code."""
        self.kakao_fails: set[str] = set()
        self.denials: list[tuple[str, str, datetime]] = []
        """Whose sender was refused by whom, and when."""
        self.groups: dict[str, Group] = {}
        self.calls: Counter[str] = Counter()
        self.sends: Counter[str] = Counter()
        """How often something really went out to a number."""
        self.delay_seconds = 0.0
        """How long every call takes."""
        self.lost: Counter[str] = Counter()
        """Answers that were lost by chance, by ``call`` and ``before`` or ``after``."""
        self._chance: Callable[[], float] = lambda: 1.0
        self._lost_share = 0.0
        self._seen: set[str] = set()
        self._faults: dict[str, list[Fault]] = {}
        self._lock = threading.Lock()

    def fail(self, call: str, *faults: Fault) -> None:
        """Script the next calls of one kind: ``create``, ``add``, ``send``, ``group``, ``list``…"""
        self._faults.setdefault(call, []).extend(faults)

    def lose(self, share: float, seed: int) -> None:
        """Cut so many of all calls before they have their effect, and as many after it."""
        with self._lock:
            self._chance, self._lost_share = random.Random(f"answers {seed}").random, share

    def deliver(self) -> None:
        """Have every group that was sent reported by the carriers."""
        with self._lock:
            for group in self.groups.values():
                if group.status == "SENDING":
                    self._report(group)

    def handle(self, method: str, address: str, headers: Any, raw: bytes) -> Answer:
        """Answer one request."""
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        with self._lock:
            parts = urlsplit(address)
            call = self._call(method, parts.path)
            self.calls[call] += 1
            waiting = self._faults.get(call, [])
            fault = waiting.pop(0) if waiting else self._by_chance(call)
            if fault is not None and not fault.done:
                return self._failed(fault)
            try:
                self._authorise(headers.get("Authorization", ""))
                body = json.loads(raw) if raw else {}
                answer = self._act(call, parts.path, body, parse_qs(parts.query))
            except Refusal as refusal:
                message = {"errorCode": refusal.code, "errorMessage": refusal.code}
                return refusal.status, message, {}
            return self._failed(fault) if fault is not None else (200, answer, {})

    def _by_chance(self, call: str) -> Fault | None:
        drawn = self._chance()
        if drawn >= 2 * self._lost_share:
            return None
        done = drawn >= self._lost_share
        self.lost[f"{call} {'after' if done else 'before'}"] += 1
        return Fault(done=done)

    @staticmethod
    def _failed(fault: Fault) -> Answer:
        if not fault.status:
            return None
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
        return fault.status, {"errorCode": fault.code, "errorMessage": fault.code}, headers

    @staticmethod
    def _call(method: str, path: str) -> str:
        found = _GROUP.fullmatch(path)
        if found:
            rest = found["rest"] or ""
            return {
                ("GET", ""): "group", ("DELETE", ""): "delete", ("PUT", "/messages"): "add",
                ("GET", "/messages"): "list", ("POST", "/send"): "send",
            }.get((method, rest), "unknown")  # fmt: skip
        return {
            ("POST", "/messages/v4/groups"): "create",
            ("POST", "/messages/v4/send-many/detail"): "many",
            ("POST", "/messages/v4/send"): "one",
            ("GET", "/cash/v1/balance"): "balance",
            ("GET", "/senderid/v1/numbers/active"): "senders",
            ("GET", "/iam/v1/black"): "denials",
        }.get((method, path), "unknown")

    def _authorise(self, header: str) -> None:
        found = _AUTH.fullmatch(header)
        if found is None or found["key"] != KEY:
            raise Refusal(401, "InvalidAPIKey")
        if not 12 <= len(found["salt"]) <= 64:
            raise Refusal(400, "InvalidSalt")
        wanted = hmac.new(
            SECRET.encode(), (found["date"] + found["salt"]).encode(), hashlib.sha256
        ).hexdigest()
        if not hmac.compare_digest(wanted, found["signature"]):
            raise Refusal(403, "SignatureDoesNotMatch")
        at = datetime.fromisoformat(found["date"])
        if abs(clock.now() - at) > _SKEW:
            raise Refusal(400, "RequestTimeTooSkewed")
        if found["signature"] in self._seen:
            raise Refusal(400, "DuplicatedSignature")
        self._seen.add(found["signature"])

    def _act(self, call: str, path: str, body: Any, query: dict[str, list[str]]) -> Any:
        if call == "denials":
            return self._denials({name: values[0] for name, values in query.items()})
        if call in {"create", "one", "many", "balance", "senders"}:
            return self._of_account(call, body)
        found = _GROUP.fullmatch(path)
        handle = found["group"] if found else ""
        if handle not in self.groups:
            raise Refusal(404, "ResourceNotFound")
        if call == "add":
            return self._add(handle, body)
        if call == "send":
            return self._send(handle)
        if call == "list":
            return self._list(handle, query)
        if call == "delete":
            if self.groups[handle].status != "PENDING":
                raise Refusal(400, "GroupNotDeletable")
            self.groups[handle].status = "DELETED"
        return self._shown(handle)

    def _of_account(self, call: str, body: Any) -> Any:
        if call == "balance":
            return {"balance": float(self.balance), "point": 0.0}
        if call == "senders":
            return self.senders
        handle = f"G4V{uuid.uuid4().hex.upper()}"
        if call == "one":
            return self._one(handle, body)
        self.groups[handle] = Group(bool(body.get("allowDuplicates")))
        return self._shown(handle) if call == "create" else self._many(handle, body)

    def _one(self, handle: str, body: Any) -> Any:
        """One message in a group of its own, which is the same as not having one."""
        self.groups[handle] = Group(allow_duplicates=False)
        listed: list[dict[str, Any]] = self._add(handle, {"messages": [body["message"]]})[
            "resultList"
        ]
        if listed[0]["statusCode"] != "2000":
            raise Refusal(400, str(listed[0]["statusCode"]))
        self._send(handle)
        return listed[0]

    def _many(self, handle: str, body: Any) -> Any:
        """Make, fill and send a group in one call, and answer 200 whatever was refused of it."""
        listed = self._add(handle, body)["resultList"]
        failed = [one for one in listed if one["statusCode"] != "2000"]
        if len(failed) < len(listed):
            self._send(handle)
        answer = {"groupInfo": self._shown(handle), "failedMessageList": failed}
        if body.get("showMessageList"):
            answer["messageList"] = [one for one in listed if one["statusCode"] == "2000"]
        return answer

    def _add(self, handle: str, body: Any) -> Any:
        group = self.groups[handle]
        if group.status != "PENDING":
            raise Refusal(400, "GroupAlreadySent")
        if len(body["messages"]) > 10_000:
            raise Refusal(400, "TooManyMessages")
        listed = []
        for message in map(_typed, body["messages"]):
            identity = f"M4V{uuid.uuid4().hex.upper()}"
            code = self._accepted(group, message)
            group.messages[identity] = {**message, "messageId": identity, "statusCode": code}
            listed.append(
                {"to": message["to"], "from": message["from"], "type": message["type"],
                 "country": "82", "messageId": identity, "statusCode": code,
                 "statusMessage": code, "accountId": "1"}
            )  # fmt: skip
        errors = sum(one["statusCode"] != "2000" for one in listed)
        return {"errorCount": errors, "resultList": listed}

    def _accepted(self, group: Group, message: dict[str, Any]) -> str:
        """The code with which a message is taken in, by the rules of the documents."""
        if message["from"] not in self.senders:
            return "1062"
        numbers = {one["to"] for one in group.messages.values()}
        if not group.allow_duplicates and message["to"] in numbers:
            return "1026"
        fields = message.get("customFields", {})
        if any(len(name) > 30 or len(value) > 100 for name, value in fields.items()):
            return "1032"
        if message["type"] == "ATA":
            options = message.get("kakaoOptions", {})
            if options.get("pfId") != PROFILE:
                return "1041"
            if options.get("templateId") != TEMPLATE:
                return "1042"
            return "2000" if set(options.get("variables", {})) >= _TEMPLATE_VARIABLES else "3063"
        try:
            length = len(message["text"].encode("cp949"))
            subject = len(message.get("subject", "").encode("cp949"))
        except UnicodeEncodeError:
            return "1029"
        if message["type"] == "SMS" and subject:
            return "1013"
        if subject > 40:
            return "1014"
        return "2000" if length <= {"SMS": 90, "LMS": 2_000}[message["type"]] else "1031"

    def _send(self, handle: str) -> Any:
        group = self.groups[handle]
        if group.status != "PENDING":
            raise Refusal(400, "GroupAlreadySent")
        going = [one for one in group.messages.values() if one["statusCode"] == "2000"]
        if not going:
            raise Refusal(400, "MessagesNotFound")
        if self.balance < 20 * len(going):
            raise Refusal(402, "NotEnoughBalance")
        self.balance -= 20 * len(going)
        group.status = "SENDING"
        for message in going:
            message["statusCode"] = "3000"
            self.sends[message["to"]] += 1
        return self._shown(handle)

    def _report(self, group: Group) -> None:
        for message in group.messages.values():
            if message["statusCode"] != "3000":
                continue
            message["statusCode"] = self.blocked.get(message["to"], "4000")
            options = message.get("kakaoOptions")
            if options is not None and message["to"] in self.kakao_fails:
                if options.get("disableSms"):
                    message["statusCode"] = "3104"
                else:
                    size = len(message["text"].encode("cp949"))
                    message["type"] = "SMS" if size <= 90 else "LMS"
                    message["replacement"] = True
        group.status = "COMPLETE"

    def _list(self, handle: str, query: dict[str, list[str]]) -> Any:
        limit = int(query.get("limit", ["20"])[0])
        ids = sorted(self.groups[handle].messages)
        start = query.get("startKey", [""])[0]
        ids = [one for one in ids if one >= start]
        shown = {
            one: {**self.groups[handle].messages[one], "groupId": handle} for one in ids[:limit]
        }
        answer: dict[str, Any] = {"startKey": start or None, "limit": limit, "messageList": shown}
        if len(ids) > limit:
            answer["nextKey"] = ids[limit]
        return answer

    def _denials(self, query: dict[str, str]) -> Any:
        if query.get("type") != "DENIAL":
            raise Refusal(400, "ValidationError")
        since = datetime.fromisoformat(query.get("dateCreated[gte]", "2000-01-01T00:00:00Z"))
        limit, start = int(query.get("limit", 20)), query.get("startKey", "")
        rows = {
            f"B{number:06}": {
                "handleKey": f"B{number:06}", "type": "DENIAL", "senderNumber": sender,
                "recipientNumber": phone, "dateCreated": at.isoformat(),
                "dateUpdated": at.isoformat(),
            }
            for number, (sender, phone, at) in enumerate(self.denials)
            if sender == query.get("senderNumber", sender) and at >= since
        }  # fmt: skip
        keys = [key for key in rows if key >= start]
        return {
            "startKey": start or None, "limit": limit,
            "nextKey": keys[limit] if len(keys) > limit else None,
            "blackList": {key: rows[key] for key in keys[:limit]},
        }  # fmt: skip

    def _shown(self, handle: str) -> Any:
        group = self.groups[handle]
        total = len(group.messages)
        failed = sum(_refused(one) for one in group.messages.values())
        none = {"requested": 0, "replacement": 0, "refund": 0, "sum": 0}
        return {
            "groupId": handle, "status": group.status, "accountId": "1", "apiVersion": "4",
            "masterAccountId": None, "allowDuplicates": group.allow_duplicates,
            "isRefunded": False, "log": [], "price": {}, "countForCharge": {},
            "dateCreated": clock.now().isoformat(), "dateUpdated": clock.now().isoformat(),
            "app": {}, "balance": none, "point": none,
            "count": {
                "total": total, "sentTotal": 0, "sentSuccess": 0, "sentPending": 0,
                "sentReplacement": 0, "refund": 0, "registeredFailed": failed,
                "registeredSuccess": total - failed,
            },
        }  # fmt: skip

    def callback(self, handle: str, event: str, *, flat: bool = False) -> bytes:
        """The body of a webhook call about the messages of a group."""
        reports = [
            {"messageId": one["messageId"], "groupId": handle, "statusCode": one["statusCode"],
             "customFields": one.get("customFields", {})}
            for one in self.groups[handle].messages.values()
        ]  # fmt: skip
        if flat:
            return json.dumps(reports).encode()
        return json.dumps(
            [{"eventDataId": f"{event}-{n}", "data": one, "retryCount": 0}
             for n, one in enumerate(reports)]
        ).encode()  # fmt: skip


def _refused(message: dict[str, Any]) -> bool:
    return message["statusCode"].startswith("1") or message["statusCode"] == "3063"


def _typed(message: dict[str, Any]) -> dict[str, Any]:
    """A message with its type, which Solapi finds by length where it was not said."""
    if "type" in message:
        return message
    short = len(message["text"].encode("cp949", "replace")) <= 90 and not message.get("subject")
    return {**message, "type": "SMS" if short else "LMS"}


WEBHOOK_HEADERS = {
    "X-Solapi-Event-Name": "SINGLE-REPORT",
    "X-Solapi-Secret": hashlib.sha1(WEBHOOK.encode()).hexdigest(),
}


@contextmanager
def serve() -> Iterator[SolapiDouble]:
    """The double on a free port, until the block ends."""
    with serving(SolapiDouble()) as double:
        yield double
