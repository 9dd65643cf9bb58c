"""AI kinds over documents: what they find, on which tier they run, and what that costs."""
