"""Why a recording cannot be read, in the user's words."""

from academy.core.catalogue import Entry, register

_REUPLOAD_KO = "원본을 PC에서 재생해 확인한 뒤 다시 올려 주세요."
_REUPLOAD_EN = "Check that the original plays on your computer, then upload it again."
_EXPORT_KO = "MP4(H.264, AAC)로 내보내어 다시 올려 주세요."
_EXPORT_EN = "Export it as MP4 (H.264 and AAC) and upload it again."
_WAIT_KO, _WAIT_EN = (
    "자동으로 다시 시도합니다. 기다려 주세요.",
    "It is tried again by itself; please wait.",
)

register(
    Entry(
        "video_empty", 422,
        "빈 파일입니다.",
        "The file is empty.",
        _REUPLOAD_KO, _REUPLOAD_EN,
    ),
    Entry(
        "video_not_media", 422,
        "동영상이나 음성 파일이 아닙니다.",
        "The file is neither a video nor a sound recording.",
        "동영상 파일을 골라 다시 올려 주세요.",
        "Choose a video file and upload that.",
    ),
    Entry(
        "video_no_streams", 422,
        "파일 안에 영상도 소리도 없습니다.",
        "The file holds neither pictures nor sound.",
        _REUPLOAD_KO, _REUPLOAD_EN,
    ),
    Entry(
        "video_too_long", 422,
        "영상이 너무 깁니다({hours}시간, 최대 {limit_hours}시간).",
        "The video is too long ({hours} hours, at most {limit_hours}).",
        "영상을 나누어 올려 주세요.",
        "Split it and upload the parts.",
    ),
    Entry(
        "video_too_many_pixels", 422,
        "해상도가 너무 큽니다({width}x{height}).",
        "The picture is too large ({width}x{height}).",
        "8192x4608 이하로 내보내어 다시 올려 주세요.",
        "Export it at 8192x4608 or smaller and upload it again.",
    ),
    Entry(
        "video_damaged", 422,
        "파일이 손상되었거나 도중에 끊겨 살릴 수 있는 부분이 없습니다.",
        "The file is damaged or was cut off, and nothing of it can be saved.",
        _REUPLOAD_KO, _REUPLOAD_EN,
    ),
    Entry(
        "video_unsupported_format", 422,
        "지원하지 않는 형식입니다({format}).",
        "This format is not supported ({format}).",
        _EXPORT_KO, _EXPORT_EN,
    ),
    Entry(
        "video_probe_timeout", 422,
        "파일을 분석하는 데 너무 오래 걸려 중단했습니다.",
        "Reading the file's structure took too long and was stopped.",
        _EXPORT_KO, _EXPORT_EN,
    ),
    Entry(
        "video_encode_failed", 500,
        "영상을 변환하지 못했습니다.",
        "The video could not be converted.",
        _EXPORT_KO, _EXPORT_EN,
    ),
    Entry(
        "video_stalled", 500,
        "변환이 {seconds}초 동안 진행되지 않아 중단했습니다.",
        "The conversion made no progress for {seconds} seconds and was stopped.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "video_worker_killed", 500,
        "변환 프로그램이 도중에 종료되었습니다.",
        "The conversion was killed half-way.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
)  # fmt: skip
