"""Flower's environment, checked: whoever starts it wrongly learns why before it listens."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flower.utils.authentication import validate_auth_option

from tasks import queues

#: Where a Flower without a password may be started, and then only for this machine.
_OPEN_SETTINGS = frozenset({"academy.settings.local", "academy.settings.test"})
_MIN_PASSWORD = 8
_OAUTH = ("FLOWER_OAUTH2_KEY", "FLOWER_OAUTH2_SECRET", "FLOWER_OAUTH2_REDIRECT_URI")
_PROVIDERS = {
    "google": "flower.views.auth.GoogleAuth2LoginHandler",
    "github": "flower.views.auth.GithubLoginHandler",
    "gitlab": "flower.views.auth.GitLabLoginHandler",
    "okta": "flower.views.auth.OktaLoginHandler",
}


class FlowerConfigError(ValueError):
    """Why Flower must not start, as a sentence that says what to do."""


@dataclass(frozen=True)
class OAuth:
    """Log-in through a provider; *emails* is Flower's pattern of who may come in."""

    provider: str
    emails: str
    key: str
    secret: str
    redirect_uri: str


@dataclass(frozen=True)
class FlowerConfig:
    """How Flower runs. ``basic_auth`` holds ``user:password`` texts.

    ``controls`` says whether the pages may pause, drain and cancel through the platform's database;
    ``public_base_url`` is the platform's own address, empty where Flower was not told.
    """

    port: int
    address: str
    basic_auth: tuple[str, ...]
    oauth: OAuth | None
    database: Path | None
    queue: str
    max_tasks: int
    controls: bool
    public_base_url: str
    log_format: str
    log_level: str

    @property
    def is_open(self) -> bool:
        """Whether anybody who reaches the port may look."""
        return not self.basic_auth and self.oauth is None


def read(environ: Mapping[str, str] = os.environ) -> FlowerConfig:
    """The configuration in *environ*; FlowerConfigError where it must not be used."""
    config = FlowerConfig(
        port=_whole(environ, "FLOWER_PORT", 5555, 0, 65535),
        address=environ.get("FLOWER_ADDRESS") or "127.0.0.1",
        basic_auth=_basic_auth(environ),
        oauth=_oauth(environ),
        database=Path(path) if (path := environ.get("FLOWER_DB")) else None,
        queue=_queue(environ),
        max_tasks=_whole(environ, "FLOWER_MAX_TASKS", 20_000, 100, 1_000_000),
        # Whoever turns a switch is written down, so there must be a login.
        controls=bool(environ.get("DATABASE_URL") and _has_login(environ)),
        public_base_url=_base_url(environ),
        log_format=environ.get("LOG_FORMAT") or "console",
        log_level=environ.get("LOG_LEVEL") or "INFO",
    )
    if config.basic_auth and config.oauth:
        raise FlowerConfigError("Set FLOWER_BASIC_AUTH or FLOWER_AUTH, not both.")
    if config.is_open:
        _refuse_strangers(environ, config.address)
    if config.database and not config.database.parent.is_dir():
        raise FlowerConfigError(f"FLOWER_DB: there is no folder {config.database.parent}.")
    return config


def _refuse_strangers(environ: Mapping[str, str], address: str) -> None:
    remedy = "Set FLOWER_BASIC_AUTH=user:password, or FLOWER_AUTH with a log-in provider."
    settings = environ.get("DJANGO_SETTINGS_MODULE", "")
    if settings not in _OPEN_SETTINGS:
        raise FlowerConfigError(
            "Flower would show every worker and task to whoever finds its port, because it has no "
            f"password; that is allowed only under the local and test settings. {remedy}"
        )
    if not _is_loopback(address):
        raise FlowerConfigError(
            f"Flower without a password listens on 127.0.0.1 only, not on {address}. {remedy}"
        )


def _has_login(environ: Mapping[str, str]) -> bool:
    return bool(environ.get("FLOWER_BASIC_AUTH") or environ.get("FLOWER_AUTH"))


def _base_url(environ: Mapping[str, str]) -> str:
    url = (environ.get("PUBLIC_BASE_URL") or "").rstrip("/")
    if url and not url.startswith(("http://", "https://")):
        raise FlowerConfigError(f"PUBLIC_BASE_URL={url!r} must begin with https:// or http://.")
    return url


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _basic_auth(environ: Mapping[str, str]) -> tuple[str, ...]:
    raw = environ.get("FLOWER_BASIC_AUTH", "")
    logins = tuple(login for login in raw.split(",") if login)
    for login in logins:
        user, _, password = login.partition(":")
        # Flower compares texts in constant time, which Python does for ASCII only.
        if not user or len(password) < _MIN_PASSWORD or not login.isascii():
            raise FlowerConfigError(
                f"FLOWER_BASIC_AUTH must be user:password with at least {_MIN_PASSWORD} ASCII "
                "characters of password (several logins: with commas between)."
            )
    return logins


def _oauth(environ: Mapping[str, str]) -> OAuth | None:
    emails = environ.get("FLOWER_AUTH")
    if not emails:
        return None
    provider = environ.get("FLOWER_AUTH_PROVIDER", "google")
    if provider not in _PROVIDERS:
        raise FlowerConfigError(
            f"FLOWER_AUTH_PROVIDER={provider!r} must be one of {', '.join(sorted(_PROVIDERS))}."
        )
    missing = [name for name in _OAUTH if not environ.get(name)]
    if missing:
        raise FlowerConfigError(f"FLOWER_AUTH also needs {', '.join(missing)}.")
    if "@" not in emails or not validate_auth_option(emails):
        raise FlowerConfigError(
            "FLOWER_AUTH names who may come in: an address, several with | between, or "
            ".*@example.com for a domain."
        )
    key, secret, redirect_uri = (environ[name] for name in _OAUTH)
    return OAuth(_PROVIDERS[provider], emails, key, secret, redirect_uri)


def _queue(environ: Mapping[str, str]) -> str:
    names = [queue.sqs_name for queue in queues.events_queues(environ)]
    name = environ.get("FLOWER_QUEUE") or names[0]
    if name not in names:
        raise FlowerConfigError(
            f"FLOWER_QUEUE={name!r}: workers send nothing there. Add it to SQS_QUEUE_EVENTS "
            f"(now {', '.join(names)}) for them, too."
        )
    return name


def _whole(environ: Mapping[str, str], key: str, default: int, low: int, high: int) -> int:
    raw = environ.get(key) or str(default)
    if not raw.isdecimal() or not low <= int(raw) <= high:
        raise FlowerConfigError(f"{key}={raw!r} must be a whole number from {low} to {high}.")
    return int(raw)
