"""What died: dead jobs and messages of the dead-letter queues in one list, to replay or discard."""
