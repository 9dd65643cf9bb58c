"""What a process of the API counts of its requests, before it is written."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from academy.telemetry import metrics, requests, store
from academy.telemetry.requests import Flusher, RequestCounters, RequestMetricsMiddleware
from academy.telemetry.store import Deltas


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Deltas]:
    """What was added, instead of a database."""
    found: list[Deltas] = []
    monkeypatch.setattr(store, "add", found.append)
    monkeypatch.setattr(requests.transaction, "atomic", threading.Lock)
    monkeypatch.setattr(requests.connection, "close", lambda: None)
    return found


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch) -> RequestCounters:
    fresh = RequestCounters()
    monkeypatch.setattr(requests, "counters", fresh)
    return fresh


def answer(route: str | None, response: HttpResponse, method: str = "GET") -> None:
    """Let the middleware see one request that was routed to ``route``."""

    def handle(request):
        request.resolver_match = SimpleNamespace(route=route) if route is not None else None
        return response

    RequestMetricsMiddleware(handle)(RequestFactory().generic(method, "/whatever/1234"))


def test_requests_are_counted_by_template_method_and_status(counters, written):
    answer("api/v1/jobs/<uuid:job_id>", HttpResponse())
    answer("api/v1/jobs/<uuid:job_id>", HttpResponse())
    answer("api/v1/jobs", HttpResponse(status=201, headers={"Idempotency-Replayed": "true"}))
    counters.flush()
    [deltas] = written
    assert deltas.values == {
        (metrics.HTTP_REQUESTS, ("/api/v1/jobs/<uuid:job_id>", "GET", "200")): 2.0,
        (metrics.HTTP_REQUESTS, ("/api/v1/jobs", "GET", "201")): 1.0,
        (metrics.HTTP_REPLAYED, ("/api/v1/jobs",)): 1.0,
    }
    observed = [count for count, _ in deltas.buckets.values()]
    assert sum(observed) == 3


def test_nothing_that_a_caller_typed_becomes_a_label(counters, written):
    answer(None, HttpResponse(status=404))
    answer(None, HttpResponse(status=404), method="BREW-1234")
    counters.flush()
    assert {labels for _, labels in written[0].values} == {
        ("none", "GET", "404"),
        ("none", "other", "404"),
    }


def test_no_request_is_lost_between_threads_and_flushes(counters, written):
    def work(_: int) -> None:
        for turn in range(200):
            counters.count("/a", "GET", 200, 0.001, replayed=False)
            if turn % 50 == 0:
                counters.flush()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    counters.flush()
    key = (metrics.HTTP_REQUESTS, ("/a", "GET", "200"))
    assert sum(deltas.values[key] for deltas in written) == 800


def test_what_could_not_be_written_is_kept_and_added_to(counters, written, monkeypatch):
    def fail(_: Deltas) -> None:
        raise OSError("away")

    with monkeypatch.context() as patched:
        patched.setattr(store, "add", fail)
        counters.count("/a", "GET", 200, 0.2, replayed=False)
        assert not counters.flush()
    counters.count("/a", "GET", 200, 0.2, replayed=False)
    assert counters.flush()
    assert written[0].values[metrics.HTTP_REQUESTS, ("/a", "GET", "200")] == 2
    assert written[0].buckets[metrics.HTTP_SECONDS, ("/a", "GET"), 0.25] == (2, pytest.approx(0.4))


def test_a_flusher_writes_what_is_left_when_it_is_stopped():
    calls: list[str] = []
    flusher = Flusher(lambda: bool(calls.append(threading.current_thread().name)) or True)
    flusher.start()
    flusher.stop()
    assert calls == [threading.main_thread().name]


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [(0.0, 0.01), (0.01, 0.01), (0.010001, 0.025), (14_400, 14_400), (14_401, math.inf)],
)
def test_a_bucket_holds_its_upper_bound(seconds, bound):
    assert metrics.bucket_of(metrics.JOB_RUN, seconds) == bound


def test_a_name_cannot_mean_two_things():
    with pytest.raises(ValueError, match="defined twice"):
        metrics.gauge(metrics.QUEUE_UP.name, "queue", "Something else.")
    with pytest.raises(ValueError, match="end in _total"):
        metrics.gauge("academy_something_total", "", "A gauge.")
    assert metrics.find("academy_something_total") is None


def test_buckets_of_an_older_release_count_from_the_next_bound_on():
    histogram = store.Histogram({0.02: 3, 0.025: 1, math.inf: 2}, 9.0)
    shown = dict(store.cumulative(metrics.JOB_RUN, histogram))
    assert shown[0.01] == 0
    assert shown[0.025] == 4
    assert shown[14_400.0] == 4
    assert shown[math.inf] == 6
