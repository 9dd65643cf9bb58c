"""Wrong notes: the questions that a student missed, on paper again, with space to solve them."""
