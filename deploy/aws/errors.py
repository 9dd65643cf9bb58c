"""How a deployment can end, each with an exit status and sentences for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
UNKNOWN_KEY = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch"}
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class DeployError(Exception):
    """A command could not do its work; :attr:`status` is the exit status."""

    status = 1


class Refused(DeployError):
    """Something is wrong before anything was changed."""

    status = 2

    def __init__(self, headline: str, reasons: Sequence[str] = ()) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join([headline, *(f"  - {reason}" for reason in reasons)]))


class RolledBack(DeployError):
    """The release failed, and the one before it serves again."""

    status = 3


class Drifted(DeployError):
    """What runs differs from what was deployed."""

    status = 4


class Busy(DeployError):
    """Somebody else deploys to this environment now."""

    status = 5


def error_code(error: ClientError) -> str:
    """AWS's own word for what went wrong, without the protocol's prefix."""
    return str(error.response.get("Error", {}).get("Code", "")).rpartition("#")[2]


def explained(error: BotoCoreError | ClientError) -> str:
    """An answer of AWS, or its absence, as a sentence that says what to do."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "There are no AWS credentials here. Sign in (aws sso login) or set AWS_PROFILE."
    if isinstance(error, EndpointConnectionError):
        return f"AWS does not answer: {error}. Is this machine's network up?"
    if not isinstance(error, ClientError):
        return f"AWS could not be asked: {error}"
    code = error_code(error)
    if code in EXPIRED:
        return "The AWS credentials have expired. Sign in again (aws sso login), then repeat this."
    if code in UNKNOWN_KEY:
        return "AWS does not know these credentials. Check AWS_PROFILE and AWS_ACCESS_KEY_ID."
    message = error.response.get("Error", {}).get("Message", "")
    if code in DENIED:
        return f"These credentials may not call {error.operation_name}: {message}"
    return f"{error.operation_name} answered {code}: {message}"
