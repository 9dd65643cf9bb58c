"""Match-up: questions of an examination against the academy's own material."""
