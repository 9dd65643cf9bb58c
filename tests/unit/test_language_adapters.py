"""The adapters of language models against a service that misbehaves in every way."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from academy.ai.language import money
from academy.ai.language.adapters import chat, speech
from academy.ai.language.adapters.chat import OpenAiChat
from academy.ai.language.adapters.speech import OpenAiSpeech
from academy.ai.language.ports import (
    BusyError,
    ChatReply,
    ChatRequest,
    DownError,
    Message,
    ProviderError,
    RefusedError,
    ReplyError,
    SpeechReply,
    SpeechRequest,
    Tokens,
)
from academy.core import clock
from academy.settings.language import Service
from tests.support.language_double import KEY, MODEL, LanguageDouble, Plan, serving

REQUEST = ChatRequest(
    (Message("system", "풀어 주세요"), Message("user", "1 + 2")),
    name="solution",
    schema={"type": "object", "properties": {"answer": {"type": "string"}}},
    max_tokens=1000,
)
QUICK = replace(chat.BOUNDS, total_seconds=1.0)


@pytest.fixture
def double() -> Iterator[LanguageDouble]:
    with serving(LanguageDouble()) as found:
        yield found


def asked(double: LanguageDouble, *, bounds: Any = chat.BOUNDS, key: str = KEY) -> ChatReply:
    model = OpenAiChat(double.chat(key=key).service, bounds=bounds)
    return model.complete(REQUEST, on_tick=lambda: None)


def test_a_question_goes_out_with_its_schema_and_the_key_in_a_header_alone(double):
    double.answers(Plan({"answer": "3"}))
    reply = asked(double)
    assert reply == ChatReply({"answer": "3"}, f"{MODEL}-2026", "req-1", Tokens(120, 200))
    (request,) = double.asked
    assert request.path == "/v1/chat/completions"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.fields["model"] == MODEL
    assert request.fields["response_format"]["json_schema"]["schema"] == REQUEST.schema
    assert request.fields["response_format"]["json_schema"]["strict"] is True
    assert KEY not in json.dumps(request.fields)


def test_a_service_without_a_key_is_sent_none(double):
    double.answers(Plan({"answer": "3"}))
    asked(double, key="")
    assert "Authorization" not in double.asked[0].headers


HTML = b"<html><body>502 Bad Gateway</body></html>"
DEEP = b'{"choices":' + b"[" * 100_000


@pytest.mark.parametrize(
    ("plan", "error", "paid"),
    [
        (Plan(status=429, headers={"Retry-After": "17"}), BusyError, False),
        (Plan(status=500), DownError, False),
        (Plan(status=503, body=HTML, headers={"Content-Type": "text/html"}), DownError, False),
        (Plan(status=504), DownError, None),
        (Plan(status=401), RefusedError, False),
        (Plan(status=400), RefusedError, False),
        (Plan(status=307, headers={"Location": "http://169.254.169.254/"}), RefusedError, False),
        (Plan({}, fault="drop"), DownError, None),
        (Plan({"answer": "3"}, fault="cut"), DownError, None),
        (Plan(fault="enormous"), ReplyError, True),
        (Plan(body=HTML, headers={"Content-Type": "text/html"}), ReplyError, True),
        (Plan(body=b"[1]"), ReplyError, True),
        (Plan(body=DEEP), ReplyError, True),
        (Plan(body=b'{"choices": []}'), ReplyError, True),
        (Plan(body=b'{"choices": [{"message": "x"}]}'), ReplyError, True),
        (Plan('{"answer": "3'), ReplyError, True),
        (Plan('["3"]'), ReplyError, True),
        (Plan({"answer": "3"}, finish="length"), ReplyError, True),
        (Plan({"answer": "3"}, finish="content_filter"), ReplyError, True),
        (Plan({"answer": "3"}, refusal="no"), ReplyError, True),
        (Plan({"answer": "3"}, headers={"Content-Encoding": "gzip"}), ReplyError, True),
    ],
)
def test_what_is_no_answer_is_an_error_that_says_whether_it_cost(
    double, caplog: pytest.LogCaptureFixture, plan: Plan, error: type[ProviderError], paid: Any
):
    caplog.set_level(logging.DEBUG)
    double.answers(plan)
    with pytest.raises(error) as raised:
        asked(double)
    assert raised.value.paid is paid
    assert len(double.asked) == 1, "nothing is tried again here, and nothing is followed"
    assert KEY not in repr(raised.value) + str(raised.value) + caplog.text


def test_an_empty_account_is_no_reason_to_ask_again_in_a_moment(double):
    body = json.dumps({"error": {"code": "insufficient_quota"}}).encode()
    double.answers(Plan(status=429, body=body))
    with pytest.raises(DownError, match="credit"):
        asked(double)


@pytest.mark.parametrize(
    ("value", "low", "high"), [("17", 17, 17), ("2.5", 2.5, 2.5), ("soon", None, None)]
)
def test_the_time_that_a_busy_service_names_is_kept(double, value: str, low: Any, high: Any):
    double.answers(Plan(status=429, headers={"Retry-After": value}))
    with pytest.raises(BusyError) as raised:
        asked(double)
    assert raised.value.retry_after == low == high


def test_the_time_may_be_a_date(double):
    at = format_datetime(clock.now() + timedelta(seconds=60), usegmt=True)
    double.answers(Plan(status=429, headers={"Retry-After": at}))
    with pytest.raises(BusyError) as raised:
        asked(double)
    assert raised.value.retry_after == pytest.approx(60, abs=10)


@pytest.mark.parametrize("fault", ["stall", "trickle"])
def test_an_answer_that_does_not_end_is_given_up(double, fault: str):
    double.answers(Plan({"answer": "3" * 2000}, fault=fault))
    began = clock.monotonic()
    with pytest.raises(DownError) as raised:
        asked(double, bounds=QUICK)
    assert raised.value.paid is None
    assert clock.monotonic() - began < 20


def test_a_job_that_must_end_does_not_wait_for_the_answer(double):
    class EndedError(Exception):
        pass

    def tick() -> None:
        if double.asked:
            raise EndedError

    double.answers(Plan(fault="stall"))
    began = clock.monotonic()
    with pytest.raises(EndedError):
        OpenAiChat(double.chat().service).complete(REQUEST, on_tick=tick)
    assert clock.monotonic() - began < 20


def test_a_service_that_is_not_there_cost_nothing():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(DownError) as raised:
            OpenAiChat(Service(url, MODEL, KEY)).complete(REQUEST, on_tick=lambda: None)
    assert raised.value.paid is False


@pytest.mark.parametrize(
    "usage",
    [
        None, "many", {}, {"prompt_tokens": 300}, {"prompt_tokens": -5, "completion_tokens": 10},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": "3", "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": True},
        {"prompt_tokens": 10**9, "completion_tokens": 10},
        {"prompt_tokens": 300, "completion_tokens": 10**9},
    ],
)  # fmt: skip
def test_a_count_that_cannot_be_true_is_no_count(double, usage: Any):
    double.answers(Plan({"answer": "3"}, usage=usage))
    assert asked(double).tokens is None


def test_no_text_has_more_tokens_than_are_reserved_for_it():
    # A token stands for a byte at least, whatever the tokenizer.
    text = "한글 🧮 " * 50
    request = replace(REQUEST, messages=(Message("user", text),))
    assert money.most_read(request) >= len(text.encode()) + len(json.dumps(REQUEST.schema))


# ---------------------------------------------------------------------------- speech


def said(start: float, end: float, text: str, **more: Any) -> dict[str, Any]:
    return {"id": 0, "start": start, "end": end, "text": text, **more}


def heard(double: LanguageDouble, tmp_path: Path, language: str | None = "ko") -> SpeechReply:
    path = tmp_path / "lesson-of-made-up-person.flac"
    path.write_bytes(b"fLaC" + b"\0" * 1000)
    request = SpeechRequest(path, "audio/flac", 10.0, language)
    model = OpenAiSpeech(double.speech().service)
    return model.transcribe(request, on_tick=lambda: None)


def test_sound_goes_out_without_its_name_and_comes_back_as_segments(double, tmp_path: Path):
    double.answers(
        Plan(
            [
                said(4.0, 6.5, "  이차함수의\n그래프 ", avg_logprob=-0.1),
                said(0.0, 3.5, "안녕하세요", avg_logprob=-0.2, compression_ratio=3.0),
                said(6.5, 7.0, "…", avg_logprob=-1.5, no_speech_prob=0.9),
                said(9.0, 29.0, "끝"),
                said(30.0, 31.0, "시청해 주셔서 감사합니다"),
            ]
        )
    )
    reply = heard(double, tmp_path)
    assert [(one.start, one.end, one.text) for one in reply.segments] == [
        (0.0, 3.5, "안녕하세요"), (4.0, 6.5, "이차함수의 그래프"), (9.0, 10.0, "끝"),
    ]  # fmt: skip
    assert [one.confidence for one in reply.segments] == [0.0, pytest.approx(0.905, abs=0.01), None]
    (request,) = double.asked
    assert request.path == "/v1/audio/transcriptions"
    assert request.file == b"fLaC" + b"\0" * 1000
    assert request.file_name == "sound.flac"
    assert request.fields["response_format"] == "verbose_json"
    assert request.fields["language"] == "ko"


def test_a_language_that_nobody_knows_is_not_sent(double, tmp_path: Path):
    double.answers(Plan([said(0, 1, "hello")]))
    assert heard(double, tmp_path, language=None).language == "korean"
    assert "language" not in double.asked[0].fields


@pytest.mark.parametrize(
    "segments",
    [
        "no list", [1], [{"start": 0, "end": 1}], [said("0", 1, "x")],  # type: ignore[arg-type]
        [{"start": float("nan"), "end": 1, "text": "x"}], [said(0, 1, "x" * 3000)],
    ],
)  # fmt: skip
def test_segments_that_are_none_are_an_error(double, tmp_path: Path, segments: Any):
    double.answers(Plan(body=json.dumps({"text": "x", "segments": segments}).encode()))
    with pytest.raises(ReplyError):
        heard(double, tmp_path)
    assert speech.MAX_TEXT < 3000
