"""Django settings: ``base`` and one module a profile; ``env`` is the only reader of os.environ."""
