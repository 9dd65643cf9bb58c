"""Two releases side by side on one database, one SQS and one object store."""
