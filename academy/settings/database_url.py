"""DATABASE_URL, read so that no character of a password can break it.

Passwords that a cloud console makes hold ``#``, ``/``, ``?``, ``@``, ``%`` and ``$``. A general
URL parser cuts the address at the first of them and reports a wrong host, hours later. Here the
last ``@`` ends the password, whatever stands before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

_SCHEMES = ("postgresql", "postgres")
_OPTIONS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "target_session_attrs"}
)
_SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_$.-]{0,62}\Z")
_HOST = re.compile(r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])\Z")


class DatabaseUrlError(ValueError):
    """The address is malformed. The message never holds the password."""


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """The parts of a PostgreSQL address. ``host`` may be a socket's folder."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    options: dict[str, str]


def parse(url: str) -> DatabaseUrl:
    """Read ``postgresql://user:password@host:port/name?sslmode=…``.

    The password may stand raw or percent-encoded; a ``%`` that starts no valid escape is itself.
    Raises DatabaseUrlError with a sentence that says what to change.
    """
    if url != url.strip() or url[:1] in "\"'":
        raise DatabaseUrlError("has quotes or spaces around it: write the bare address")
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _SCHEMES:
        raise DatabaseUrlError("must start with postgresql://")
    credentials, at, location = rest.rpartition("@")
    if not at:
        raise DatabaseUrlError("names no user: postgresql://USER:PASSWORD@HOST:PORT/NAME")
    user, _, password = credentials.partition(":")
    location, _, query = location.partition("?")
    authority, _, name = location.partition("/")
    options = _options(query)
    host, port = _host_and_port(authority, options)
    name = unquote(name)
    if not user:
        raise DatabaseUrlError("names no user before the ':'")
    if not _NAME.match(name):
        raise DatabaseUrlError("ends without a valid database name: …/NAME")
    return DatabaseUrl(host, port, name, unquote(user), unquote(password), options)


def _host_and_port(authority: str, options: dict[str, str]) -> tuple[str, int]:
    socket_folder = options.pop("host", None)
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, "5432"
    if not port.isdigit() or not 1 <= int(port) <= 65535:
        raise DatabaseUrlError("has a port that is not a number from 1 to 65535")
    if socket_folder is not None and not host:
        return socket_folder, int(port)
    if not _HOST.match(host):
        raise DatabaseUrlError("has no valid host after the last '@'")
    return host.strip("[]"), int(port)


def _options(query: str) -> dict[str, str]:
    if not query:
        return {}
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))
    except ValueError:
        raise DatabaseUrlError("has malformed options after the '?'") from None
    unknown = sorted(set(options) - _OPTIONS - {"host"})
    if unknown:
        raise DatabaseUrlError(f"has options that are not allowed: {', '.join(unknown)}")
    if options.get("sslmode", "prefer") not in _SSL_MODES:
        raise DatabaseUrlError(f"has an unknown sslmode: one of {', '.join(sorted(_SSL_MODES))}")
    return options
