"""Every reason for which a document is refused, in the user's words."""

from academy.core.catalogue import Entry, register

_OTHER_KO = "다른 프로그램으로 다시 저장한 뒤 올려 주세요."
_OTHER_EN = "Save it again with another program, then upload that."

register(
    Entry(
        "document_changed", 409,
        "올린 파일이 작업을 접수한 뒤에 바뀌었습니다.",
        "The uploaded file changed after the job was accepted.",
        "파일을 다시 올려 주세요.",
        "Upload the file again.",
    ),
    Entry(
        "document_unreadable", 422,
        "파일을 읽을 수 없습니다. 손상되었을 수 있습니다.",
        "The file cannot be read; it may be damaged.",
        _OTHER_KO, _OTHER_EN,
    ),
    Entry(
        "document_too_heavy", 422,
        "파일을 읽는 데 필요한 메모리나 시간이 너무 많습니다.",
        "Reading the file takes more memory or time than any such file should.",
        "파일을 나누거나 다른 프로그램으로 다시 저장한 뒤 올려 주세요.",
        "Split it, or save it again with another program, then upload that.",
    ),
    Entry(
        "document_reader_killed", 503,
        "파일을 읽던 프로그램이 서버 사정으로 중단되었습니다.",
        "The host ended the program that was reading the file.",
        "자동으로 다시 시도합니다. 기다려 주세요.",
        "It is tried again by itself; please wait.",
        retryable=True,
    ),
)  # fmt: skip
