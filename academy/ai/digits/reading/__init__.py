"""From a page to the pieces of ink that may be digits, and from their scores to a number."""
