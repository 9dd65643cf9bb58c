"""Tables: strangers' xlsx and csv files read with limits, and our own written as they grow.

The reading half runs in a confined child and imports nothing of Django.
"""
