"""What every domain stands on: clock, ids, errors, object storage, HTTP, health."""
