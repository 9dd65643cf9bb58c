"""Where spans go follows from the environment, and a wrong one refuses to boot."""

from __future__ import annotations

import pytest

from academy.settings.env import Profile, load
from academy.settings.reader import EnvironmentInvalid
from tasks import queues
from tasks.worker.allowlist import RefusedMessageError, check
from tests.support.workers import envelope

BASE, OWN = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
ROW = queues.by_name("video", {})


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({}, None),
        ({BASE: "http://127.0.0.1:4318"}, "http://127.0.0.1:4318/v1/traces"),
        ({BASE: "https://otel.example/collect/"}, "https://otel.example/collect/v1/traces"),
        ({OWN: "https://otel.example/spans"}, "https://otel.example/spans"),
        ({BASE: "http://127.0.0.1:4318", OWN: "http://127.0.0.1:1/t"}, "http://127.0.0.1:1/t"),
        ({BASE: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({BASE: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, None),
    ],
)
def test_tracing_is_on_where_an_endpoint_is_named_and_nothing_forbids_it(environ, endpoint):
    assert load(Profile.TEST, environ).traces_endpoint == endpoint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (BASE, "127.0.0.1:4318"),
        (OWN, "https://user:secret@otel.example/"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_SDK_DISABLED", "maybe"),
        ("JOB_LOG_DAYS", "-7"),
    ],
)
def test_what_opentelemetry_would_only_warn_of_refuses_to_boot(name, value):
    with pytest.raises(EnvironmentInvalid) as refused:
        load(Profile.TEST, {name: value})
    (problem,) = refused.value.problems
    assert problem.startswith(f"{name} ")
    assert value not in problem


class Message:
    """What the allow-list looks at, of a message whose header says this."""

    def __init__(self, traceparent: object) -> None:
        made = envelope(ROW, {"job": "x", "version": 1}, traceparent=traceparent)
        self.headers = made["headers"]
        self.payload = [[], {"job": "x", "version": 1}, {}]


def test_a_message_may_carry_the_trace_of_its_row():
    check(Message("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ROW)
    check(Message(None), ROW)


@pytest.mark.parametrize("header", [1, ["00"], {"trace": "00"}])
def test_a_trace_header_that_is_no_text_is_refused(header):
    with pytest.raises(RefusedMessageError, match="traceparent is not text"):
        check(Message(header), ROW)
