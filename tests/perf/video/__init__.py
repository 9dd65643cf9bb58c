"""How much a lecture costs to encode, beside one process a rung as PeerTube does it."""
