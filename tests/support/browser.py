"""A real browser for tests of pages: headless Chromium, driven by playwright.

    def test_a_page(browser: Browser) -> None:
        with browser.visit("http://127.0.0.1:5555/", login="ops:password") as page:
            expect(page.get_by_role("heading")).to_have_text("Workers")

A visit fails when the page wrote an error to its console, threw, or could not load something. The
machine's own Chromium is used: ``CHROMIUM_BIN``, or one on the PATH. Without one such a test is
skipped with a reason, and fails where CI=true.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP = (1280, 800)
PHONE = (390, 844)
#: Slow machines draw slowly; an assertion that holds sooner does not wait.
PATIENCE_MS = 20_000
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def chromium_path() -> str | None:
    """The browser to use, or None where there is none."""
    if named := os.environ.get("CHROMIUM_BIN"):
        return shutil.which(named)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One Chromium; every visit has cookies and storage of its own."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium

    @contextmanager
    def visit(
        self,
        url: str,
        *,
        login: str = "",
        size: tuple[int, int] = DESKTOP,
        cookies: list[dict[str, Any]] | None = None,
        forgive: tuple[str, ...] = (),
    ) -> Iterator[Page]:
        """Open *url*; *login* is ``user:password`` of basic auth.

        Complaints that contain one of *forgive* are expected: a refusal that the test provokes.
        """
        user, _, password = login.partition(":")
        context = self._chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            is_mobile=size == PHONE,
            has_touch=size == PHONE,
            locale="en-US",
            timezone_id="UTC",
            **({"http_credentials": {"username": user, "password": password}} if login else {}),
        )
        context.set_default_timeout(PATIENCE_MS)
        if cookies:
            context.add_cookies(cookies)
        page = context.new_page()
        complaints = _listen(page)
        try:
            page.goto(url)
            yield page
            left = [text for text in complaints if not any(word in text for word in forgive)]
            assert not left, f"{page.url} complained: {left}"
        finally:
            context.close()


def _listen(page: Page) -> list[str]:
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: (
            complaints.append(f"console: {message.text} ({message.location.get('url')})")
            if message.type == "error"
            else None
        ),
    )
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    return complaints


def shoot(page: Page, target: Path) -> None:
    """A picture of the whole page at *target*, without caret and animations."""
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target, full_page=True, animations="disabled")


@contextmanager
def launched() -> Iterator[Browser]:
    """A Chromium that ends with the block; RuntimeError where there is none."""
    path = chromium_path()
    if path is None:
        raise RuntimeError("there is no Chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=[*_FLAGS])
        try:
            yield Browser(chromium)
        finally:
            chromium.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one module.

    Not for the session: playwright's event loop runs in this thread until the browser ends, and
    tests of other modules have loops of their own. Django takes that loop for a sign of
    asynchronous code, which it is not.
    """
    if chromium_path() is None:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(
            "no Chromium: set CHROMIUM_BIN or install one (apt-get install chromium; "
            "python -m deploy.local.browser does it on Debian and Ubuntu as root)"
        )
    with pytest.MonkeyPatch.context() as patch, launched() as made:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        _forget_connections()
        yield made
        _forget_connections()


def _forget_connections() -> None:
    """Drop Django's connections of this loop: another module's lead to a database that is gone.

    Where a loop runs, Django keeps connections of their own for it, which nobody else closes.
    """
    for connection in connections.all(initialized_only=True):
        connection.close()
        del connections[connection.alias]
