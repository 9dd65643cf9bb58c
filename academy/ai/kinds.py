"""The AI kinds that can be submitted."""
