"""Pages on which people write messages, send them, and see what became of them."""
