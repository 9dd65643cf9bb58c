"""The demo's client on a server that breaks, and its reading of playlists and streams."""

from __future__ import annotations

import json

import httpx
import pytest

from deploy.local import demo_upload
from deploy.local.demo_api import Api, ApiError, DemoError
from deploy.local.demo_follow import Follower, parse_frames
from deploy.local.demo_play import Played, Rendition, check_lengths, parse_master

JOB = {"id": "j", "links": {"self": "/api/v1/jobs/j"}}
PROBLEM = {
    "error": {
        "code": "quota_backlog_exceeded",
        "message": {"ko": "너무 많습니다.", "en": "Too many jobs."},
        "action": {"ko": "기다려 주세요.", "en": "Wait."},
        "retryable": True,
        "details": {"limit": 3},
    },
    "request_id": "r",
}
MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Sound",CHANNELS="2",URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1718413,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,AUDIO="audio"
1080p.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=223089,RESOLUTION=360x640,AUDIO="audio"
360p.m3u8
"""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


def api_of(handler) -> Api:
    api = Api("http://api.test", "key")
    api.http = httpx.Client(base_url="http://api.test", transport=httpx.MockTransport(handler))
    return api


def job_at(state: str, percent: float) -> dict:
    return {**JOB, "state": state, "step": "transcoding", "percent": percent, "eta_seconds": None}


def test_frames_of_a_stream_are_read_and_comments_passed_over():
    lines = 'retry: 2000\n\n: still here\n\nevent: state\nid: 3\ndata: {"a":\ndata: 1}\n\n'
    (frame,) = parse_frames(iter(lines.split("\n")))
    assert (frame.event, frame.number, frame.json()) == ("state", "3", {"a": 1})


def test_a_stream_that_breaks_is_resumed_after_the_last_event_seen():
    asked = []

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            asked.append(request.headers.get("Last-Event-ID"))
            if len(asked) == 1:
                body = f"event: progress\nid: 2\ndata: {json.dumps(job_at('running', 10.0))}\n\n"
                return httpx.Response(200, text=body)
            body = f"event: end\ndata: {json.dumps(job_at('succeeded', 100.0))}\n\n"
            return httpx.Response(200, text=body)
        state = "running" if len(asked) == 1 else "succeeded"
        return httpx.Response(200, json=job_at(state, 20.0))

    follower = Follower(api_of(serve), JOB)
    seen = [(sight.state, sight.live) for sight in follower.sights(within_seconds=30)]
    assert asked == [None, "2"]
    assert seen == [
        ("running", True),
        ("running", False),
        ("succeeded", True),
        ("succeeded", False),
    ]
    assert follower.job["state"] == "succeeded"


def test_a_job_is_followed_by_reading_while_streams_are_refused():
    reads = iter([("running", 10.0), ("running", 60.0), ("succeeded", 100.0)])

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return httpx.Response(503, json=PROBLEM)
        return httpx.Response(200, json=job_at(*next(reads)))

    follower = Follower(api_of(serve), JOB)
    assert [sight.percent for sight in follower.sights(within_seconds=30)] == [10.0, 60.0, 100.0]
    assert follower.broken_streams == 3


def test_a_request_with_an_idempotency_key_is_sent_again_when_its_answer_is_lost():
    keys = []

    def serve(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadError("reset")
        return httpx.Response(202, json=JOB)

    assert api_of(serve).post("/api/v1/jobs", {}, idempotency_key="once") == JOB
    assert keys == ["once", "once"]


def test_a_request_without_one_is_sent_once():
    calls = []

    def serve(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        raise httpx.ReadError("reset")

    with pytest.raises(DemoError, match="does not answer POST"):
        api_of(serve).post("/api/v1/tenants", {})
    assert len(calls) == 1


def test_a_refusal_is_a_sentence_with_code_and_request():
    def serve(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(422, json=PROBLEM, headers={"X-Request-ID": "r-1"})

    with pytest.raises(ApiError, match=r"422 quota_backlog_exceeded: Too many jobs\. .*r-1"):
        api_of(serve).post("/api/v1/jobs", {})


def test_a_put_whose_answer_was_lost_has_arrived(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    answers = iter([httpx.ReadError("reset"), httpx.Response(412)])
    bodies, moved = [], []

    def serve(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    store = httpx.Client(transport=httpx.MockTransport(serve))
    signed = {"url": "http://store.test/key", "headers": {"Content-Length": "10"}}
    demo_upload._put(store, signed, demo_upload.Slice(path, 0, 10), moved.append)
    assert bodies == [b"x" * 10, b"x" * 10]
    assert sum(moved) == 10


def test_a_put_that_is_refused_at_once_is_an_error(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    store = httpx.Client(transport=httpx.MockTransport(lambda _request: httpx.Response(412)))
    signed = {"url": "http://store.test/key", "headers": {"Content-Length": "1"}}
    with pytest.raises(DemoError, match="412"):
        demo_upload._put(store, signed, demo_upload.Slice(path, 0, 1), lambda _size: None)


def test_a_master_playlist_is_read_with_addresses_made_absolute():
    sound, large, small = parse_master(MASTER, "http://a.test/media/t/master.m3u8")
    assert (sound.kind, sound.url) == ("audio", "http://a.test/media/t/audio.m3u8")
    assert (large.name, large.width, large.bits_per_second) == ("1080p", 1920, 1718413)
    assert (small.name, small.url) == ("360p", "http://a.test/media/t/360p.m3u8")


@pytest.mark.parametrize("text", ["<html>", "#EXTM3U\n", ""])
def test_what_is_no_master_playlist_is_refused(text):
    with pytest.raises(DemoError):
        parse_master(text, "http://a.test/master.m3u8")


@pytest.mark.parametrize(
    ("seconds", "frames", "complaint"),
    [
        ((60.0, 60.0), (1800, 1800), None),
        ((60.0, 52.0), (1800, 1800), "lasts 52.00 s"),
        ((60.0, 60.0), (1800, 1799), "different numbers of frames"),
    ],
)
def test_renditions_must_be_as_long_as_the_source_and_each_other(seconds, frames, complaint):
    played = [
        Played(Rendition(name, "video", "http://a.test"), *figures)
        for name, *figures in zip(("1080p", "720p"), seconds, frames, strict=True)
    ]
    if complaint is None:
        check_lengths(played, 60.0)
    else:
        with pytest.raises(DemoError, match=complaint):
            check_lengths(played, 60.0)
