"""Every reason for which a lecture is refused or fails, in the user's words."""

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
        "upload_not_found", 404,
        "업로드한 파일을 찾을 수 없습니다.",
        "There is no such upload.",
        "upload 값을 확인하거나 파일을 다시 올려 주세요.",
        "Check the upload's identifier, or upload the file again.",
    ),
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
        "video_hdr_unsupported", 422,
        "이 서버는 HDR 영상을 변환할 수 없습니다.",
        "This server cannot convert HDR video.",
        "SDR로 내보내어 다시 올려 주세요.",
        "Export it as SDR and upload it again.",
    ),
    Entry(
        "video_probe_timeout", 422,
        "파일을 분석하는 데 너무 오래 걸려 중단했습니다.",
        "Reading the file's structure took too long and was stopped.",
        _EXPORT_KO, _EXPORT_EN,
    ),
    Entry(
        "video_source_changed", 409,
        "업로드한 뒤에 파일이 바뀌었습니다.",
        "The file changed after it was uploaded.",
        "파일을 다시 올려 주세요.",
        "Upload the file again.",
    ),
    Entry(
        "video_encode_failed", 500,
        "영상을 변환하지 못했습니다.",
        "The video could not be converted.",
        _EXPORT_KO, _EXPORT_EN,
    ),
    Entry(
        "video_output_invalid", 500,
        "변환 결과가 검사를 통과하지 못했습니다({problem}).",
        "The converted video did not pass its checks ({problem}).",
        _WAIT_KO, _WAIT_EN, retryable=True,
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
    Entry(
        "video_disk_full", 503,
        "변환 서버의 디스크 공간이 부족합니다.",
        "The converting host is short of disk space.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "video_encoder_differs", 503,
        "이 변환 서버의 ffmpeg({here})가 처음에 쓴 것({wanted})과 달라 다른 서버를 기다립니다.",
        "This host's ffmpeg ({here}) is not the one the lecture was begun with ({wanted}).",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "video_not_ready", 409,
        "아직 재생할 수 없습니다.",
        "The video cannot be played yet.",
        "변환이 끝날 때까지 기다려 주세요.",
        "Wait until the conversion has finished.",
        retryable=True,
    ),
    Entry(
        "playback_link_invalid", 403,
        "재생 링크가 올바르지 않습니다.",
        "The playback link is not valid.",
        "학원에서 새 링크를 받아 주세요.",
        "Ask the academy for a new link.",
    ),
    Entry(
        "playback_link_expired", 403,
        "재생 링크의 사용 기간이 지났습니다.",
        "The playback link has expired.",
        "학원에서 새 링크를 받아 주세요.",
        "Ask the academy for a new link.",
    ),
)  # fmt: skip
