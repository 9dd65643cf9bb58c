"""What is known of a student: each field, its limit, its column titles, and how a cell is read.

Pure: models, the API, the confined reader of imports and the export all take it from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from academy.documents.tables.cells import Cell
from academy.documents.tables.values import CellError, date_of, phone_of, text_of

NAME_CHARS: Final = 40
NUMBER_CHARS: Final = 20
SCHOOL_CHARS: Final = 60
GRADE_CHARS: Final = 20
CLASS_CHARS: Final = 60
MEMO_CHARS: Final = 500
PHONE_DIGITS: Final = 11


class Gender(StrEnum):
    """As the academy wrote it down; empty where it did not."""

    MALE = "male"
    FEMALE = "female"


class Enrolment(StrEnum):
    """Whether a student comes at present."""

    ENROLLED = "enrolled"
    PAUSED = "paused"
    LEFT = "left"


GENDER_TITLES: Final[Mapping[str, str]] = MappingProxyType({"male": "남", "female": "여"})
STATE_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {"enrolled": "재원", "paused": "휴원", "left": "퇴원"}
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


_GENDERS: Final = {
    **dict.fromkeys(_words("남, 남자, 남성, 남학생, m, male, boy, man"), "male"),
    **dict.fromkeys(_words("여, 여자, 여성, 여학생, f, female, girl, woman"), "female"),
}
_STATES: Final = {
    **dict.fromkeys(_words("재원, 재원중, 재학, 등원, 수강, 수강중, enrolled, active"), "enrolled"),
    **dict.fromkeys(_words("휴원, 휴원중, 휴학, paused, onleave"), "paused"),
    **dict.fromkeys(_words("퇴원, 퇴원생, 그만둠, 수강종료, left, withdrawn, inactive"), "left"),
}  # fmt: skip


def _text(limit: int, *, lines: bool = False) -> Callable[[Cell], str | None]:
    return lambda cell: text_of(cell, limit, lines=lines) or None


def _word(words: Mapping[str, str], code: str) -> Callable[[Cell], str | None]:
    def read(cell: Cell) -> str | None:
        text = text_of(cell, 40).lower().replace(" ", "")
        if not text:
            return None
        if text not in words:
            raise CellError(code)
        return words[text]

    return read


def _name(cell: Cell) -> str | None:
    name = text_of(cell, NAME_CHARS)
    if not name:
        raise CellError("row_name_missing")
    if name.isdigit():
        raise CellError("row_name_invalid")
    return name


def _parent_phone(cell: Cell) -> str | None:
    digits = phone_of(cell, mobile=True)
    if not digits:
        raise CellError("row_parent_phone_missing")
    return digits


def _student_phone(cell: Cell) -> str | None:
    return phone_of(cell) or None


def _enrolled_on(cell: Cell) -> str | None:
    day = date_of(cell)
    return None if day is None else day.isoformat()


@dataclass(frozen=True)
class Field:
    """One field. ``read`` gives a cell's stored form, None where it is empty, or CellError."""

    name: str
    title: str
    """The heading in exports; imports know it, and the synonyms."""
    synonyms: tuple[str, ...]
    read: Callable[[Cell], str | None]
    required: bool = False


FIELDS: Final[tuple[Field, ...]] = (
    Field(
        "number", "학번",
        _words(
            "학생번호, 원생번호, 수강번호, 회원번호, 출결번호, 원번, 고유번호,"
            "student number, student no, student id, number"
        ),
        _text(NUMBER_CHARS),
    ),
    Field(
        "name", "이름",
        _words(
            "학생명, 학생이름, 성명, 학생성명, 원생명, 원생이름, 수강생명, 수강생, 원생,"
            "학생, name, student name, full name, student"
        ),
        _name, required=True,
    ),
    Field(
        "parent_phone", "학부모 연락처",
        _words(
            "학부모전화, 학부모전화번호, 학부모휴대폰, 학부모핸드폰, 학부모번호, 학부모hp,"
            "학부모휴대전화, 보호자연락처, 보호자전화, 보호자전화번호, 보호자휴대폰,"
            "보호자핸드폰, 보호자번호, 부모님연락처, 부모님전화번호, 부모님휴대폰,"
            "부모연락처, 부모전화번호, 부모핸드폰, 모연락처, 모전화번호, 모휴대폰,"
            "모핸드폰, 어머니연락처, 어머니전화번호, 어머니휴대폰, 어머니핸드폰,"
            "어머님연락처, 엄마연락처, 엄마전화번호, 부연락처, 부휴대폰, 아버지연락처,"
            "아버지휴대폰, 아버님연락처, 학부모, 보호자, parent phone, parents phone,"
            "parent mobile, parent contact, guardian phone, mother phone, father phone,"
            "guardian contact, guardian mobile"
        ),
        _parent_phone, required=True,
    ),
    Field(
        "student_phone", "학생 연락처",
        _words(
            "학생전화, 학생전화번호, 학생휴대폰, 학생핸드폰, 학생번호연락처, 학생휴대전화,"
            "학생hp, 본인연락처, 본인전화번호, 본인휴대폰, 본인핸드폰, 자녀연락처,"
            "원생연락처, 원생전화번호, 원생휴대폰, student phone, student mobile,"
            "student contact, own phone"
        ),
        _student_phone,
    ),
    Field(
        "school", "학교",
        _words("학교명, 재학학교, 소속학교, 출신학교, 재학교, school, school name"),
        _text(SCHOOL_CHARS),
    ),
    Field("grade", "학년", _words("현재학년, grade, school year"), _text(GRADE_CHARS)),
    Field(
        "gender", "성별",
        _words("남녀, 남여, 성, gender, sex"),
        _word(_GENDERS, "row_gender_unknown"),
    ),
    Field(
        "class_name", "반",
        _words(
            "반명, 수강반, 클래스, 반이름, 소속반, 강좌, 강좌명, 수업, 수업명, 학급,"
            "class, class name, course, group"
        ),
        _text(CLASS_CHARS),
    ),
    Field(
        "state", "상태",
        _words("재원상태, 재원여부, 등록상태, 재원구분, 수강상태, status, state"),
        _word(_STATES, "row_state_unknown"),
    ),
    Field(
        "enrolled_on", "등록일",
        _words(
            "입학일, 등원일, 입원일, 등록일자, 첫등원일, 최초등록일, 수강시작일, 입학일자,"
            "enrolled on, enrolled, enrollment date, start date, registered"
        ),
        _enrolled_on,
    ),
    Field(
        "memo", "메모",
        _words(
            "비고, 특이사항, 참고, 참고사항, 상담내용, 기타, memo, note, notes, remark,"
            "remarks, comment"
        ),
        _text(MEMO_CHARS, lines=True),
    ),
)  # fmt: skip
BY_NAME: Final[Mapping[str, Field]] = MappingProxyType({field.name: field for field in FIELDS})
NAMES: Final[tuple[str, ...]] = tuple(BY_NAME)
#: A column that is only called so is the parent's, where nothing else is.
ANY_PHONE: Final = (
    "연락처", "전화번호", "전화", "휴대폰", "핸드폰", "휴대전화", "휴대폰번호", "핸드폰번호", "hp",
    "phone", "mobile", "phone number", "contact", "tel",
)  # fmt: skip
