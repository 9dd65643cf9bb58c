"""The host agent: ``python -m tasks.host``, one on every computer that runs workers.

It protects the computer from scale-in while a worker is at work, drains the workers when the
computer is about to go, and, where that is asked for, gives the computer up when it has been idle,
but only where nothing would start it again. It needs neither the database nor SQS.

    config.py      the environment, checked
    crew.py        the workers of this computer, from their health files; SIGTERM for them
    metadata.py    EC2's instance metadata (IMDSv2): who am I, and what is about to happen to me
    place.py       where this computer stands: an Auto Scaling group, ECS, alone, or unknown
    decide.py      what follows from all of it: a pure function
    protection.py  scale-in protection, in a group and in ECS
    agent.py       the loop
"""
