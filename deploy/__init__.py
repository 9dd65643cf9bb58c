"""How the platform is run: on one machine (`deploy.local`) and in the cloud.

Of the project's own code only `tasks.queues` is imported here, so that the machine which deploys
needs neither Django nor Celery.
"""
