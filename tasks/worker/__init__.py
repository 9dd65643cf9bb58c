"""What a worker of this platform has that a stock Celery worker has not."""
