"""NHN Cloud as its documents describe it, on 127.0.0.1: both services, their keys and their lists.

It refuses what NHN refuses, counts every message that really goes out, hides messages from its list
while ``listing`` is off (as an index that is behind), and fails as a test scripts it.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from academy.core import clock
from tests.support.doubles import Answer, Fault, serving

KEY, SECRET, WEBHOOK = "smsAppKey0000000", "n" * 32, "webhook-word"
KAKAO_KEY, KAKAO_SECRET = "kakaoAppKey00000", "k" * 32
SENDER = "0200000000"
PROFILE, TEMPLATE = "a" * 40, "attend-1"
_KST: Final = ZoneInfo("Asia/Seoul")
_IDEMPOTENT: Final = timedelta(minutes=10)
_MONTH: Final = timedelta(days=31)
_MOST: Final = 1_000
_SMS = re.compile(rf"/sms/v3\.0/appKeys/{KEY}(?P<rest>/.*)\Z")
_KAKAO = re.compile(rf"/alimtalk/v2\.3/appkeys/{KAKAO_KEY}(?P<rest>/.*)\Z")
_SEND = re.compile(r"/sender/(?P<ad>ad-)?(?P<kind>sms|mms)\Z")
_AD = re.compile(r"\A\(광고\)(?s:.*)무료\s?(수신\s?)?거부\]?\s*080[-\d]+\Z")
_VARIABLES = frozenset({"이름"})


class Refusal(Exception):
    """``isSuccessful: false`` with a code, which NHN answers with status 200."""


class NhnDouble:
    """One account with both services; safe to read while it serves."""

    def __init__(self) -> None:
        self.url = ""
        self.senders = {SENDER: ("Y", "N")}
        self.templates = {"academy-sms", "academy-lms"}
        self.listing = True
        self.blocked: dict[str, str] = {}
        self.kakao_fails: set[str] = set()
        self.denials: list[tuple[str, str, datetime]] = []
        """Who called which 080 number, and when."""
        self.rows: list[dict[str, Any]] = []
        self.calls: Counter[str] = Counter()
        self.sends: Counter[str] = Counter()
        """How often something really went out to a number."""
        self.texts: dict[str, str] = {}
        self._keys: dict[str, datetime] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._lock = threading.Lock()

    def fail(self, call: str, *faults: Fault) -> None:
        """Script the next calls of ``send``, ``list``, ``senders``, ``templates``, ``denials``."""
        self._faults.setdefault(call, []).extend(faults)

    def deliver(self) -> None:
        """Have every message reported by the carriers."""
        with self._lock:
            for row in self.rows:
                _report(row, self.blocked, self.kakao_fails)

    def handle(self, method: str, address: str, headers: Any, raw: bytes) -> Answer:
        """Answer one request."""
        with self._lock:
            parts = urlsplit(address)
            text, kakao = _SMS.fullmatch(parts.path), _KAKAO.fullmatch(parts.path)
            found = text or kakao
            call = _call(method, found["rest"] if found else "")
            self.calls[call] += 1
            waiting = self._faults.get(call, [])
            fault = waiting.pop(0) if waiting else None
            if fault is not None and not fault.done:
                return _failed(fault)
            try:
                _authorise(found, headers, SECRET if text else KAKAO_SECRET)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                answer = self._act(
                    call,
                    found["rest"] if found else "",
                    json.loads(raw) if raw else {},
                    query,
                    headers,
                )
            except Refusal as refusal:
                return 200, {"header": _header(int(str(refusal)))}, {}
            if fault is not None:
                return _failed(fault)
            return 200, {"header": _header(0), **answer}, {}

    def _act(
        self, call: str, rest: str, body: Any, query: dict[str, str], headers: Any
    ) -> dict[str, Any]:
        if call == "send":
            if rest == "/messages":
                self._once(headers.get("X-NC-API-IDEMPOTENCY-KEY"))
                return self._send_alimtalk(body)
            return self._send_text(rest, body)
        if call == "list":
            return self._list(rest, query)
        if call == "senders":
            rows = [
                {"sendNo": number, "useYn": use, "blockYn": block}
                for number, (use, block) in self.senders.items()
            ]
            return {"body": {"pageNum": 1, "totalCount": len(rows), "data": rows}}
        if call == "templates":
            if rest.rpartition("/")[2] not in self.templates:
                raise Refusal("-2110")
            return {"body": {"data": {}}}
        if call == "denials":
            return self._denials(query)
        if call == "profiles":
            return {"senders": [], "totalCount": 0}
        raise Refusal("-9998")

    def _once(self, key: str | None) -> None:
        if key is None:
            return
        seen = self._keys.get(key)
        if seen is not None and clock.now() - seen < _IDEMPOTENT:
            raise Refusal("-1005")
        self._keys[key] = clock.now()

    def _send_text(self, rest: str, body: Any) -> dict[str, Any]:
        found = _SEND.fullmatch(rest)
        assert found is not None
        kind = "SMS" if found["kind"] == "sms" else "LMS"
        if self.senders.get(body["sendNo"], ("N", "N")) != ("Y", "N"):
            raise Refusal("-2312")
        if body.get("templateId") and body["templateId"] not in self.templates:
            raise Refusal("-2110")
        if kind == "LMS" and not body.get("title"):
            raise Refusal("-2014")
        if found["ad"] and not _AD.search(body["body"]):
            raise Refusal("-6003")
        self._fits(body)
        results = []
        request = uuid.uuid4().hex[:19]
        for number, one in enumerate(body["recipientList"], 1):
            text = _filled(body["body"], one) if body.get("templateId") else body["body"]
            title = _filled(body.get("title", ""), one)
            code = _text_code(kind, title, text)
            results.append({**_result(one, number), "resultCode": code})
            if code == 0:
                self._out(body, one, request, number, text)
                self.rows[-1] |= {"msgStatus": "2", "resultCode": "", "messageType": kind}
        data = {"requestId": request, "statusCode": "2", "sendResultList": results}
        return {"body": {"data": data}}

    def _send_alimtalk(self, body: Any) -> dict[str, Any]:
        if body["senderKey"] != PROFILE:
            raise Refusal("-2017")
        if body["templateCode"] != TEMPLATE:
            raise Refusal("-3003")
        self._fits(body)
        results = []
        request = uuid.uuid4().hex[:19]
        for number, one in enumerate(body["recipientList"], 1):
            code = 0 if set(one.get("templateParameter", {})) >= _VARIABLES else -3004
            results.append({**_result(one, number), "resultCode": code})
            if code == 0:
                self._out(body, one, request, number, "")
                resend = one.get("resendParameter", {}).get("isResend", True)
                self.rows[-1] |= {
                    "messageStatus": "SENDING", "resultCode": "",
                    "resendStatus": "RSC02" if resend else "RSC01",
                }  # fmt: skip
        return {"message": {"requestId": request, "sendResults": results}}

    @staticmethod
    def _fits(body: Any) -> None:
        if not body["recipientList"]:
            raise Refusal("-2001")
        if len(body["recipientList"]) > _MOST:
            raise Refusal("-2016")

    def _out(self, body: Any, one: Any, request: str, number: int, text: str) -> None:
        self.sends[one["recipientNo"]] += 1
        self.texts[one["recipientNo"]] = text
        self.rows.append(
            {
                **_result(one, number),
                "requestId": request,
                "createDate": clock.now().astimezone(_KST),
                "senderGroupingKey": body.get("senderGroupingKey", ""),
            }
        )

    def _list(self, rest: str, query: dict[str, str]) -> dict[str, Any]:
        kakao = rest == "/messages"
        form = "%Y-%m-%d %H:%M" if kakao else "%Y-%m-%d %H:%M:%S"
        try:
            start, end = (
                datetime.strptime(query[name], form).replace(tzinfo=_KST)
                for name in ("startCreateDate", "endCreateDate")
            )
        except (KeyError, ValueError):
            raise Refusal("-2011") from None
        if end - start > _MONTH:
            raise Refusal("-4000")
        types = {"/sender/sms": ("SMS",), "/sender/mms": ("LMS", "MMS")}.get(rest, (None,))
        rows = [
            {**row, "createDate": row["createDate"].strftime("%Y-%m-%d %H:%M:%S.0")}
            for row in self.rows
            if self.listing
            and row.get("messageType") in types
            and start <= row["createDate"] <= end
            and row["senderGroupingKey"] == query.get("senderGroupingKey")
        ]
        size, page = int(query.get("pageSize", 15)), int(query.get("pageNum", 1))
        shown = rows[(page - 1) * size : page * size]
        if kakao:
            return {"messageSearchResultResponse": {"messages": shown, "totalCount": len(rows)}}
        return {"body": {"pageNum": page, "totalCount": len(rows), "data": shown}}

    def _denials(self, query: dict[str, str]) -> dict[str, Any]:
        form = "%Y-%m-%d %H:%M:%S"
        try:
            number = query["unsubscribeNo"]
            start, end = (
                datetime.strptime(query.get(name, default), form).replace(tzinfo=_KST)
                for name, default in (
                    ("startRequestDate", "2000-01-01 00:00:00"),
                    ("endRequestDate", "2100-01-01 00:00:00"),
                )
            )
        except (KeyError, ValueError):
            raise Refusal("-2011") from None
        if not re.fullmatch(r"080\d{6,8}", number):
            raise Refusal("-2011")
        rows = [
            {"unsubscribeNo": called, "recipientNo": phone,
             "requestDate": at.astimezone(_KST).strftime(f"{form}.0")}
            for called, phone, at in self.denials
            if called == number and start <= at <= end
        ]  # fmt: skip
        size, page = int(query.get("pageSize", 15)), int(query.get("pageNum", 1))
        shown = rows[(page - 1) * size : page * size]
        return {"body": {"pageNum": page, "totalCount": len(rows), "data": shown}}

    def callback(self, handle: str) -> bytes:
        """The body of a webhook call about the messages of a batch."""
        hooks = [
            {"hookId": f"{row['requestId']}-{row['recipientSeq']}", "resultCode": "1000",
             "senderGroupingKey": handle, "recipientGroupingKey": row["recipientGroupingKey"]}
            for row in self.rows if row["senderGroupingKey"] == handle
        ]  # fmt: skip
        body = {
            "hooksId": "1", "productName": "SMS", "appKey": KEY,
            "event": "MESSAGE_RESULT_UPDATE", "hooks": hooks,
        }  # fmt: skip
        return json.dumps(body).encode()


WEBHOOK_HEADERS: Final = {"X-Toast-Webhook-Signature": WEBHOOK}


def _call(method: str, rest: str) -> str:
    if _SEND.fullmatch(rest) or rest == "/messages":
        return "send" if method == "POST" else "list"
    if rest.startswith("/templates/"):
        return "templates"
    known = {
        "/sendNos": "senders", "/senders": "profiles", "/blockservice/recipients": "denials",
    }  # fmt: skip
    return known.get(rest, "unknown")


def _authorise(found: re.Match[str] | None, headers: Any, secret: str) -> None:
    if found is None:
        raise Refusal("-1000")
    if headers.get("X-Secret-Key") != secret:
        raise Refusal("-1001")


def _header(code: int) -> dict[str, Any]:
    return {"isSuccessful": code == 0, "resultCode": code, "resultMessage": "message"}


def _failed(fault: Fault) -> Answer:
    if not fault.status:
        return None
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
    code = int(fault.code) if fault.code.lstrip("-").isdigit() else -9999
    return fault.status, {"header": _header(code)}, headers


def _result(one: Any, number: int) -> dict[str, Any]:
    return {
        "recipientNo": one["recipientNo"], "recipientSeq": number,
        "recipientGroupingKey": one.get("recipientGroupingKey", ""),
    }  # fmt: skip


def _filled(template: str, one: Any) -> str:
    values = one.get("templateParameter", {})
    return re.sub(r"##(\w+)##", lambda found: str(values[found[1]]), template)


def _text_code(kind: str, title: str, text: str) -> int:
    try:
        length, titled = len(text.encode("cp949")), len(title.encode("cp949"))
    except UnicodeEncodeError:
        return -2023
    if length > {"SMS": 90, "LMS": 2_000}[kind] or titled > 40:
        return -2015
    return 0


def _report(row: dict[str, Any], blocked: dict[str, str], kakao_fails: set[str]) -> None:
    number = row["recipientNo"]
    if "msgStatus" in row:
        code = blocked.get(number, "1000")
        row |= {"msgStatus": "3" if code == "1000" else "0", "resultCode": code}
    elif number not in kakao_fails:
        row |= {"messageStatus": "COMPLETED", "resultCode": "1000"}
    else:
        row |= {"messageStatus": "FAILED", "resultCode": "3018"}
        if row["resendStatus"] == "RSC02":
            row["resendStatus"] = "RSC04"


@contextmanager
def serve() -> Iterator[NhnDouble]:
    """The double on a free port, until the block ends."""
    with serving(NhnDouble()) as double:
        yield double
