"""Flower on SQS: ``python -m tasks.flower``.

Flower's receiver, inspector and broker page speak AMQP or Redis and ask workers by remote control.
Here they are given replacements that read the events queue, the snapshots that workers push, and
the queues' attributes, and that turn switches in the platform's database. All of them go in through
Flower's own constructor and attributes, and our pages through tornado's routing, so nothing of
Flower is patched. They subclass private parts none the less: Flower stays pinned exactly.

    config.py      the environment, checked; refuses to be open to strangers
    receiver.py    events from the queue into Flower's state, which outlives restarts
    inspector.py   what Flower knows of a worker, from its snapshots
    pages.py       Flower's pages with what the platform adds, and the broker page
    api.py         queue lengths, the fleet, metrics, and "no" for what SQS cannot do
    controls.py    the POSTs behind the buttons: who may, and what is answered
    board.py       the switches in the platform's database, without waiting for it
    deeds.py       the same in Django's words; imported only where there is a database
    links.py       addresses of the platform's pages
    server.py      all of it together

Without DATABASE_URL or a login there are no buttons, and the process needs no Django.
"""
