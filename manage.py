#!/usr/bin/env python
"""Django's command line, with the local settings unless the environment names others."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.local")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # Which variables to repair is the whole message; a traceback would bury it.
        sys.exit(str(error))


if __name__ == "__main__":
    main()
