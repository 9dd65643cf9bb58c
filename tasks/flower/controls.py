"""Flower's buttons: pause a queue, drain a worker, cancel a job. Rows change; workers obey them."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any
from uuid import UUID

from flower.api import BaseApiHandler
from tornado.web import HTTPError, RequestHandler

from tasks.flower.board import DeedError
from tasks.flower.pages import logged_in

_REASON_CHARS = 200
#: The columns that hold a name have 80 characters.
_BY_CHARS = 80


def audit_name(handler: Any) -> str:
    """Who is at the other end, as the audit writes it: ``flower:<login>``."""
    user = handler.current_user
    if user is True:
        try:
            raw = handler.request.headers.get("Authorization", "").partition(" ")[2]
            user = b64decode(raw).decode().partition(":")[0]
        except (binascii.Error, ValueError):
            user = "unknown"
    return f"flower:{user}"[:_BY_CHARS]


class Control(BaseApiHandler):
    """Takes a POST, does one deed in the database and answers with a sentence.

    Flower itself asks for no token where basic auth is used, because another site's request is
    told by its Origin; what changes something here asks for both.
    """

    def check_xsrf_cookie(self) -> None:
        """Refuse other sites' requests, and every request without the page's own token."""
        super().check_xsrf_cookie()
        RequestHandler.check_xsrf_cookie(self)

    async def do(self, deed: str, *about: Any, **more: Any) -> None:
        """Answer ``{"message": ...}``, or the deed's error with its own status."""
        database = self.application.settings["database"]
        try:
            message = await database.do(deed, *about, by=audit_name(self), **more)
        except DeedError as error:
            # Its text is the answer; a status's own words would hide it.
            raise HTTPError(error.status, "%s", str(error)) from error
        self.write({"message": message})

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """The reason as text."""
        if status_code == 401 and self.application.options.basic_auth:
            # A browser sends its login unasked only to the paths below the one that asked for it.
            self.set_header("WWW-Authenticate", 'Basic realm="flower"')
        error = (kwargs.get("exc_info") or (None, None))[1]
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        if isinstance(error, HTTPError) and error.log_message:
            self.finish(error.log_message % error.args if error.args else error.log_message)
        else:
            self.finish(f"That did not work ({status_code}).")

    def reason(self) -> str:
        """What the operator wrote; 400 where that is nothing, or too much."""
        reason = str(self.get_argument("reason", "", escape=False)).strip()
        if not 0 < len(reason) <= _REASON_CHARS or not reason.isprintable():
            raise HTTPError(400, f"Say why, in 1 to {_REASON_CHARS} characters.")
        return reason


class QueueControl(Control):
    """``POST /platform/queue/<queue>/pause|resume``."""

    @logged_in
    async def post(self, queue: str, deed: str) -> None:
        """Pause or resume."""
        await self.do(deed, queue, **({"reason": self.reason()} if deed == "pause" else {}))


class WorkerControl(Control):
    """``POST /platform/worker/<worker>/drain|undrain``."""

    @logged_in
    async def post(self, worker: str, deed: str) -> None:
        """Drain or undrain."""
        await self.do(deed, worker, **({"reason": self.reason()} if deed == "drain" else {}))


class JobControl(Control):
    """``POST /platform/job/<job>/cancel``."""

    @logged_in
    async def post(self, task_id: str) -> None:
        """Cancel."""
        try:
            job_id = UUID(task_id)
        except ValueError:
            raise HTTPError(404, "There is no job behind this task.") from None
        await self.do("cancel", job_id, reason=self.reason())


ROUTES: list[Any] = [
    (r"/platform/queue/([^/]+)/(pause|resume)", QueueControl),
    (r"/platform/worker/([^/]+)/(drain|undrain)", WorkerControl),
    (r"/platform/job/([^/]+)/cancel", JobControl),
]
