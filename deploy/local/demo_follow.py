"""Follow a job: Server-Sent Events while they come, plain reads when they do not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.local.demo_api import Api, DemoError

TERMINAL = frozenset({"succeeded", "failed", "cancelled", "dead"})
_POLL_SECONDS = 1.0
_STREAM_TIMEOUT = httpx.Timeout(30.0, connect=5.0)  # the server says something every 15 s
_STREAM_MEDIA_TYPE = "text/event-stream"


@dataclass
class Frame:
    """One event of a stream."""

    event: str = "message"
    number: str = ""
    data: list[str] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """The data as JSON."""
        value: dict[str, Any] = json.loads("\n".join(self.data))
        return value


def parse_frames(lines: Iterator[str]) -> Iterator[Frame]:
    """Frames of an event stream; comments and retry hints are passed over.

    See https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream.
    """
    frame = Frame()
    for line in lines:
        if not line:
            if frame.data:
                yield frame
            frame = Frame()
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            frame.event = value
        elif name == "data":
            frame.data.append(value)
        elif name == "id":
            frame.number = value


@dataclass(frozen=True)
class Sight:
    """What is known of the job at one moment."""

    state: str
    step: str
    percent: float
    eta_seconds: float | None
    live: bool
    """Whether it came over the stream, not from a read."""


class Follower:
    """Watches one job until it has ended; `job` is then its final body."""

    def __init__(self, api: Api, job: dict[str, Any]) -> None:
        self._api = api
        self._path: str = job["links"]["self"]
        self._last_id = ""
        self.job: dict[str, Any] = {}
        self.broken_streams = 0

    def sights(self, *, within_seconds: float) -> Iterator[Sight]:
        """Every change until the job has ended; DemoError when that takes too long."""
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            try:
                yield from self._stream(deadline)
            except (httpx.HTTPError, ValueError):
                self.broken_streams += 1
            job = self._api.get(self._path)
            yield _sight(job, live=False)
            if job["state"] in TERMINAL:
                self.job = job
                return
            time.sleep(_POLL_SECONDS)
        raise DemoError(
            f"The job {self._path} has not ended within {within_seconds:g} s. "
            "Look at relay.log and at the log of its worker"
        )

    def _stream(self, deadline: float) -> Iterator[Sight]:
        headers = {"Accept": _STREAM_MEDIA_TYPE}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        path = f"{self._path}/events"
        with self._api.http.stream("GET", path, headers=headers, timeout=_STREAM_TIMEOUT) as answer:
            answer.raise_for_status()
            for frame in parse_frames(answer.iter_lines()):
                self._last_id = frame.number or self._last_id
                if frame.event in ("progress", "end"):
                    yield _sight(frame.json(), live=True)
                if frame.event == "end" or time.monotonic() > deadline:
                    return


def _sight(job: dict[str, Any], *, live: bool) -> Sight:
    return Sight(
        state=job["state"],
        step=job["step"],
        percent=job["percent"],
        eta_seconds=job["eta_seconds"],
        live=live,
    )
