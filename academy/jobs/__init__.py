"""The job core: rows that are outbox, lease, fence, progress and record at once."""
