"""Whether the provider of messages can be used: asked as a worker of its queue starts."""

from __future__ import annotations

import logging
from typing import Any, Final

from celery import bootsteps
from django.apps import apps
from django.conf import settings

from tasks.worker import boot, fleet

logger = logging.getLogger(__name__)

_QUEUE: Final = "messaging"


class MessageProvider(bootsteps.Step):
    """Worker step: refuse to start with an account that cannot send, and say who delivers.

    A provider that is away is no reason to stay down: its calls are tried again by themselves.
    """

    requires = (boot.BootChecks,)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        if not apps.ready or boot.the_queue(worker.app).name != _QUEUE:
            return
        # Its models are those of the applications.
        from academy.messaging import providers  # noqa: PLC0415
        from academy.messaging.providers.port import Misconfigured, ProviderError  # noqa: PLC0415

        name = settings.MESSAGING_PROVIDER
        try:
            providers.current().check([])
        except Misconfigured as error:
            raise SystemExit(
                "This worker must not start. The provider of messages refuses its account "
                f"({error.detail}): look at MESSAGING_PROVIDER and the keys of the provider, and "
                "at docs/how-to/connect-a-message-provider.md."
            ) from None
        except ProviderError as error:
            logger.warning(
                "The provider of messages does not answer (%s %s); it is tried again with the "
                "first message.", error.code, error.detail,
            )  # fmt: skip
        fleet.add_fact("message_provider", lambda: name)
        logger.info("Messages are delivered by %s.", name)
