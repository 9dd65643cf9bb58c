"""Addresses that a CDN can check by itself, without asking the platform.

    https://CDN/PATH?exp=SECONDS&pv=VERSION&kid=KEY&sig=SIGNATURE

`SIGNATURE` is the unpadded base64url of HMAC-SHA-256 over the *canonical string*: five lines
without a last newline,

    academy-cdn-1
    KEY                the key's id, so that a signature of one key is none of another's
    PATH               as it stands in the address: with the leading slash, percent-encoded
    SECONDS            since 1970, decimal; from that second on the address is refused
    VERSION            the policy version of the video, decimal

The sample worker in ``deploy/edge`` checks exactly this; both are held to
``deploy/edge/vectors.json``. Keys rotate by their ids: the worker knows several at once, the
platform signs with one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from django.conf import settings

SCHEME: Final = "academy-cdn-1"


@dataclass(frozen=True)
class SigningKey:
    """A secret that the platform and the CDN share, and the id that addresses name it by."""

    name: str
    secret: str

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """From ``ID:SECRET``, whose form the environment has checked."""
        name, _, secret = text.partition(":")
        return cls(name, secret)

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r}, ***)"


@dataclass(frozen=True)
class Cdn:
    """A CDN in front of the video bucket."""

    base_url: str
    key: SigningKey

    def address(self, object_key: str, *, expires: int, policy: int) -> str:
        """A link to one object until `expires`, in seconds since 1970."""
        path = "/" + quote(object_key, safe="/-._~")
        query = {
            "exp": expires,
            "pv": policy,
            "kid": self.key.name,
            "sig": signature(self.key, path, expires=expires, policy=policy),
        }
        return f"{self.base_url}{path}?{urlencode(query)}"


def signature(key: SigningKey, path: str, *, expires: int, policy: int) -> str:
    """The ``sig`` of an address with this path."""
    canonical = "\n".join((SCHEME, key.name, path, str(expires), str(policy)))
    mac = hmac.new(key.secret.encode(), canonical.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def configured() -> Cdn | None:
    """The CDN of the settings; None where browsers read from the object store itself."""
    if not settings.CDN_BASE_URL:
        return None
    return Cdn(settings.CDN_BASE_URL, SigningKey.parse(settings.CDN_SIGNING_KEY))
