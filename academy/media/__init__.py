"""Strangers' recordings: where ffmpeg is, what it may open, what a file is, and how it is run."""
