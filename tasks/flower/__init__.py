"""Flower on SQS: ``python -m tasks.flower``.

Flower's receiver, inspector and broker page speak AMQP or Redis and ask workers by remote control.
Here they are given replacements that only read: the events queue, the snapshots that workers push,
and the queues' attributes. All of them go in through Flower's own constructor and attributes, and
our pages through tornado's routing, so nothing of Flower is patched. They subclass private parts
none the less: Flower stays pinned exactly.

    config.py      the environment, checked; refuses to be open to strangers
    receiver.py    events from the queue into Flower's state, which outlives restarts
    inspector.py   what Flower knows of a worker, from its snapshots
    pages.py       the broker page and its API, and "no" for what SQS cannot do
    server.py      all of it together

The process needs neither Django's settings nor the database.
"""
