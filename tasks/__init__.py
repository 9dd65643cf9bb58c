"""Celery: the queues, their transport, the workers and the relay.

Imports go one way: ``tasks`` may import ``academy``; nothing in ``academy`` imports ``tasks``.
"""
