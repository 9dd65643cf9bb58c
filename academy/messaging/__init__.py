"""Messages to parents and students: each exactly once, or a person knows why not."""
