"""From an SQS message to kombu's payload, whatever the body is.

kombu's own reader raises on many bodies, and what raises here ends the worker's event loop. So a
body that is no well-formed envelope becomes a payload without headers around the raw text, which a
consumer can look at and reject.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

_MAPPINGS_OR_NONE = (dict, type(None))
_TEXT_OR_NONE = (str, type(None))


def read_payload(
    message: dict[str, Any], *, queue: str, queue_url: str, accept_compression: bool
) -> dict[str, Any]:
    """Kombu's payload of a received SQS *message*; never raises on account of its body.

    The sender's ``delivery_info`` is replaced: where a message came from is known, not told.
    """
    text = message.get("Body") or ""
    payload = _envelope(text, accept_compression=accept_compression)
    if payload is None:
        payload = {"body": text, "headers": {}, "properties": {}}
    attributes = message.get("Attributes") or {}
    properties = dict(payload["properties"])
    properties["delivery_tag"] = message["ReceiptHandle"]
    properties["delivery_info"] = {
        "exchange": "",
        "routing_key": queue,
        "redelivered": receive_count(attributes) > 1,
        "sqs_queue": queue_url,
        "sqs_message": {
            "MessageId": message.get("MessageId"),
            "ReceiptHandle": message["ReceiptHandle"],
            "Attributes": attributes,
            "MessageAttributes": message.get("MessageAttributes") or {},
        },
    }
    return {**payload, "properties": properties}


def receive_count(attributes: dict[str, Any]) -> int:
    """How often SQS has handed a message out, this time included; 1 where it does not say."""
    try:
        return max(int(attributes["ApproximateReceiveCount"]), 1)
    except (KeyError, TypeError, ValueError):
        return 1


def _envelope(text: str, *, accept_compression: bool) -> dict[str, Any] | None:
    """The envelope in *text* (JSON, or kombu's base64 of it); None where there is none."""
    payload = _json_object(text)
    if payload is None:
        try:
            payload = _json_object(base64.b64decode(text, validate=True).decode())
        except (binascii.Error, ValueError):
            return None
    if payload is None or not _well_formed(payload):
        return None
    if not accept_compression and (payload.get("headers") or {}).get("compression"):
        return None
    return payload


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _well_formed(payload: dict[str, Any]) -> bool:
    properties = payload.get("properties")
    if not isinstance(properties, dict) or not isinstance(payload.get("body"), str):
        return False
    if not isinstance(payload.get("headers"), _MAPPINGS_OR_NONE):
        return False
    if not all(
        isinstance(payload.get(key), _TEXT_OR_NONE) for key in ("content-type", "content-encoding")
    ):
        return False
    match properties.get("body_encoding"):
        case None | "utf-8":
            return True
        case "base64":
            return _is_base64(payload["body"])
        case _:
            return False


def _is_base64(body: str) -> bool:
    try:
        base64.b64decode(body)
    except (binascii.Error, ValueError):
        return False
    return True
