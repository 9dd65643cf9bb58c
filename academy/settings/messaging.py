"""Who delivers messages, with which account, at which price; and what seals personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from academy.settings.reader import Reader

PROVIDERS: Final = ("console", "sandbox", "solapi", "nhn")
_SOLAPI_URL: Final = "https://api.solapi.com"
_NHN_SMS_URL: Final = "https://sms.api.nhncloudservice.com"
_NHN_ALIMTALK_URL: Final = "https://kakaotalk-bizmessage.api.nhncloudservice.com"
_MOST_JEON: Final = 1_000_000
_SECRET_CHARS: Final = 32


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a provider."""

    url: str
    key: str
    secret: str = field(repr=False)
    webhook_secret: str = field(default="", repr=False)
    alimtalk_url: str = ""
    """NHN's second service; Solapi has one for all."""
    alimtalk_key: str = ""
    """Empty at NHN: no AlimTalk."""
    alimtalk_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class MessagingEnvironment:
    """One provider for all academies; prices in jeon, a hundredth of a won, by type of message."""

    provider: str
    account: Account | None
    """None: the provider needs none."""
    prices: Mapping[str, int]
    timeout_seconds: float
    sandbox_seed: int
    personal_data_secrets: list[str] = field(repr=False)
    """Current first; empty: SECRET_KEY."""


def read_messaging(read: Reader, *, production: bool) -> MessagingEnvironment:
    """Read and check everything: a provider without its account is a problem at boot."""
    provider = read.choice("MESSAGING_PROVIDER", "console", PROVIDERS)
    account = {"solapi": _solapi, "nhn": _nhn}.get(provider, lambda _read: None)(read)
    if production and account is not None:
        for address in (account.url, account.alimtalk_url):
            if address.startswith("http://"):
                read.problem(f"{provider.upper()}_URL", "must be https in production")
    secrets = read.listed("PERSONAL_DATA_SECRET", "")
    if any(len(secret) < _SECRET_CHARS for secret in secrets):
        read.problem(
            "PERSONAL_DATA_SECRET", f"is too short: at least {_SECRET_CHARS} random characters each"
        )
    return MessagingEnvironment(
        provider=provider,
        account=account,
        prices=MappingProxyType(
            {
                "sms": read.integer("MESSAGING_SMS_PRICE", 1_800, 0, _MOST_JEON),
                "lms": read.integer("MESSAGING_LMS_PRICE", 4_500, 0, _MOST_JEON),
                "alimtalk": read.integer("MESSAGING_ALIMTALK_PRICE", 1_300, 0, _MOST_JEON),
            }
        ),
        timeout_seconds=read.seconds("MESSAGING_TIMEOUT_SECONDS", 15, 1, 120),
        sandbox_seed=read.integer("MESSAGING_SANDBOX_SEED", 1, 0, 2**31),
        personal_data_secrets=secrets,
    )


def _solapi(read: Reader) -> Account:
    return Account(
        url=read.url("SOLAPI_URL", _SOLAPI_URL),
        key=_needed(read, "SOLAPI_API_KEY", read.text("SOLAPI_API_KEY", "")),
        secret=_needed(read, "SOLAPI_API_SECRET", read.text("SOLAPI_API_SECRET", "")),
        webhook_secret=read.text("SOLAPI_WEBHOOK_SECRET", ""),
    )


def _nhn(read: Reader) -> Account:
    key = read.text("NHN_ALIMTALK_APP_KEY", "")
    if key:
        _needed(read, "NHN_ALIMTALK_APP_KEY", key)
    return Account(
        url=read.url("NHN_SMS_URL", _NHN_SMS_URL),
        key=_needed(read, "NHN_APP_KEY", read.text("NHN_APP_KEY", "")),
        secret=_needed(read, "NHN_SECRET_KEY", read.text("NHN_SECRET_KEY", "")),
        webhook_secret=read.text("NHN_WEBHOOK_SECRET", ""),
        alimtalk_url=read.url("NHN_ALIMTALK_URL", _NHN_ALIMTALK_URL),
        alimtalk_key=key,
        alimtalk_secret=(
            _needed(read, "NHN_ALIMTALK_SECRET_KEY", read.text("NHN_ALIMTALK_SECRET_KEY", ""))
            if key
            else ""
        ),
    )


def _needed(read: Reader, name: str, value: str) -> str:
    if not value:
        read.problem(name, "is not set, and MESSAGING_PROVIDER names its provider")
    # It goes into a header or an address.
    elif not (value.isascii() and value.isprintable()) or " " in value:
        read.problem(name, "has characters that a header cannot carry")
    return value
