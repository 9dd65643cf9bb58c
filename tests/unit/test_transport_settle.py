"""The settling thread against a client that answers as told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tasks.transport.settle import Action, Settlement, Settler


class Client:
    """Records requests; *answers* are returned, or raised, one a request, then all succeeds."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, list[dict[str, Any]]]] = []
        self.answers: list[Any] = []
        self.gate = threading.Event()
        self.gate.set()

    def delete_message_batch(self, **request: Any) -> Any:
        return self._answer("delete", request["Entries"])

    def change_message_visibility_batch(self, **request: Any) -> Any:
        return self._answer("change", request["Entries"])

    def _answer(self, what: str, entries: list[dict[str, Any]]) -> Any:
        self.gate.wait(5)
        self.requests.append((what, entries))
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, Exception):
            raise answer
        return answer

    def handles(self, what: str) -> list[str]:
        return [
            entry["ReceiptHandle"]
            for name, entries in self.requests
            if name == what
            for entry in entries
        ]


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def settler(client: Client) -> Iterator[Settler]:
    settler = Settler(
        lambda _queue: client, keeps_rejected=lambda _queue, _url: True, delay=0.05, attempts=3
    )
    yield settler
    settler.close(2)


def delete(handle: str) -> Settlement:
    return Settlement(Action.DELETE, "video", "http://sqs/video", handle)


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "DeleteMessageBatch")


def test_ten_settlements_are_one_request(settler: Settler, client: Client) -> None:
    for number in range(25):
        settler.put(delete(str(number)))
    settler.close(2)

    assert sorted(client.handles("delete"), key=int) == [str(number) for number in range(25)]
    assert len(client.requests) <= 5
    assert max(len(entries) for _, entries in client.requests) == 10


def test_a_lone_settlement_waits_no_longer_than_the_delay(settler: Settler, client: Client) -> None:
    settler.put(delete("one"))
    deadline = time.monotonic() + 1
    while not client.requests and time.monotonic() < deadline:
        time.sleep(0.005)

    assert client.handles("delete") == ["one"]


def test_what_failed_is_tried_again_and_nothing_else(settler: Settler, client: Client) -> None:
    client.answers = [{"Failed": [{"Id": "1", "Code": "InternalError"}]}]
    for handle in "abc":
        settler.put(delete(handle))
    settler.close(5)

    assert client.handles("delete") == ["a", "b", "c", "b"]


@pytest.mark.parametrize(
    "problem", [error("ThrottlingException"), EndpointConnectionError(endpoint_url="x")]
)
def test_a_failed_request_is_tried_again_whole(
    settler: Settler, client: Client, problem: Exception
) -> None:
    client.answers = [problem]
    for handle in "ab":
        settler.put(delete(handle))
    settler.close(5)

    assert client.handles("delete") == ["a", "b", "a", "b"]


def test_what_fails_every_time_is_left(settler: Settler, client: Client) -> None:
    client.answers = [error("AccessDenied")] * 5
    settler.put(delete("a"))
    settler.close(10)

    assert client.handles("delete") == ["a"] * 3


def test_a_stale_receipt_is_not_tried_again(settler: Settler, client: Client) -> None:
    client.answers = [{"Failed": [{"Id": "0", "Code": "ReceiptHandleIsInvalid"}]}]
    settler.put(delete("a"))
    settler.close(5)

    assert client.handles("delete") == ["a"]


def test_closing_is_bounded_when_sqs_hangs(client: Client) -> None:
    client.gate.clear()
    settler = Settler(lambda _queue: client, keeps_rejected=lambda _queue, _url: True)
    settler.put(delete("a"))

    began = time.monotonic()
    settler.close(0.3)

    assert time.monotonic() - began < 1.5
    client.gate.set()


def test_after_closing_nothing_is_deleted(settler: Settler, client: Client) -> None:
    settler.put(delete("a"))
    settler.close(2)
    settler.put(delete("b"))
    settler.close(2)

    assert client.handles("delete") == ["a"]


def test_a_release_sets_its_own_visibility(settler: Settler, client: Client) -> None:
    settler.put(Settlement(Action.RELEASE, "video", "http://sqs/video", "a", visibility=0))
    settler.put(Settlement(Action.RELEASE, "video", "http://sqs/video", "b", visibility=7))
    settler.close(2)

    ((what, entries),) = client.requests
    assert what == "change"
    assert [entry["VisibilityTimeout"] for entry in entries] == [0, 7]


@pytest.mark.parametrize(
    ("keeps", "visibility", "expected"),
    [(False, None, "delete"), (True, None, None), (True, 5, "change")],
    ids=["no dead-letter queue", "dead-letter queue", "dead-letter queue, soon"],
)
def test_a_rejected_message_is_deleted_only_where_nothing_else_takes_it(
    client: Client, keeps: bool, visibility: int | None, expected: str | None
) -> None:
    settler = Settler(
        lambda _queue: client,
        keeps_rejected=lambda _queue, _url: keeps,
        reject_visibility=visibility,
    )
    settler.put(Settlement(Action.REJECT, "video", "http://sqs/video", "a"))
    settler.close(2)

    assert [what for what, _ in client.requests] == ([expected] if expected else [])
