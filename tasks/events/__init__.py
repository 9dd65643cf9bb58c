"""What workers say about themselves and their tasks, on its way to Flower.

Celery's events need a broadcast exchange, which SQS does not have. Here they go to one SQS queue,
many to a message:

    dispatcher.py   Celery's event dispatcher; puts each event into the outbox and returns
    redact.py       what an event may say; nothing else leaves the process
    outcome.py      what became of the job, where Celery only knows that the task returned
    snapshot.py     the worker's state, pushed: nobody has to ask by remote control
    endings.py      what the relay says of jobs that no worker can speak for
    gpu.py          the computer's GPU, asked of its driver
    outbox.py       bounded buffer and the one thread that sends it
    packing.py      many events in one message body, and back

A worker never waits for monitoring: where the buffer is full an event is dropped and counted, and
the count travels with the next snapshot.
"""
