"""Every reason for which a document is refused, in the user's words."""

from academy.core.catalogue import Entry, register

_OTHER_KO = "다른 프로그램으로 다시 저장한 뒤 올려 주세요."
_OTHER_EN = "Save it again with another program, then upload that."
_SPLIT_KO, _SPLIT_EN = "파일을 나누어 올려 주세요.", "Split it and upload the parts."

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
        "document_locked", 422,
        "암호가 걸린 PDF입니다.",
        "The PDF is locked with a password.",
        "암호를 풀어 다시 저장한 뒤 올려 주세요.",
        "Save it without the password, then upload that.",
    ),
    Entry(
        "document_too_large", 422,
        "파일이 너무 큽니다({size}바이트, 최대 {limit}바이트).",
        "The file is too large ({size} bytes, at most {limit}).",
        _SPLIT_KO, _SPLIT_EN,
    ),
    Entry(
        "document_too_many_pages", 422,
        "쪽이 너무 많습니다({pages}쪽, 최대 {limit}쪽).",
        "There are too many pages ({pages}, at most {limit}).",
        _SPLIT_KO, _SPLIT_EN,
    ),
    Entry(
        "document_too_many_pixels", 422,
        "{page}쪽의 그림이 너무 큽니다({megapixels}메가픽셀, 최대 {limit}메가픽셀).",
        "The picture of page {page} is too large ({megapixels} megapixels, at most {limit}).",
        "해상도를 낮추어 다시 올려 주세요.",
        "Upload it at a lower resolution.",
    ),
    Entry(
        "document_picture_too_small", 422,
        "{page}쪽의 그림이 너무 작습니다. 가로와 세로가 {limit}픽셀 이상이어야 합니다.",
        "The picture of page {page} is too small; both sides need {limit} pixels at least.",
        "150dpi 이상으로 다시 스캔하거나 가까이에서 찍어 주세요.",
        "Scan it at 150 dpi or more, or photograph it from closer by.",
    ),
    Entry(
        "document_page_damaged", 422,
        "{page}쪽을 읽을 수 없습니다.",
        "Page {page} cannot be read.",
        "그 쪽을 빼거나 파일을 다시 만들어 올려 주세요.",
        "Leave that page out, or make the file anew, then upload it.",
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
    Entry(
        "document_heic", 422,
        "아이폰의 HEIC 사진은 아직 읽을 수 없습니다.",
        "Photographs in the iPhone's format HEIC cannot be read yet.",
        "아이폰의 설정 > 카메라 > 포맷에서 '높은 호환성'을 고르고 다시 찍거나, 사진을 JPEG로 "
        "저장해 올려 주세요.",
        "On the iPhone choose Settings > Camera > Formats > Most Compatible and take it again, or "
        "save it as JPEG and upload that.",
    ),
    Entry(
        "premium_on_cpu", 422,
        "이 서버에는 GPU가 없어 CPU에서 실행했습니다. 결과는 같지만 더 느립니다.",
        "It ran on a CPU, because this host has no GPU: the same result, later.",
        "더 빠른 처리가 필요하면 운영자에게 GPU 서버를 요청해 주세요.",
        "Ask the operator for a GPU host where the time matters.",
    ),
)  # fmt: skip
