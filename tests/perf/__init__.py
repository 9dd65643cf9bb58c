"""The benchmark: what the guarantees cost, measured beside stock Celery on the same queues."""
