"""Kinds that ask somebody else's language model: what is asked, what it costs, what is believed."""
