"""What a plain task does to send one message by Solapi: one signed call, and nothing remembered.

The address and the keys are in ``STOCK_POST_URL``, ``STOCK_POST_KEY`` and ``STOCK_POST_SECRET``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import lru_cache

import httpx

from academy.core import clock


def send(to: str, text: str) -> None:
    """Raises httpx.HTTPError where it was refused, or its answer lost."""
    date, salt = clock.now().isoformat(), secrets.token_hex(16)
    key, secret = os.environ["STOCK_POST_KEY"], os.environ["STOCK_POST_SECRET"]
    signature = hmac.new(secret.encode(), f"{date}{salt}".encode(), hashlib.sha256).hexdigest()
    signed = f"HMAC-SHA256 apiKey={key}, date={date}, salt={salt}, signature={signature}"
    message = {"to": to, "from": "0200000000", "text": text, "type": "SMS"}
    _client().post(
        "/messages/v4/send", json={"message": message}, headers={"Authorization": signed}
    ).raise_for_status()


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    return httpx.Client(base_url=os.environ["STOCK_POST_URL"], timeout=30)
