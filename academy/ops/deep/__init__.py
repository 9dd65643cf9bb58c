"""The deep check: a tiny job through every queue, and a plain sentence on the link that broke."""
