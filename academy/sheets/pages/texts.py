"""What the pages' scripts say; English here, Korean in the catalogue."""

from __future__ import annotations

from django.utils.translation import gettext as _


def review_texts() -> dict[str, str]:
    """Of the review page."""
    return {
        "accept": _("Accept {value}"),
        "accept_blank": _("Accept: left blank"),
        "accept_hint": _("Nothing certain was read here: please choose."),
        "again_cancelled": _("Reading again was cancelled."),
        "again_done": _("Read again: {settled} settled, {left} left for you."),
        "again_offer": _(
            "A second, larger network can read what is doubtful before you do. "
            "Rows: {rows}, pages: {pages}."
        ),
        "again_order": _("Have them read again · {price}"),
        "again_price": _("Pages: {pages}, {unit} each: {price}"),
        "again_waiting": _("Reading again: waiting for its turn. You can go on meanwhile."),
        "again_working": _("Reading again: {percent} %. You can go on meanwhile."),
        "blank": _("Left blank"),
        "by": _("{by} has settled this as {now} in the meantime. You chose {mine}."),
        "candidates": _("Students it may be"),
        "certain": _("{percent} % certain"),
        "changed_scores": _("Scores changed: {count}"),
        "choose_first": _("Please choose a student."),
        "conflict": _("Somebody has settled it first."),
        "count": _("{done} of {total} settled"),
        "counts_this": _("This one counts"),
        "crop": _("Question {question} as the student marked it"),
        "crop_number": _("The number as the student marked it"),
        "differs": _("Differs from the first in {questions}"),
        "discard": _("Discard the page"),
        "discarded": _("Page discarded"),
        "done": _("Nothing left to review"),
        "done_text": _("Everything doubtful is settled, and the scores are up to date."),
        "doubtful": _("Answers in doubt: {count}"),
        "duplicates": _("Which page counts?"),
        "duplicates_text": _("{count} pages claim to be page {page} of {name}."),
        "file": _("Open the file"),
        "loading": _("Loading"),
        "match_exact_with_competitor": _(
            "The number is complete, but another student's is almost the same."
        ),
        "match_fuzzy": _("Nobody has this number; somebody's differs in one digit."),
        "match_incomplete": _("Digits are missing or not certain."),
        "match_no_match": _("Nobody has a number like this."),
        "mine": _("Use mine"),
        "multi": _("Several"),
        "multi_done": _("Settle these"),
        "next": _("Next"),
        "no_picture": _("There is no picture of this any more."),
        "nobody": _("Nobody found."),
        "nothing_to_undo": _("There is nothing to undo."),
        "number": _("The number written"),
        "number_wrong": _("A number from 0 to {most}, please."),
        "other_changed": _("Somebody else has changed this. Here it is as it is now."),
        "other_student": _("Another student"),
        "page_of": _("Page {index} of {file}"),
        "previous": _("Previous"),
        "question": _("Question {question}"),
        "read_ambiguous": _("Not certain how many marks are meant"),
        "read_as": _("Read as {value}"),
        "read_error": _("Could not be read"),
        "read_low_confidence": _("An unusual mark"),
        "read_nothing": _("Nothing was read"),
        "read_only": _("You can look at everything here, and change nothing."),
        "retrying": _("Not saved yet: trying again"),
        "same_answers": _("Same answers as the first"),
        "saved": _("All saved"),
        "saving": _("Saving"),
        "scores": _("See the scores"),
        "search": _("Search by name, number or phone"),
        "settle": _("Settle"),
        "settled_as": _("Settled as {value}"),
        "sheet": _("The whole page"),
        "student": _("Whose page is it?"),
        "taken": _("already has this page"),
        "theirs": _("Keep theirs"),
        "undo": _("Undo"),
        "undone": _("Taken back"),
        "unreadable": _("This page could not be read"),
        "zoom": _("Enlarge"),
    }


def exam_texts() -> dict[str, str]:
    """Of the examination's page."""
    return {
        "export_failed": _("The table could not be made."),
        "export_ready": _("The table is ready"),
        "exporting": _("The table is being made"),
    }
