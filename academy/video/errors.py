"""Every reason for which a lecture is refused or fails, in the user's words."""

from academy.core.catalogue import Entry, register
from academy.media import errors  # noqa: F401 - registers the codes of recordings

_WAIT_KO, _WAIT_EN = (
    "자동으로 다시 시도합니다. 기다려 주세요.",
    "It is tried again by itself; please wait.",
)

register(
    Entry(
        "video_hdr_unsupported", 422,
        "이 서버는 HDR 영상을 변환할 수 없습니다.",
        "This server cannot convert HDR video.",
        "SDR로 내보내어 다시 올려 주세요.",
        "Export it as SDR and upload it again.",
    ),
    Entry(
        "video_source_changed", 409,
        "업로드한 뒤에 파일이 바뀌었습니다.",
        "The file changed after it was uploaded.",
        "파일을 다시 올려 주세요.",
        "Upload the file again.",
    ),
    Entry(
        "video_output_invalid", 500,
        "변환 결과가 검사를 통과하지 못했습니다({problem}).",
        "The converted video did not pass its checks ({problem}).",
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
        "video_storage_full", 409,
        "저장 공간이 부족합니다({used_bytes}바이트 사용 중, 한도 {limit_bytes}바이트).",
        "The academy's storage is full ({used_bytes} bytes of {limit_bytes} are used).",
        "필요 없는 영상을 지우거나 요금제를 올려 주세요.",
        "Delete videos that are not needed, or choose a larger plan.",
    ),
    Entry(
        "video_not_found", 404,
        "바꿀 영상을 찾을 수 없습니다.",
        "There is no such video to replace.",
        "영상 번호를 확인해 주세요.",
        "Check the video's identifier.",
    ),
    Entry(
        "video_busy", 409,
        "이 영상은 아직 처리 중입니다.",
        "The video is still being worked on.",
        "처리가 끝나기를 기다리거나 먼저 취소해 주세요.",
        "Wait until that has ended, or cancel its job first.",
        retryable=True,
    ),
    Entry(
        "video_not_retryable", 409,
        "실패하거나 취소된 영상만 다시 시도할 수 있습니다.",
        "Only a video that failed or was cancelled can be tried again.",
        "영상의 상태를 확인해 주세요.",
        "Look at the video's state.",
    ),
    Entry(
        "video_deleted", 409,
        "삭제된 영상입니다.",
        "The video is deleted.",
        "먼저 영상을 복원해 주세요.",
        "Restore it first.",
    ),
    Entry(
        "video_not_deleted", 409,
        "삭제되지 않은 영상입니다.",
        "The video is not deleted.",
        "먼저 영상을 삭제해 주세요.",
        "Delete it first.",
    ),
    Entry(
        "video_purge_begun", 409,
        "이미 완전히 삭제되고 있어 복원할 수 없습니다.",
        "It is being deleted for good and cannot be restored.",
        "원본을 다시 올려 주세요.",
        "Upload the recording again.",
    ),
    Entry(
        "video_delete_waits", 503,
        "영상의 작업이 멈추기를 기다렸다가 삭제합니다.",
        "The video is deleted when its work has stopped.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "video_delete_incomplete", 503,
        "삭제한 뒤에도 파일이 남아 있습니다({left}개).",
        "Files are left after the deletion ({left} of them).",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "video_superseded", 409,
        "다른 작업이 이 영상을 이미 맡았습니다.",
        "Another job has taken the video over.",
        "영상의 최신 작업을 확인해 주세요.",
        "Look at the video's present job.",
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
    Entry(
        "playback_revoked", 403,
        "학원에서 이 영상의 시청 권한을 변경했습니다.",
        "The academy has changed who may watch this video.",
        "학원에서 새 링크를 받아 주세요.",
        "Ask the academy for a new link.",
    ),
    Entry(
        "playback_gone", 410,
        "이 영상은 삭제되었습니다.",
        "This video has been deleted.",
        "학원에 문의해 주세요.",
        "Please ask the academy.",
    ),
    Entry(
        "playback_viewing_ended", 409,
        "이 화면의 시청이 종료되었습니다.",
        "Watching on this screen has ended.",
        "여기에서 계속 보려면 다시 시작해 주세요.",
        "Start again to go on watching here.",
    ),
    Entry(
        "playback_devices_exceeded", 403,
        "등록할 수 있는 기기 수({limit}대)를 넘었습니다.",
        "More devices than allowed ({limit}) have been used.",
        "전에 사용하던 기기로 보거나 학원에 기기 초기화를 요청해 주세요.",
        "Watch on a device that you have used before, or ask the academy to reset your devices.",
    ),
)  # fmt: skip

_MEND_KO = "자막 파일을 고쳐 다시 올려 주세요."
_MEND_EN = "Correct the file and upload it again."

register(
    Entry(
        "video_key_unavailable", 503,
        "암호화된 영상의 열쇠를 지금 읽을 수 없습니다.",
        "The key of the encrypted video cannot be read now.",
        "잠시 뒤 다시 시도하고, 계속되면 관리자에게 알려 주세요.",
        "Try again in a while; if it stays, tell the operator.",
        retryable=True,
    ),
    Entry(
        "video_download_forbidden", 409,
        "암호화된 영상은 내려받을 수 없습니다.",
        "An encrypted video cannot be downloaded.",
        "내려받기가 필요하면 표준 프로필로 다시 올려 주세요.",
        "Upload it with another profile where it has to be downloaded.",
    ),
    Entry(
        "captions_not_text", 422,
        "자막 파일이 텍스트가 아닙니다({line}번째 줄).",
        "The captions are no text file (line {line}).",
        _MEND_KO, _MEND_EN,
    ),
    Entry(
        "captions_empty", 422,
        "자막 파일에 자막이 하나도 없습니다({line}줄까지 확인).",
        "There is not one caption in the file (read to line {line}).",
        _MEND_KO, _MEND_EN,
    ),
    Entry(
        "captions_no_times", 422,
        "자막 {line}번째 줄에 시각이 없거나 잘못되었습니다(예: 00:00:01.000 --> 00:00:04.000).",
        "The times in line {line} are missing or wrong (like 00:00:01.000 --> 00:00:04.000).",
        _MEND_KO, _MEND_EN,
    ),
    Entry(
        "captions_no_gap", 422,
        "자막 {line}번째 줄 앞에 빈 줄이 없습니다.",
        "There is no empty line before line {line} of the captions.",
        _MEND_KO, _MEND_EN,
    ),
    Entry(
        "captions_backwards", 422,
        "자막 {line}번째 줄의 끝나는 시각이 시작보다 늦지 않습니다.",
        "The caption in line {line} does not end after it starts.",
        _MEND_KO, _MEND_EN,
    ),
    Entry(
        "captions_too_long", 422,
        "자막이 너무 많습니다({line}번째 줄부터).",
        "There are too many captions (from line {line} on).",
        _MEND_KO, _MEND_EN,
    ),
    Entry(
        "captions_too_large", 413,
        "자막 파일이 너무 큽니다(최대 {limit_bytes}바이트).",
        "The captions are too large (at most {limit_bytes} bytes).",
        "WebVTT나 SRT 텍스트 파일인지 확인해 주세요.",
        "Check that the file is WebVTT or SRT text.",
    ),
    Entry(
        "captions_too_many", 409,
        "자막 언어가 너무 많습니다(최대 {limit}개).",
        "The video has captions in too many languages (at most {limit}).",
        "필요 없는 자막을 지워 주세요.",
        "Delete captions that are not needed.",
    ),
    Entry(
        "captions_language_invalid", 422,
        "언어 코드를 알 수 없습니다.",
        "This is no language tag.",
        "ko, en, zh-Hant와 같은 BCP 47 코드를 쓰세요.",
        "Use a BCP 47 tag such as ko, en or zh-Hant.",
    ),
    Entry(
        "chapters_too_many", 422,
        "장이 너무 많습니다(최대 {limit}개).",
        "There are too many chapters (at most {limit}).",
        "장을 합쳐 주세요.",
        "Join some of them.",
    ),
    Entry(
        "chapters_out_of_order", 422,
        "{number}번째 장은 앞 장보다 1초 이상 뒤에서 시작해야 합니다.",
        "Chapter {number} has to begin a second or more after the one before it.",
        "시작 시각을 앞에서부터 차례로 적어 주세요.",
        "Give the chapters in the order of their times.",
    ),
    Entry(
        "chapters_beyond_end", 422,
        "{number}번째 장이 강의가 끝난 뒤에 시작합니다(강의 길이 {seconds}초).",
        "Chapter {number} begins after the end of the video ({seconds} seconds).",
        "시작 시각을 강의 길이 안에서 정해 주세요.",
        "Choose times within the video.",
    ),
)  # fmt: skip
