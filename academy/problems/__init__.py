"""The academy's own material: problems in collections, their vectors, and exact search in them."""
