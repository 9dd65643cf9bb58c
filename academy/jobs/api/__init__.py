"""The REST face of the job core: submit, follow, cancel, run again."""
