"""Seal the phones that are there; where there is nobody yet, none is ever stored in the clear."""

from typing import Any

from django.db import migrations

from academy.roster import sealing


def _forwards(*_: Any) -> None:
    if not sealing.seal():
        sealing.stop_clear()


def _backwards(*_: Any) -> None:
    sealing.back_to_clear()


class Migration(migrations.Migration):
    """The next release drops the columns in the clear."""

    contract = {"data": "It fills columns that 0.1.0 does not know, and changes no other."}

    dependencies = [("roster", "0002_sealed_phones")]

    operations = [migrations.RunPython(_forwards, _backwards)]
