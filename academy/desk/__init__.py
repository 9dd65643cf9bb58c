"""Pages for people without an account here: teachers, and those they show something to.

See ``docs/explanation/pages-for-teachers.md``.
"""
