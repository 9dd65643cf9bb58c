"""What makes two failures the same, and what a body says: pure, and for any text whatever."""

from __future__ import annotations

import base64
import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.core.masking import mask
from academy.deadletters.envelope import read
from academy.deadletters.fingerprint import fingerprint, normalise, raised
from academy.deadletters.models import TITLE_CHARS
from academy.deadletters.rerun import is_masked, merge_patch
from tasks import queues
from tests.support.workers import envelope


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("row 17 of 200", "row 3 of 9"),
        (
            "job 113b448e-721c-4441-b931-a383bb378e8e is gone",
            "job 56eb69d1-7325-4417-8386-02421a4c9b60 is gone",
        ),
        ("no file /tmp/a1/b2.mp4", "no file /var/lib/x/y.mkv"),
        ("KeyError: 'name'", "KeyError: 'phone'"),
        ('bad value "a \\" b"', 'bad value "c"'),
        ("at 0x7f3a00c0", "at 0x10"),
        ("etag 9f86d081884c7d65", "etag 1b4f0e9851971998"),
        ("took 1.5 s at 10:31:02", "took 30.25 s at 9:00:00"),
        ("GET https://a.example/x?y=1 failed", "GET http://b.example/ failed"),
        ("two\n  lines", "two lines"),
    ],
)
def test_what_differs_from_case_to_case_does_not_count(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("disk is full", "disk is gone"),
        ("I can't read it, I won't", "I can't write it, I won't"),
        ("KeyError: 'a'", "ValueError: 'a'"),
        ("ffmpeg ended with abcdefab", "ffmpeg ended with feedbeef"),
    ],
)
def test_what_names_the_cause_counts(one, other):
    assert normalise(one) != normalise(other)


def test_kind_and_code_are_part_of_the_cause():
    prints = {fingerprint(*parts) for parts in [("a", "b", "c"), ("a", "x", "c"), ("x", "b", "c")]}
    assert len(prints) == 3
    assert all(len(one) == 12 and int(one, 16) >= 0 for one in prints)
    assert fingerprint("ab", "c", "") != fingerprint("a", "bc", "")


@given(st.text(max_size=2_000))
def test_any_text_has_a_title(text):
    title = normalise(text)
    assert len(title) <= TITLE_CHARS
    assert not {"\n", "\0", "\r"} & set(title)
    title.encode()


@given(st.from_regex(r"010[- ]?[0-9]{4}[- ]?[0-9]{4}", fullmatch=True), st.text(max_size=20))
def test_no_phone_number_survives_in_a_title(phone, around):
    assert phone not in normalise(f"{around} {phone} {around}")


_CHAINED = """KeyError: 1

During handling of the above exception, another exception occurred:

Traceback
  x
ValueError: two
more lines
of the message
"""


@pytest.mark.parametrize(
    ("traceback", "said"),
    [
        (
            'Traceback (most recent call last):\n  File "x.py", line 1, in f\nLookupError: no\n',
            "LookupError: no",
        ),
        (
            "Traceback\n  x\nacademy.jobs.errors.PoisonError: bad {'a': 1}",
            "PoisonError: bad {'a': 1}",
        ),
        (
            _CHAINED,
            "ValueError: two",
        ),
        ("Traceback\n  x\nTimeoutError\n", "TimeoutError"),
        ("", ""),
        ("cut off in the middle\n    of it", "cut off in the middle"),
    ],
)
def test_the_error_is_found_in_a_traceback(traceback, said):
    assert raised(traceback) == said


# ------------------------------------------------------------------ bodies

ROW = queues.by_name("video")
JOB = uuid4()


def test_a_message_of_the_relay_is_understood():
    thin = envelope(ROW, {"job": str(JOB), "version": 3})
    reading = read(json.dumps(thin))
    assert (reading.code, reading.job_id, reading.version) == ("", JOB, 3)
    assert reading.title == "academy.video.run(job, version)"
    # As kombu itself writes it: base64 around all, and within.
    thin["body"] = base64.b64encode(thin["body"].encode()).decode()
    thin["properties"]["body_encoding"] = "base64"
    assert read(base64.b64encode(json.dumps(thin).encode()).decode()) == reading


@pytest.mark.parametrize(
    "kwargs",
    [
        {"job": str(JOB)},
        {"job": str(JOB), "version": 0},
        {"job": str(JOB), "version": 2**31},
        {"job": str(JOB), "version": True},
        {"job": str(JOB), "version": "1"},
        {"job": "x", "version": 1},
        {"job": 7, "version": 1},
        {"job": str(JOB), "version": 1, "more": 1},
    ],
)
def test_what_is_nearly_a_message_of_ours_is_none(kwargs):
    reading = read(json.dumps(envelope(ROW, kwargs)))
    assert (reading.code, reading.job_id) == ("message_not_thin", None)


@given(
    st.one_of(
        st.text(alphabet=st.characters(codec=None)),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.floats(), st.text()),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(json.dumps),
        st.dictionaries(
            st.sampled_from(["headers", "body", "properties"]),
            st.one_of(st.none(), st.text(), st.dictionaries(st.text(), st.text())),
        ).map(json.dumps),
        st.binary().map(lambda data: base64.b64encode(data).decode()),
    )
)
def test_reading_any_body_raises_nothing(body):
    reading = read(body)
    assert reading.code in {"message_not_json", "message_not_task", "message_not_thin"}
    assert reading.title == normalise(reading.title)
    assert mask(reading.title) == reading.title


# ------------------------------------------------------------------ edits


def test_a_masked_value_is_recognised_wherever_it_is():
    for value in ("010-****-****", {"a": [{"b": "ak_abcdefgh_***"}]}, {"***": 1}):
        assert is_masked(value)
    for value in (None, 7, "2 ** 3", {"a": ["b", None]}, []):
        assert not is_masked(value)


@given(st.dictionaries(st.text(), st.integers()), st.dictionaries(st.text(), st.integers()))
def test_a_patch_sets_its_members_and_keeps_the_others(target, patch):
    assert merge_patch(target, patch) == {**target, **patch}
    assert merge_patch(target, dict.fromkeys(patch)) == {
        name: value for name, value in target.items() if name not in patch
    }
