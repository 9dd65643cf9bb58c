"""Filled and captured sheets with known answers, for training, gates and benchmarks.

Everything follows from integer seeds. `streams` keeps what a network learns from apart from what
it is judged on.
"""
