"""Job kinds that behave in every way a kind can: for tests and for the chaos harness.

An application of the test profile, installed where ``ACADEMY_TEST_KINDS=1``.
"""
