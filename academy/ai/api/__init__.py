"""The AI kinds over REST: what there is, and what it costs."""
