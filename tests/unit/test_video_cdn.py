"""Links that a CDN checks: the signer and the sample worker agree, vector by vector."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.video import cdn
from tests.support.node import NODE

EDGE = Path(__file__).resolve().parents[2] / "deploy" / "edge"
VECTORS: dict[str, Any] = json.loads((EDGE / "vectors.json").read_text())
KEY = cdn.SigningKey.parse(f"k1:{VECTORS['keys']['k1']}")
CDN = cdn.Cdn("https://video.example.kr", KEY)


@pytest.mark.parametrize(
    "link", [link for link in VECTORS["links"] if link["verdict"] != "cdn_link_invalid"],
    ids=lambda link: link["what"],
)  # fmt: skip
def test_the_signer_makes_the_signatures_that_the_worker_accepts(link: dict[str, Any]) -> None:
    key = cdn.SigningKey(link["kid"], VECTORS["keys"][link["kid"]])
    made = cdn.signature(key, link["path"], expires=link["exp"], policy=link["pv"])
    assert made == link["sig"]


def test_the_signer_makes_none_of_those_that_the_worker_refuses() -> None:
    refused = [link for link in VECTORS["links"] if link["verdict"] == "cdn_link_invalid"]
    assert len(refused) >= 5
    for link in refused:
        for name, secret in VECTORS["keys"].items():
            if name == link["kid"]:
                made = cdn.signature(
                    cdn.SigningKey(name, secret), link["path"], expires=link["exp"],
                    policy=link["pv"],
                )  # fmt: skip
                assert made != link["sig"]


def test_an_address_names_the_object_and_what_was_signed() -> None:
    first = VECTORS["links"][0]
    made = CDN.address(first["path"].removeprefix("/"), expires=first["exp"], policy=first["pv"])
    parts = urlsplit(made)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "video.example.kr", first["path"])
    assert parse_qs(parts.query) == {
        "exp": [str(first["exp"])], "pv": ["1"], "kid": ["k1"], "sig": [first["sig"]],
    }  # fmt: skip


@given(
    st.tuples(st.text("ab/1.", max_size=9), st.integers(0, 99), st.integers(0, 99)),
    st.tuples(st.text("ab/1.", max_size=9), st.integers(0, 99), st.integers(0, 99)),
)
def test_two_links_with_one_signature_are_one_link(
    one: tuple[str, int, int], other: tuple[str, int, int]
) -> None:
    made = [
        cdn.signature(KEY, "/" + path, expires=expires, policy=policy)
        for path, expires, policy in (one, other)
    ]
    assert (made[0] == made[1]) == (one == other)


def test_a_key_shows_its_secret_to_nobody() -> None:
    assert VECTORS["keys"]["k1"] not in f"{KEY!r} {CDN!r}"


def test_the_sample_worker_passes_its_own_tests() -> None:
    done = subprocess.run(
        [NODE, "--test", "worker.test.js"], cwd=EDGE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
