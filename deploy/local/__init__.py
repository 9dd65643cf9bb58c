"""The whole platform on one machine: PostgreSQL, S3, SQS, API, relay, workers and Flower."""
