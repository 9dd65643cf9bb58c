"""Where a request comes from, as far as our own proxies can vouch for it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address of the client.

    Each trusted proxy appends one entry to X-Forwarded-For; what stands further left was written
    by the client itself and proves nothing.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    hops: int = settings.TRUSTED_PROXIES
    forwarded = [
        part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part
    ]
    return forwarded[-hops] if 0 < hops <= len(forwarded) else peer
