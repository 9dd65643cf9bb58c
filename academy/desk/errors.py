"""Why a page does not open, in the reader's words."""

from academy.core.catalogue import Entry, register

_ASK_KO = "링크를 보낸 사람에게 새 링크를 받아 주세요."
_ASK_EN = "Ask whoever sent it for a new one."

register(
    Entry(
        "page_link_invalid", 403,
        "페이지 링크가 올바르지 않습니다.",
        "The link to this page is not valid.",
        _ASK_KO, _ASK_EN,
    ),
    Entry(
        "page_link_expired", 403,
        "페이지 링크의 사용 기간이 지났습니다.",
        "The link to this page has expired.",
        _ASK_KO, _ASK_EN,
    ),
    Entry(
        "page_link_revoked", 403,
        "링크를 만든 사람이 더 이상 이 페이지를 열 수 없습니다.",
        "Whoever made the link may not open this page any more.",
        _ASK_KO, _ASK_EN,
    ),
    Entry(
        "page_visit_ended", 403,
        "페이지를 연 지 오래되어 더 이상 사용할 수 없습니다.",
        "The page has been open for too long.",
        "받은 링크로 다시 열어 주세요. 열리지 않으면 새 링크를 받아 주세요.",
        "Open it by its link again. If that does not work, ask for a new one.",
    ),
)  # fmt: skip
