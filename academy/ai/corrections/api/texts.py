"""What the page's script says; English here, Korean in the catalogue."""

from __future__ import annotations

from django.utils.translation import gettext as _


def page_texts() -> dict[str, str]:
    """Of the correction page."""
    return {
        "box": _("Question {name}, page {page}"),
        "continued": _("{name} (continued)"),
        "count": _("{count} questions"),
        "delete": _("Remove"),
        "draw": _("Draw a box around the new question"),
        "group": _("Text of"),
        "invalid": _("A number from 1 to 999, please."),
        "last": _("to"),
        "loaded": _("Loaded as it is now"),
        "more": _("Add a part"),
        "no_picture": _("There is no picture of this page any more."),
        "number": _("Number"),
        "page": _("Page {number}"),
        "read_only": _("You can look at everything here, and change nothing."),
        "removed": _("Removed"),
        "saved": _("Saved. The pictures are being made."),
        "saving": _("Saving"),
        "twice": _("{name} stands here more than once"),
        "undone": _("Taken back"),
        "unsaved": _("Not saved yet"),
        "unsure": _("Please check"),
        "up_to_date": _("All saved"),
    }
