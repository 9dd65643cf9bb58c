"""Fixtures of the tests with real services."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.sqs_proxy import SqsProxy
from tests.support.workers import Site


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Sites: SQS accounts behind fault proxies; their workers end with the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> Site:
            account = str(100_000_000_000 + secrets.randbelow(900_000_000_000))
            proxy = stack.enter_context(SqsProxy(os.environ["SQS_ENDPOINT_URL"]))
            site = Site(tmp_path, account, proxy, **options)
            stack.callback(site.close)
            return site

        yield make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site with a visibility of 30 s and a long poll of 1 s."""
    return make_site()
