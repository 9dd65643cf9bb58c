"""Upgrading beside what is at work: which release is the previous one, and whether both agree."""
