"""The students of an academy: what is known of them, and how lists of them come and go."""
