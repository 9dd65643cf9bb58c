"""The channel: receiving, settling and publishing; see the package's docstring for what and why."""

from __future__ import annotations

import logging
import math
import traceback
import weakref
from functools import cached_property
from time import monotonic
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kombu.transport import SQS
from kombu.transport.SQS.exceptions import InvalidQueueException
from kombu.utils.json import dumps

from tasks.transport.envelope import read_payload, receive_count
from tasks.transport.policy import Backoff
from tasks.transport.polling import Poller
from tasks.transport.publish import PublishBatch
from tasks.transport.qos import QoS
from tasks.transport.receive import HTTPClient, OnAnswer, Receiver
from tasks.transport.settle import Action, Settlement, Settler

logger = logging.getLogger(__name__)

#: SQS keeps a message invisible for 12 hours at most.
_MAX_VISIBILITY = 12 * 60 * 60


class Channel(SQS.Channel):
    """A kombu SQS channel whose polling cannot be stopped by an answer or the lack of one."""

    QoS = QoS
    supports_batch_publish = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._http_client: Any = None
        self._receivers: dict[str | None, Receiver] = {}
        self._settler: Settler | None = None
        self._draining = False
        self._paused = False
        self._unseen_until = 0.0
        self._finalizer: Any = None
        super().__init__(*args, **kwargs)

    # ---------------------------------------------------------------- for the worker around it

    @property
    def polls_under_way(self) -> int:
        """Receives that were asked for and are not answered yet."""
        return self._poller.under_way

    @property
    def is_full(self) -> bool:
        """Whether everything the prefetch count allows is held, so that nothing is polled."""
        return bool(self.qos.free_slots(0) == 0)

    def held(self) -> list[Any]:
        """The messages received and not settled, from any thread."""
        return list(self.qos.held())

    def last_good_polls(self) -> dict[str, float]:
        """``time.monotonic()`` of each consumed queue's last answered poll, or of its start."""
        return dict(self._poller.last_good)

    def drain(self) -> None:
        """Ask for nothing more, for good, and give back what still arrives or is requeued.

        It only sets a flag: safe in a signal handler.
        """
        self._draining = True

    def pause(self, unseen_seconds: float = 0) -> None:
        """Do as :meth:`drain`, until :meth:`go_on`; callable from any thread.

        What is given back stays unseen until *unseen_seconds* from now. Where all consumers of a
        queue pause, that is the time in which their last polls are answered: else these would hand
        a message round among them, and every receive brings it nearer to the dead-letter queue.
        """
        if not self._paused:
            self._unseen_until = monotonic() + unseen_seconds
            self._paused = True

    def go_on(self) -> None:
        """Ask for messages again after a pause; callable from any thread."""
        if self._paused:
            self._paused = False
            self._poller.start_again()

    @property
    def takes_nothing(self) -> bool:
        """Whether this channel is paused or draining, so that nothing is polled."""
        return self._paused or self._draining

    # ---------------------------------------------------------------- polling

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Any, consumer_tag: str, *args: Any, **kwargs: Any
    ) -> Any:
        """Start consuming *queue*."""
        self._poller.add(queue)
        return super().basic_consume(queue, no_ack, callback, consumer_tag, *args, **kwargs)

    def basic_qos(
        self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False
    ) -> None:
        """Set how many messages all queues of this channel may hold together; 0: no limit."""
        super().basic_qos(prefetch_size, prefetch_count, apply_global)
        self._poller.wake()

    def _schedule_queue(self, queue: str) -> None:  # noqa: ARG002 - kombu's entry point
        self._poller.fill()

    @property
    def consumed_queues(self) -> list[str]:
        """The queues being consumed, each once; none while paused or draining."""
        return [] if self.takes_nothing else list(dict.fromkeys(self._active_queues))

    @property
    def empty_poll_pause(self) -> float:
        """Seconds after an empty answer that came at once: kombu's ``polling_interval``."""
        return float(self.connection.polling_interval or 0)

    def receive(self, queue: str, *, count: int, wait_seconds: int, on_answer: OnAnswer) -> None:
        """Start one poll of *queue*; *on_answer* gets the messages, or None and the problem."""
        receiver = self.asynsqs(queue=self.canonical_queue_name(queue))
        url = self._new_queue(queue)
        receiver.poll(url, count=count, wait_seconds=wait_seconds, on_answer=on_answer)

    def deliver(self, queue: str, messages: list[dict[str, Any]]) -> None:
        """Hand received messages to the queue's consumer, or back where it is gone."""
        queue_url = self._new_queue(queue)
        callback = None
        if not self.closed and not self.takes_nothing:
            callback = self.connection._callbacks.get(queue)  # noqa: SLF001
        if callback is None and messages:
            logger.info("Giving back %d messages of %s: it is consumed no more.",
                        len(messages), queue)  # fmt: skip
        for message in messages:
            handle = message.get("ReceiptHandle")
            if not handle:
                continue
            if callback is None:
                delay = self._give_back_delay(message.get("Attributes") or {})
                self._settle(Action.RELEASE, queue, queue_url, handle, math.ceil(delay))
                continue
            if queue in self._noack_queues:
                self._settle(Action.DELETE, queue, queue_url, handle)
            try:
                callback(self._message_to_python(message, queue, queue_url))
            except Exception as exc:  # noqa: BLE001 - one message must not stop the loop
                # The frames without the error's text, which may quote the message.
                frames = "".join(traceback.format_tb(exc.__traceback__))
                text = "A message of %s could not be handed over: %s\n%s"
                logger.error(text, queue, type(exc).__name__, frames)  # noqa: TRY400
                self.qos.settle(handle)
                self._settle(Action.REJECT, queue, queue_url, handle)

    def _message_to_python(
        self, message: dict[str, Any], queue_name: str, q_url: str
    ) -> dict[str, Any]:
        return read_payload(
            message,
            queue=queue_name,
            queue_url=q_url,
            accept_compression=self.transport_options.get("accept_compression", True),
        )

    def asynsqs(self, queue: str | None = None) -> Any:
        """The long polls of *queue*; a new one where a role's credentials may have changed."""
        client = self._receivers.get(queue)
        if client is None or hasattr(self, "sts_expiration"):
            if self._http_client is None:
                self._http_client = HTTPClient(self.hub)
            names = self.get_message_attributes
            client = self._receivers[queue] = Receiver(
                self.sqs(queue=queue),
                http_client=self._http_client,
                connect_timeout=self._option("connect_timeout", 5.0),
                timeout_margin=self._option("poll_timeout_margin", 7.0),
                region=self.region,
                message_system_attribute_names=names["MessageSystemAttributeNames"],
                message_attribute_names=names["MessageAttributeNames"],
            )
        return client

    # ---------------------------------------------------------------- settling

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:  # noqa: ARG002
        """Have the message deleted; returns at once, from any thread."""
        if message := self.qos.settle(delivery_tag):
            self._settle_message(Action.DELETE, message)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Give the message back: to its queue after a backoff, or to redrive when not *requeue*.

        Without *requeue* a message of a queue with a dead-letter queue is left to SQS, which moves
        it there after ``maxReceiveCount`` receives; of any other queue it is deleted. A channel
        that consumes no more gives messages back at once.
        """
        message = self.qos.settle(delivery_tag)
        if message is None:
            return
        attributes = message.delivery_info["sqs_message"]["Attributes"]
        if not requeue:
            self._settle_message(Action.REJECT, message)
        elif self.takes_nothing or not self._consumers:
            self._settle_message(Action.RELEASE, message, self._give_back_delay(attributes))
        else:
            delay = self._requeue_backoff.delay(receive_count(attributes))
            self._settle_message(Action.RELEASE, message, delay)

    def _give_back_delay(self, attributes: dict[str, Any]) -> float:
        """Seconds until a message that this channel did not want may be seen again.

        None at first: somebody else can work on it. One that keeps coming back meets only the last
        polls of consumers that stop as well, and is kept from them for longer each time.
        """
        received = receive_count(attributes)
        wait = self._requeue_backoff.delay(received) if received > 2 else 0
        return max(wait, self._unseen_until - monotonic())

    def release(self, message: Any) -> None:
        """Make a held message visible to every consumer at once."""
        self._settle_message(Action.RELEASE, message)

    def _restore(self, message: Any, unwanted_delivery_info: Any = ()) -> None:  # noqa: ARG002
        self.release(message)

    def close(self) -> None:
        """Stop consuming, give back what is held, send the last settlements, then close."""
        if not self.closed:
            for consumer_tag in list(self._consumers):
                self.basic_cancel(consumer_tag)
            if self._qos is not None:
                self._qos.restore_unacked_once()
            if self._settler is not None:
                self._settler.close(self._option("settle_flush_timeout", 10.0))
                self._finalizer.detach()
            if self._http_client is not None:
                self._http_client.close()
        super().close()

    def _settle_message(self, action: Action, message: Any, delay: float = 0) -> None:
        info = message.delivery_info
        self._settle(
            action, info["routing_key"], info["sqs_queue"], message.delivery_tag, math.ceil(delay)
        )
        self._poller.wake()

    def _settle(
        self, action: Action, queue: str, queue_url: str, handle: str, visibility: int = 0
    ) -> None:
        if self._settler is None:
            self._settler = Settler(
                self._new_settling_client,
                keeps_rejected=self._keeps_rejected,
                reject_visibility=self.transport_options.get("reject_visibility_seconds"),
                delay=self._option("settle_delay", 0.1),
                attempts=int(self._option("settle_attempts", 5)),
            )
            # A process that ends without closing its connection still settles what it can.
            self._finalizer = weakref.finalize(self, self._settler.close, 5.0)
        self._settler.put(
            Settlement(action, queue, queue_url, handle, min(visibility, _MAX_VISIBILITY))
        )

    def _new_settling_client(self, queue: str) -> Any:
        """A client for the settling thread, with short time-outs: it delays only settlements."""
        name = self.canonical_queue_name(queue)
        if self.transport_options.get("sts_role_arn"):
            return self.sqs(queue=name)
        entry = self.predefined_queues.get(name, {})
        return self._new_boto_client(
            service="sqs",
            region=entry.get("region", self.region),
            access_key_id=entry.get("access_key_id", self.conninfo.userid),
            secret_access_key=entry.get("secret_access_key", self.conninfo.password),
            config=Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1}),
        )

    def _keeps_rejected(self, queue: str, queue_url: str) -> bool:
        """Whether rejected messages travel to a dead-letter queue; True where that is not known."""
        try:
            return bool(self._has_redrive_policy(self.canonical_queue_name(queue), queue_url))
        except (BotoCoreError, OSError):
            return True

    # ---------------------------------------------------------------- publishing

    def create_publish_batch(self, max_size: int) -> PublishBatch:
        """Kombu's publish-batch protocol; ``Producer.batch()`` calls it."""
        return PublishBatch(self, max_size)

    def _put(
        self,
        queue: str,
        message: dict[str, Any],
        _publish_batch: PublishBatch | None = None,
        **_: Any,
    ) -> None:
        queue_url = self._new_queue(queue)
        parameters = self._send_parameters(queue, message)
        if _publish_batch is not None:
            _publish_batch.add(queue, queue_url, parameters, message)
            return
        client = self.sqs(queue=self.canonical_queue_name(queue))
        client.send_message(QueueUrl=queue_url, **parameters)

    def _send_parameters(self, queue: str, message: dict[str, Any]) -> dict[str, Any]:
        """SendMessage's parameters of a prepared message; the group stays with it (fair queues)."""
        properties = message.get("properties") or {}
        parameters: dict[str, Any] = {}
        if attributes := properties.pop("message_attributes", None):
            parameters["MessageAttributes"] = attributes
        if group := properties.get("MessageGroupId"):
            parameters["MessageGroupId"] = group
        if queue.endswith(".fifo"):
            parameters.setdefault("MessageGroupId", "default")
            parameters["MessageDeduplicationId"] = (
                properties.get("MessageDeduplicationId") or properties["delivery_tag"]
            )
        elif (delay := self._resolve_delay_seconds(properties)) is not None:
            parameters["DelaySeconds"] = delay
        body = dumps(message)
        if self.sqs_base64_encoding:
            body = SQS.AsyncMessage().encode(body)
        return {"MessageBody": body, **parameters}

    # ---------------------------------------------------------------- queues and options

    def _validate_predifined_queues(self) -> None:
        for name, entry in self.predefined_queues.items():
            target = entry.get("url") or entry.get("name")
            if not target:
                raise InvalidQueueException(f"Predefined queue {name!r} has neither url nor name.")
            if target.endswith(".fifo") != name.endswith(".fifo"):
                raise InvalidQueueException(
                    f"Predefined queue {name!r} is {target!r}: both end in .fifo, or neither."
                )

    def _update_queue_cache(self, queue_name_prefix: str) -> None:
        """Learn queue URLs: a predefined queue's from its entry, or from GetQueueUrl when used."""
        if not self.predefined_queues:
            super()._update_queue_cache(queue_name_prefix)
            return
        for name, entry in self.predefined_queues.items():
            if url := entry.get("url"):
                self._queue_cache[name] = url
        entry = self.predefined_queues.get(queue_name_prefix) or {}
        if queue_name_prefix not in self._queue_cache and entry.get("name"):
            answer = self.sqs(queue=queue_name_prefix).get_queue_url(QueueName=entry["name"])
            self._queue_cache[queue_name_prefix] = answer["QueueUrl"]

    @cached_property
    def endpoint_url(self) -> str | None:
        """Where SQS is: the option, else the broker URL's host, else boto3 decides."""
        endpoint: str | None = self.transport_options.get("endpoint_url") or super().endpoint_url
        return endpoint

    @cached_property
    def _poller(self) -> Poller:
        options = self.transport_options.get("poll_backoff") or {}
        return Poller(
            self,
            backoff=Backoff(**{"base": 0.5, "factor": 2.0, "cap": 10.0, **options}),
            max_polls=int(self._option("max_concurrent_polls", 4)),
            contended_wait=int(self._option("contended_wait_time_seconds", 1)),
        )

    @cached_property
    def _requeue_backoff(self) -> Backoff:
        options = self.transport_options.get("requeue_backoff") or {}
        return Backoff(**{"base": 2.0, "factor": 2.5, "cap": 300.0, **options})

    def _option(self, name: str, default: float) -> float:
        value = self.transport_options.get(name)
        return default if value is None else float(value)


class Transport(SQS.Transport):
    """``broker_transport = "tasks.transport:Transport"``."""

    Channel = Channel

    # kombu lets an error answer of SQS pass as a bug in the worker, and Celery exits on it.
    connection_errors = (*SQS.Transport.connection_errors, ClientError)
    channel_errors = (*SQS.Transport.channel_errors, ClientError)

    implements = SQS.Transport.implements.extend(batch_publish=True)
