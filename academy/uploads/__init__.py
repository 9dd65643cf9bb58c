"""Files on their way in: signed, resumable, verified before anything may use them."""
