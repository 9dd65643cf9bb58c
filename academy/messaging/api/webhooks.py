"""What providers report by themselves. Each event is a hint: it is stored, and looked up later."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.errors import AppError
from academy.messaging import delivery, providers
from academy.messaging.api import docs
from academy.messaging.providers.port import ProviderError


class WebhookView(APIView):
    """For the provider alone: it proves itself in its own way."""

    authentication_classes = ()
    permission_classes = ()

    @docs.webhook
    def post(self, request: Request, provider: str) -> Response:
        """Store the events, each once; the provider is then asked what is true.

        The answer never waits for that. Whoever is not the provider is refused with 403
        `provider_callback_refused`.
        """
        # As it came: a signature is over the bytes.
        raw = request._request.body  # noqa: SLF001
        try:
            callbacks = providers.named(provider).parse_callback(request.headers, raw)
        except ProviderError:
            raise AppError("provider_callback_refused") from None
        return Response({"new": delivery.record(provider, callbacks)})
