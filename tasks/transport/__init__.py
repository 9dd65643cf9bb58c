"""An SQS transport for kombu that survives what SQS does on a bad day, and wastes no round trip.

A subclass of :mod:`kombu.transport.SQS`; use it as ``broker_transport="tasks.transport:Transport"``
with ``broker_url="sqs://"``. It overrides private methods of kombu 5.7.0: pin kombu exactly, and
keep the fault tests (``tests/integration/test_transport_*.py``) when moving the pin.

What differs from kombu's own:

* A ReceiveMessage that fails, hangs or answers nonsense is an empty answer and a pause; it never
  ends the worker nor, silently, the polling of that queue. Every request has a time limit.
* The prefetch count holds over all queues of a channel (messages held plus messages asked for), and
  polling resumes the moment a message is settled.
* Acknowledgements, requeues and releases are sent in batches from a thread, so that no request to
  SQS blocks the event loop; what SQS refuses is tried again a few times, then left to redelivery.
* Requeued messages come back after ``min(base * factor ** (receive count - 1), cap)`` seconds, with
  jitter; what is held at shutdown is visible at once.
* A channel can be paused: it asks for nothing, and gives back what its last polls still bring.
* A body that is no kombu envelope is handed to the consumer as it came, whatever it is; nothing a
  sender puts into a message can raise inside the event loop.
* ``Producer.batch()`` sends SendMessageBatch and reports failures entry by entry.

Transport options beside kombu's own (durations in seconds):

=============================== ======= ==========================================================
``endpoint_url``                None    the SQS endpoint, where it is not AWS
``predefined_queues``                   an entry may give ``name`` instead of ``url``
``connect_timeout``             5       of a poll's connection
``poll_timeout_margin``         7       a poll is given up this long after its long poll is over
``poll_backoff``                below   pause after failed polls: base 0.5, factor 2, cap 10
``contended_wait_time_seconds`` 1       long poll where queues outnumber free slots
``max_concurrent_polls``        4       of one queue, while its polls bring messages
``requeue_backoff``             below   base 2, factor 2.5, cap 300
``reject_visibility_seconds``   None    when a rejected message of a queue with a dead-letter queue
                                        is received again; None: when its visibility ends
``settle_delay``                0.1     longest time an acknowledgement waits for its batch
``settle_attempts``             5       tries of a delete or a release, before it is left
``settle_flush_timeout``        10      longest time closing waits for the last settlements
``accept_compression``          True    whether compressed bodies are expanded
=============================== ======= ==========================================================
"""

from tasks.transport.channel import Channel, Transport
from tasks.transport.publish import FailedEntry, PartialPublishError

__all__ = ["Channel", "FailedEntry", "PartialPublishError", "Transport"]
