"""One deployment at a time: an object that says who deploys, renewed while it goes on.

Every write depends on what was read (S3's conditional writes), so of two that try at once exactly
one succeeds, and one that was thought dead and is not notices it at its next renewal.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws.errors import Busy
from deploy.aws.store import Store

KEY = "lock.json"
#: A holder that has not renewed for so long is taken for dead; S3 is asked three times meanwhile.
DEAD_AFTER_SECONDS = 180.0


class Lock:
    """The lock of an environment, held by this process."""

    def __init__(self, store: Store, content: dict[str, str], etag: str) -> None:
        self._store = store
        self._content = content
        self._etag: str | None = etag
        self._renewed = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="deploy-lock", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Busy where somebody else has taken the lock over; called before every step."""
        if self._etag is None:
            raise Busy(
                "Another deployment took this one for dead and goes on instead of it. "
                "Nothing more is done here."
            )

    def release(self) -> None:
        """Let others deploy."""
        self._ended.set()
        self._thread.join()
        if self._etag is None:
            return
        # Whatever ended the deployment says more than this; the lock falls by itself.
        with suppress(BotoCoreError, ClientError):
            self._store.remove(KEY, self._etag)

    def _renew(self) -> None:
        while self._etag is not None and not self._ended.wait(DEAD_AFTER_SECONDS / 3):
            # After a failure the next try may succeed; after three the lock is anybody's.
            with suppress(BotoCoreError, ClientError):
                self._renew_once()

    def _renew_once(self) -> None:
        assert self._etag is not None
        self._renewed += 1
        # Another content each time: the same one would be no write that others could notice.
        content = self._content | {"renewed": str(self._renewed)}
        self._etag = self._store.write(KEY, content, IfMatch=self._etag) or self._ours()

    def _ours(self) -> str | None:
        """The ETag of our own renewal whose answer was lost, None where another wrote."""
        found = self._store.read(KEY)
        mine = found is not None and found.value["token"] == self._content["token"]
        return found.etag if found is not None and mine else None


@contextmanager
def held(store: Store, what: str) -> Iterator[Lock]:
    """Hold the environment's lock, or Busy with who holds it and since when."""
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    content = {
        "who": f"{_user()}@{socket.gethostname()}",
        "what": what,
        "since": since,
        "token": secrets.token_hex(8),
    }
    etag = store.write(KEY, content, IfNoneMatch="*")
    if etag is None:
        etag = _taken_over(store, content)
    lock = Lock(store, content, etag)
    try:
        yield lock
    finally:
        lock.release()


def _taken_over(store: Store, content: dict[str, str]) -> str:
    """The lock of a holder that is dead; Busy where it lives."""
    found = store.read(KEY)
    if found is None:
        raise Busy("Another deployment ended just now. Try once more.")
    if found.age_seconds < DEAD_AFTER_SECONDS:
        holder = found.value
        left = DEAD_AFTER_SECONDS - found.age_seconds
        raise Busy(
            f"{holder['who']} runs `{holder['what']}` since {holder['since']}. Wait for it to end. "
            f"If it was killed, its lock falls in {left:.0f} s."
        )
    taken = store.write(KEY, content, IfMatch=found.etag)
    if taken is None:
        raise Busy("Somebody else took the lock of a dead deployment just now.")
    return taken


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())
