"""Explanations of questions, each held against the answer that the academy knows."""
