"""The worker pools and the queues between them and the relay: what is there, and its switches."""
