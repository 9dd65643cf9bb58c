"""Whether a number may send: the provider knows which were registered with it."""

from __future__ import annotations

from academy.core.errors import AppError
from academy.messaging import providers
from academy.messaging.providers.port import ProviderError, Retryable, SenderUnknown


def check_sender(number: str) -> None:
    """Ask the provider; call it outside of a transaction.

    Raises AppError: message_sender_unregistered, provider_unavailable, provider_misconfigured.
    """
    try:
        providers.current().check([number])
    except SenderUnknown:
        raise AppError("message_sender_unregistered") from None
    except Retryable as error:
        wait = {} if error.retry_after is None else {"retry_after": error.retry_after}
        raise AppError("provider_unavailable", **wait) from error
    except ProviderError as error:
        raise AppError("provider_misconfigured") from error
