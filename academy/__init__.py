"""academy: models, domain and API of the task platform. It imports neither Celery nor ``tasks``."""
