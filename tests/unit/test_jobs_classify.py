"""One classifier: what an exception means for its job."""

from __future__ import annotations

import errno

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from academy.core import catalogue
from academy.core.errors import AppError
from academy.jobs.classify import Elsewhere, Permanent, Poison, Transient, classify, field_errors
from academy.jobs.errors import PermanentError, PoisonError, TransientError, UnsuitableHostError
from tests.support.kinds.params import SleepParams

_CASES = [
    (TransientError("network_error", retry_after=7.0), Transient, "network_error"),
    (PermanentError("params_invalid", fields=[]), Permanent, "params_invalid"),
    (PoisonError("handler_error"), Poison, "handler_error"),
    (AppError("storage_unavailable"), Transient, "storage_unavailable"),
    (AppError("object_missing"), Permanent, "object_missing"),
    (MemoryError(), Transient, "out_of_memory"),
    (UnsuitableHostError("disk_full"), Elsewhere, "disk_full"),
    (OSError(errno.ENOSPC, "full"), Transient, "disk_full"),
    (OSError(errno.EDQUOT, "quota"), Transient, "disk_full"),
    (OperationalError("gone"), Transient, "service_unavailable"),
    (InterfaceError("closed"), Transient, "service_unavailable"),
    (ConnectionResetError(), Transient, "network_error"),
    (TimeoutError(), Transient, "network_error"),
    (DataError("bad"), Permanent, "handler_output_invalid"),
    (OSError(errno.EACCES, "no"), Poison, "handler_error"),
    (IntegrityError("dup"), Poison, "handler_error"),
    (ValueError("a bug"), Poison, "handler_error"),
    (RecursionError(), Poison, "handler_error"),
]


@pytest.mark.parametrize(("error", "kind", "code"), _CASES, ids=lambda v: getattr(v, "code", None))
def test_an_exception_has_one_meaning(error: Exception, kind: type, code: str):
    decision = classify(error)
    assert (type(decision), decision.code) == (kind, code)


def test_the_providers_wish_for_a_pause_is_kept():
    decision = classify(TransientError("network_error", retry_after=7.0))
    assert isinstance(decision, Transient)
    assert decision.retry_after == 7.0


@given(st.text())
def test_a_bugs_own_words_reach_no_tenant(secret: str):
    decision = classify(RuntimeError(secret))
    assert isinstance(decision, Poison)
    assert decision.params == {"type": "RuntimeError"}


def test_every_code_the_classifier_makes_has_a_sentence():
    for error, _, _ in _CASES:
        catalogue.lookup(classify(error).code)


@given(st.text(min_size=1))
def test_findings_name_the_field_and_never_the_value(value: str):
    with pytest.raises(ValidationError) as caught:
        SleepParams.model_validate({"beats": f"not a number {value}", "surprise": value})
    decision = classify(caught.value)
    assert isinstance(decision, Permanent)
    assert decision.code == "params_invalid"
    found = field_errors(caught.value)
    assert {item["field"] for item in found} == {"beats", "surprise"}
    assert all(set(item) == {"field", "problem"} for item in found)
    assert f"not a number {value}" not in str(found)
