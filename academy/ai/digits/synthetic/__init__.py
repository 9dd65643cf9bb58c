"""Made-up handwriting with known answers: to learn from, and to be judged on.

A writer is a seed: how the digits are shaped, slanted and joined, with which pen. Each use has
seeds of its own, so that no network is judged on a hand that it has seen.
"""
