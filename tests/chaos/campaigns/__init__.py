"""Campaigns through real workers that are killed; the provider's double is the judge."""
