"""Pages for teachers and students: the review, the examination, and a student's result."""
