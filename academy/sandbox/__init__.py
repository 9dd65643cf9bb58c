"""Where strangers' files are read: commands and Python functions in confined processes."""
