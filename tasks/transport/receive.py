"""ReceiveMessage on the event loop: always answers, always in bounded time, never raises."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pycurl
from botocore.response import get_response
from kombu.asynchronous.aws.connection import AsyncHTTPSConnection
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection
from kombu.asynchronous.http.curl import CurlClient

#: Called once a poll is over: the messages, or None and what went wrong.
OnAnswer = Callable[[list[dict[str, Any]] | None, str | None], None]


class HTTPClient(CurlClient):
    """Kombu's curl client, mended in two places.

    Its timer: curl asks for milliseconds and kombu waits as many seconds, adding one more timer for
    each request. Harmless while no time-out is set; with one it is a leak, and time-outs are late.

    The loop it runs on: a kombu hub without a single reader (a thread pool's, while the prefetch is
    full) sleeps 0.1 s a turn and cannot be woken. So one pipe that nobody writes to is always read.
    """

    def __init__(self, hub: Any, max_clients: int = 10) -> None:
        self._timer: Any = None
        super().__init__(hub, max_clients)
        self._pipe = os.pipe()
        hub.add_reader(self._pipe[0], _nothing)

    def _set_timeout(self, msecs: int) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if msecs >= 0:
            self._timer = self.hub.call_later(msecs / 1000, self._timeout_check)

    def close(self) -> None:
        """Drop the requests under way; their callbacks are never called."""
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self.hub.remove(self._pipe[0])
        for fd in self._pipe:
            os.close(fd)
        super().close()


def _nothing() -> None:
    """What there is to do with a pipe that never becomes readable."""


class _BoundedConnection(AsyncHTTPSConnection):
    """One request with a time limit: curl, as kombu sets it up, waits for ever."""

    def __init__(self, *, http_client: Any, connect_timeout: float, timeout: float) -> None:
        super().__init__(http_client=http_client)
        self._connect_timeout = connect_timeout
        self._timeout = timeout

    def getrequest(self) -> Any:
        """Kombu's request, with the time limits set before it is sent."""
        request = super().getrequest()
        request.on_prepare = self._prepare
        return request

    def _prepare(self, curl: Any) -> None:
        # Without NOSIGNAL a time-out of curl's own resolver raises SIGALRM in the worker.
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(self._connect_timeout * 1000))
        curl.setopt(pycurl.TIMEOUT_MS, int(self._timeout * 1000))
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)
        curl.setopt(pycurl.TCP_KEEPIDLE, 30)
        curl.setopt(pycurl.TCP_KEEPINTVL, 10)


class Receiver(AsyncSQSConnection):
    """Long polls of one queue."""

    def __init__(
        self,
        sqs_connection: Any,
        *,
        http_client: Any,
        connect_timeout: float,
        timeout_margin: float,
        **options: Any,
    ) -> None:
        super().__init__(sqs_connection, http_client=http_client, **options)
        self._connect_timeout = connect_timeout
        self._timeout_margin = timeout_margin
        self._poll_timeout = timeout_margin

    def poll(self, queue_url: str, *, count: int, wait_seconds: int, on_answer: OnAnswer) -> None:
        """Ask for *count* messages; *on_answer* is called exactly once, unless the loop ends."""
        params: dict[str, Any] = {
            "MaxNumberOfMessages": count,
            "WaitTimeSeconds": wait_seconds,
            "MessageSystemAttributeNames": list(self.message_system_attribute_names),
        }
        if self.message_attribute_names:
            params["MessageAttributeNames"] = list(self.message_attribute_names)
        self._poll_timeout = wait_seconds + self._timeout_margin
        self.make_request(
            "ReceiveMessage",
            params,
            queue_url,
            "POST",
            callback=lambda response: on_answer(*self._read(response)),
        )

    def get_http_connection(self) -> _BoundedConnection:
        """The connection of the request being made."""
        return _BoundedConnection(
            http_client=self._httpclient,
            connect_timeout=self._connect_timeout,
            timeout=self._poll_timeout,
        )

    def _read(self, response: Any) -> tuple[list[dict[str, Any]] | None, str | None]:
        if response.status == self.STATUS_CODE_NETWORK_CONNECT_TIMEOUT_ERROR:
            return None, f"no answer: {response.reason}"
        if response.status != self.STATUS_CODE_OK:
            return None, f"HTTP {response.status} {_error_code(response)}".rstrip()
        model = self.sqs_connection.meta.service_model.operation_model("ReceiveMessage")
        try:
            _, parsed = get_response(model, response.response)
            return list(parsed.get("Messages") or []), None
        except Exception as exc:  # noqa: BLE001 - whatever a broken answer makes the parser raise
            return None, f"unreadable answer: {type(exc).__name__}"


def _error_code(response: Any) -> str:
    """The service's name of the error, e.g. ``AccessDenied``; never its free text."""
    try:
        code = json.loads(response.read() or b"{}").get("__type", "")
    except (ValueError, AttributeError):
        return ""
    return str(code).rpartition("#")[2][:80]
