"""What carriers can carry, how they count it, what variables become, and what the law asks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.messaging import advertising, prices, text, variables
from academy.messaging.fields import MessageType
from academy.messaging.text import TextError

HANGUL_90 = "가" * 45


@pytest.mark.parametrize(
    ("body", "subject", "type_", "length"),
    [
        ("a", "", MessageType.SMS, 1),
        (HANGUL_90, "", MessageType.SMS, 90),
        (HANGUL_90 + "a", "", MessageType.LMS, 91),
        ("짧음", "제목", MessageType.LMS, 4),
        ("가" * 1000, "", MessageType.LMS, 2000),
        ("똠방각하", "", MessageType.SMS, 8),
        ("가\n나", "", MessageType.SMS, 5),
        ("“인용” ― ★ ① ㎡", "", MessageType.SMS, 20),
    ],
)
def test_bytes_are_counted_as_the_carriers_do(
    body: str, subject: str, type_: MessageType, length: int
) -> None:
    fit = text.fit_text(body, subject)
    assert (fit.type, fit.length) == (type_, length)


@pytest.mark.parametrize(
    ("body", "subject", "code", "params"),
    [
        ("", "", "message_empty", {}),
        ("가" * 1001, "", "message_too_long", {"length": 2002, "limit": 2000}),
        ("가", "가" * 21, "message_subject_too_long", {"length": 42, "limit": 40}),
        ("안녕😀 또😀 𠮷", "", "message_unencodable", {"characters": "😀 𠮷"}),
        ("영폭\u200b공백\u0007", "", "message_unencodable", {"characters": "U+200B U+0007"}),
    ],
)
def test_what_cannot_go_out_says_why(
    body: str, subject: str, code: str, params: dict[str, object]
) -> None:
    with pytest.raises(TextError) as caught:
        text.fit_text(body, subject)
    assert (caught.value.code, caught.value.params) == (code, params)


def test_kakao_carries_any_character_and_counts_characters() -> None:
    assert text.fit_alimtalk("안녕😀\n").length == 4
    with pytest.raises(TextError) as caught:
        text.fit_alimtalk("가" * 1001)
    assert caught.value.code == "message_too_long"


def test_a_text_from_a_mac_becomes_one_that_can_be_sent() -> None:
    apart = "\u1112\u1161\u11ab\u1100\u1173\u11af\r\n줄 "
    assert text.unencodable(apart.strip())
    assert text.normal(apart) == "한글\n줄"
    assert text.fit_text(text.normal(apart)).length == 7


@given(st.text(alphabet=st.characters(codec="cp949", exclude_categories=("Cc", "Cf", "Cs"))))
def test_what_is_not_refused_reaches_the_carrier_as_it_is(body: str) -> None:
    assert text.length_of(body) == len(body.encode("cp949"))
    assert body.encode("cp949").decode("cp949") == body


def test_variables_are_filled_and_values_are_not_looked_into() -> None:
    body = "#{이름} 학생, #{ 과목 } #{이름}"
    assert variables.names(body) == ("이름", "과목")
    filled = variables.render(body, {"이름": "#{과목}", "과목": "수학", "다른": "x"})
    assert filled == "#{과목} 학생, 수학 #{과목}"


@pytest.mark.parametrize(
    "wrong",
    [
        "${이름}",
        "#{이름",
        "#{}",
        "#{ }",
        "{{이름}}",
        "# {이름}",
        "\uff03\uff5b이름\uff5d",
        "#{a#{b}",
    ],
)
def test_what_was_meant_as_a_variable_never_goes_out_as_it_stands(wrong: str) -> None:
    with pytest.raises(TextError) as caught:
        variables.render(f"안녕 {wrong}", {"이름": "보기", "b": "x"})
    assert caught.value.code == "message_variable_malformed"


@pytest.mark.parametrize("values", [{}, {"이름": ""}, {"이름": "  "}])
def test_an_empty_value_is_a_missing_one(values: dict[str, str]) -> None:
    with pytest.raises(TextError) as caught:
        variables.render("#{이름}", values)
    assert (caught.value.code, caught.value.params) == (
        "message_variable_missing",
        {"names": "이름"},
    )


def test_a_value_has_a_limit_and_a_text_a_number_of_variables() -> None:
    with pytest.raises(TextError) as caught:
        variables.render("#{a}", {"a": "x" * 501})
    assert caught.value.code == "message_value_too_long"
    with pytest.raises(TextError) as caught:
        variables.names("".join(f"#{{v{n}}}" for n in range(31)))
    assert caught.value.code == "message_variables_too_many"


SENDER = {"sender_name": "보기학원", "opt_out_number": "080-000-0000"}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("특강 안내", "(광고)보기학원\n특강 안내\n무료수신거부 080-000-0000"),
        ("(광고)보기학원 특강", "(광고)보기학원 특강\n무료수신거부 080-000-0000"),
        ("(광고) 특강", "(광고)보기학원 특강\n무료수신거부 080-000-0000"),
        (
            "(광고)보기학원 특강 무료거부 080-000-0000",
            "(광고)보기학원 특강 무료거부 080-000-0000",
        ),
    ],
)
def test_advertising_gets_what_the_law_asks_and_only_that(body: str, wanted: str) -> None:
    made = advertising.composed(body, **SENDER)
    assert made == wanted
    assert advertising.composed(made, **SENDER) == made


@pytest.mark.parametrize(
    "head", ["(광 고)", "[광고]", "\uff08광고\uff09", "(광/고)", " (광고)", "<광고>", "【광고】"]
)
def test_a_disguised_mark_is_refused(head: str) -> None:
    with pytest.raises(TextError) as caught:
        advertising.composed(f"{head}보기학원 특강", **SENDER)
    assert caught.value.code == "message_ad_prefix_disguised"


@pytest.mark.parametrize("missing", ["sender_name", "opt_out_number"])
def test_advertising_without_a_sender_or_a_way_out_is_refused(missing: str) -> None:
    with pytest.raises(TextError):
        advertising.composed("특강", **{**SENDER, missing: " "})


@pytest.mark.parametrize(
    ("utc", "night", "allowed"),
    [
        ("2026-03-02T11:59:59", False, "2026-03-02T11:59:59"),  # 20:59:59 in Seoul
        ("2026-03-02T12:00:00", True, "2026-03-02T23:00:00"),  # 21:00
        ("2026-03-02T15:00:00", True, "2026-03-02T23:00:00"),  # midnight
        ("2026-03-02T22:59:59", True, "2026-03-02T23:00:00"),  # 07:59:59
        ("2026-03-02T23:00:00", False, "2026-03-02T23:00:00"),  # 08:00
        ("2026-12-31T14:30:00", True, "2026-12-31T23:00:00"),  # over new year
    ],
)
def test_the_night_of_advertising(utc: str, night: bool, allowed: str) -> None:
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert advertising.is_night(moment) is night
    assert advertising.next_allowed(moment) == datetime.fromisoformat(allowed).replace(tzinfo=UTC)


@given(
    st.datetimes(
        min_value=datetime.fromisoformat("2020-01-01"),
        max_value=datetime.fromisoformat("2100-01-01"),
        timezones=st.just(UTC),
    )
)
def test_the_next_allowed_moment_is_the_first_that_is_by_day(moment: datetime) -> None:
    allowed = advertising.next_allowed(moment)
    assert allowed >= moment
    assert not advertising.is_night(allowed)
    assert (allowed - moment).total_seconds() <= 11 * 3600


def test_a_fallback_is_held_at_the_dearer_price() -> None:
    alone = prices.quote(MessageType.ALIMTALK)
    both = prices.quote(MessageType.ALIMTALK, MessageType.LMS)
    assert (alone.most, both.expected, both.most) == (1_300, 1_300, 4_500)


@pytest.mark.parametrize(
    ("jeon", "shown"),
    [(0, "0"), (1_850, "18.5"), (123_400, "1,234"), (-1_805, "-18.05"), (100, "1")],
)
def test_money_for_people(jeon: int, shown: str) -> None:
    assert prices.won(jeon) == shown
