"""Reading payloads: nothing a sender writes makes the reader, or kombu's message, raise."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kombu.transport.virtual import Channel, Message

from tasks.transport.envelope import read_payload, receive_count

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
envelope_like = st.fixed_dictionaries(
    {},
    optional={
        "body": json_values,
        "headers": json_values
        | st.fixed_dictionaries({"compression": st.sampled_from(["gzip", "bzip2", 7, [1]])}),
        "content-type": json_values,
        "content-encoding": json_values,
        "properties": json_values
        | st.fixed_dictionaries(
            {"body_encoding": st.sampled_from(["base64", "utf-8", "rot13", 3, None])},
            optional={"delivery_info": json_values, "delivery_tag": json_values},
        ),
    },
)
bodies = st.text() | envelope_like.map(json.dumps)


def read(body: Any, *, accept_compression: bool = True, **message: Any) -> dict[str, Any]:
    return read_payload(
        {"Body": body, "ReceiptHandle": "handle", **message},
        queue="video",
        queue_url="http://sqs/video",
        accept_compression=accept_compression,
    )


class Receiving(Channel):
    """As much of a channel as a message needs."""

    def __init__(self) -> None:
        """Needs no connection."""


@given(bodies, st.booleans())
def test_any_body_becomes_a_message_with_its_own_receipt(body: str, encoded: bool) -> None:
    if encoded:
        body = base64.b64encode(body.encode("utf-8", "surrogatepass")).decode()

    payload = read(body)
    message = Message(payload, channel=Receiving())

    assert message.delivery_tag == "handle"
    assert message.delivery_info["routing_key"] == "video"
    assert message.delivery_info["sqs_queue"] == "http://sqs/video"
    assert isinstance(message.headers, dict)


def test_a_compressed_body_is_not_expanded_unless_accepted() -> None:
    body = json.dumps(
        {"body": "eA==", "headers": {"compression": "gzip"}, "properties": {}, "content-type": None}
    )

    assert read(body, accept_compression=False)["headers"] == {}
    assert read(body)["headers"] == {"compression": "gzip"}


def test_a_redelivery_is_told_as_one() -> None:
    first = read("x", Attributes={"ApproximateReceiveCount": "1"})
    second = read("x", Attributes={"ApproximateReceiveCount": "2"})

    assert not first["properties"]["delivery_info"]["redelivered"]
    assert second["properties"]["delivery_info"]["redelivered"]


@given(json_values)
def test_a_receive_count_is_at_least_one(value: Any) -> None:
    assert receive_count({"ApproximateReceiveCount": value}) >= 1
    assert receive_count({}) == 1
