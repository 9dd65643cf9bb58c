"""Who may do what: academies, their members, API keys, limits, and scoped querysets."""
