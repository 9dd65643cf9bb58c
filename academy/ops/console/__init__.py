"""The operators' pages, rendered by the server: one noun a module.

Every view here is for staff alone: :mod:`academy.ops.console.middleware` asks for the login, and a
view that is open to others says so with ``open_to_all``.
"""
