"""Backups of the database: made, kept, restored, and proved by restoring them."""
