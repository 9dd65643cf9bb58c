"""The platform's environment variables for a local run, all made here."""

from __future__ import annotations

import os

from deploy.local import models
from deploy.local.ocr_data import installed_folder
from deploy.local.ports import HOST, Ports
from deploy.local.state import Secrets, StateFolder

REGION = "ap-northeast-2"
DATABASE = "academy"
FLOWER_USER = "ops"
CONSOLE_USER = "ops"


def environment(ports: Ports, folder: StateFolder, secrets: Secrets) -> dict[str, str]:
    """Everything that `academy.settings.local`, the workers and the tests read.

    The object store's keys and the queues' keys are different ones under different names, as they
    are in production.
    """
    base_url = f"http://{HOST}:{ports.api}"
    return {
        "DJANGO_SETTINGS_MODULE": "academy.settings.local",
        "SECRET_KEY": secrets.secret_key,
        "API_KEY_PEPPER": secrets.api_key_pepper,
        "ALLOWED_HOSTS": f"{HOST},localhost",
        "PUBLIC_BASE_URL": base_url,
        "DATABASE_URL": (
            f"postgresql://{DATABASE}:{secrets.postgres_password}@{HOST}:{ports.postgres}/{DATABASE}"
        ),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": secrets.sqs_account,
        "AWS_SECRET_ACCESS_KEY": secrets.sqs_secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SQS_ENDPOINT_URL": f"http://{HOST}:{ports.sqs}",
        # A stopping worker waits for its last poll to be answered; polls cost nothing here.
        "SQS_WAIT_SECONDS": os.environ.get("SQS_WAIT_SECONDS", "2"),
        "R2_ENDPOINT_URL": f"http://{HOST}:{ports.s3}",
        "R2_ACCESS_KEY_ID": secrets.s3_access_key,
        "R2_SECRET_ACCESS_KEY": secrets.s3_secret_key,
        "R2_REGION": "auto",
        "SCRATCH_DIR": str(folder.scratch),
        **_tessdata(),
        **models.variables(),
        "MODEL_CACHE_DIR": str(folder.path / "model-cache"),
        # Threads of torch that spin while they wait take the machine from everybody else.
        "OMP_WAIT_POLICY": "PASSIVE",
        "HOST_KIND": "cpu",
        "PREMIUM_ON_CPU": "1",
        "FLOWER_ADDRESS": HOST,
        "FLOWER_PORT": str(ports.flower),
        "FLOWER_BASIC_AUTH": f"{FLOWER_USER}:{secrets.flower_password}",
        "FLOWER_DB": str(folder.path / "flower"),
        "CONSOLE_LOGIN": f"{CONSOLE_USER}:{secrets.console_password}",
        "EVENTS_FLUSH_SECONDS": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "",  # a dozen processes start sooner from compiled modules
    }


def _tessdata() -> dict[str, str]:
    """Where `make ocr-data` has put the language data, unless the caller names another place."""
    folder = installed_folder()
    if folder is None or os.environ.get("TESSDATA_DIR"):
        return {}
    return {"TESSDATA_DIR": str(folder)}


#: Pages that ask for a login, and the variable that says which.
LOGINS = {"Console": "CONSOLE_LOGIN", "Flower": "FLOWER_BASIC_AUTH"}


def urls(ports: Ports) -> dict[str, str]:
    """What a person opens, by name."""
    base = f"http://{HOST}:{ports.api}"
    return {
        "API": f"{base}/api/v1/",
        "API docs": f"{base}/api/docs",
        "Console": f"{base}/console",
        "Flower": f"http://{HOST}:{ports.flower}/",
        "S3": f"http://{HOST}:{ports.s3}/",
        "SQS": f"http://{HOST}:{ports.sqs}/",
    }
