"""Making the local registry of models from packages that carry small ones."""
