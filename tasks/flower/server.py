"""Flower with our parts in it, and its life as a process."""

from __future__ import annotations

import asyncio
import logging
import logging.config
import os
import signal
import sys
from typing import Any

from botocore.config import Config
from celery import Celery
from django.core.exceptions import ImproperlyConfigured
from flower.app import Flower
from flower.options import options
from flower.urls import settings as flower_settings
from tornado.ioloop import IOLoop

from academy.core.logs import logging_config
from tasks import depths, provision, queues
from tasks.flower import api, controls, pages
from tasks.flower.board import Database, NoDatabase
from tasks.flower.config import FlowerConfig, FlowerConfigError, read
from tasks.flower.inspector import FORGET_SECONDS, SnapshotInspector
from tasks.flower.pages import OverlayLoader
from tasks.flower.receiver import WAIT_SECONDS, Receiver

logger = logging.getLogger(__name__)

_COLUMNS = "name,uuid,state,received,runtime,retries,worker"


def celery_app() -> Celery:
    """What Flower wants to be told about Celery: no tasks, no results, no Django, no connection."""
    app = Celery("academy", broker="sqs://", fixups=[])
    app.conf.task_queues = []
    app.conf.timezone = "UTC"
    return app


def switches(config: FlowerConfig) -> Database | NoDatabase:
    """The platform's database behind the controls; Django is set up only where they are on.

    Raises ImproperlyConfigured where Django's settings are wrong.
    """
    if not config.controls:
        return NoDatabase()
    os.environ.setdefault("ACADEMY_PROCESS", "command")
    import django  # noqa: PLC0415 - a Flower without controls needs none of it

    django.setup()
    from tasks.flower import deeds  # noqa: PLC0415 - models need the settings

    return Database(deeds.read_board, deeds.DEEDS, around=deeds.connected)


def build(config: FlowerConfig, loop: IOLoop, database: Database | NoDatabase) -> Flower:
    """Flower for *config* on *loop*, not listening yet."""
    options.port = config.port
    options.address = config.address
    options.basic_auth = list(config.basic_auth) or None
    # Removes Flower's own controls from its pages; api.ROUTES answers whoever asks all the same.
    options.read_only = True
    options.enable_events = False
    options.tasks_columns = _COLUMNS
    options.max_tasks = config.max_tasks
    options.purge_offline_workers = FORGET_SECONDS
    settings = {**flower_settings, "template_loader": OverlayLoader()}
    if config.oauth:
        options.auth = config.oauth.emails
        options.auth_provider = config.oauth.provider
        settings["oauth"] = {
            "key": config.oauth.key,
            "secret": config.oauth.secret,
            "redirect_uri": config.oauth.redirect_uri,
        }
    app = celery_app()
    inspector = SnapshotInspector(loop, app)
    receiver = Receiver(
        app,
        loop,
        client=_receiving_client(),
        queue=config.queue,
        database=config.database,
        max_tasks=config.max_tasks,
        max_workers=options.max_workers,
        on_snapshot=inspector.update,
    )
    flower = Flower(
        capp=app,
        options=options,
        events=receiver,
        io_loop=loop,
        depths=depths.from_environment([config.queue]),
        database=database,
        public_base_url=config.public_base_url,
        **settings,
    )
    flower.inspector = inspector
    # Routes that are added later are asked first.
    flower.add_handlers(r".*", pages.ROUTES + api.ROUTES + controls.ROUTES)
    return flower


def _receiving_client() -> Any:
    """A client whose answers may take as long as a long poll."""
    config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1})
    return provision.client(config=config)


def main() -> int:
    """Run Flower until SIGTERM or SIGINT; 2 where the environment does not allow it to start."""
    try:
        config = read()
        database = switches(config)
    except (FlowerConfigError, queues.QueueConfigError, ImproperlyConfigured) as exc:
        print(f"Flower must not start. {exc}", file=sys.stderr)  # noqa: T201 - a command's answer
        return 2
    logging.config.dictConfig(logging_config(log_format=config.log_format, level=config.log_level))
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    # The history is a file that Python trusts when it is read: nobody else may write it.
    os.umask(0o077)
    asyncio.set_event_loop(asyncio.new_event_loop())
    loop = IOLoop.current()
    flower = build(config, loop, database)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.asyncio_loop.add_signal_handler(number, flower.stop)
    try:
        port = flower.start_http_server()
    except OSError as exc:
        logger.error("Flower cannot listen on %s:%d: %s", config.address, config.port, exc.strerror)  # noqa: TRY400
        return 1
    logger.info("Flower on http://%s:%s/ reads %s", config.address, port, config.queue)
    if config.is_open:
        logger.warning("Flower asks for no password: allowed because this is a local platform.")
    if not database.on:
        logger.info("Flower's controls are off: they need DATABASE_URL and a login.")
    if config.database is None:
        logger.info("Flower keeps its history in memory only: FLOWER_DB is not set.")
    flower.start()
    flower.events.join(timeout=WAIT_SECONDS + 2)
    database.close()
    logger.info("Flower down")
    return 0
