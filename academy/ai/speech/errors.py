"""What can go wrong with speech, and what to know of a result, in the users' words."""

from __future__ import annotations

from academy.core.catalogue import Entry, register

register(
    Entry(
        "speech_no_sound", 422,
        "이 파일에는 소리가 없습니다.",
        "There is no sound in this recording.",
        "소리가 녹음된 파일이나 강의를 골라 주세요.",
        "Choose a recording or a lecture with sound.",
    ),
    Entry(
        "speech_layout_unsupported", 422,
        "이 녹음 형식은 읽을 수 없습니다(채널 {channels}개, {sample_rate}Hz).",
        "Sound of {channels} channels at {sample_rate} Hz cannot be read.",
        "스테레오 48kHz로 내보내어 다시 올려 주세요.",
        "Export it as stereo at 48 kHz and upload that.",
    ),
    Entry(
        "speech_soundless", 422,
        "소리 트랙이 처음부터 끝까지 완전히 비어 있습니다.",
        "The sound track is empty from beginning to end.",
        "마이크가 꺼져 있었는지 확인해 주세요.",
        "See whether the microphone was off.",
    ),
    Entry(
        "speech_none_found", 422,
        "말소리를 찾지 못했습니다.",
        "No speech was found.",
        "음악이나 소음만 있는 녹음인지 timeline 그림에서 확인해 주세요.",
        "Look at the timeline: it may hold only music or noise.",
    ),
    Entry(
        "speech_unsure", 422,
        "말소리를 확실하게 구별하지 못했습니다(평균 확신도 {confidence}).",
        "Speech could not be told from other sound with certainty (mean confidence {confidence}).",
        "timeline 그림에서 구간을 확인해 주세요.",
        "Look at the stretches in the timeline.",
    ),
    Entry(
        "speech_file_damaged", 422,
        "녹음의 일부가 손상되어 읽을 수 있는 부분만 들었습니다(빠진 길이 {missing_seconds}초).",
        "Parts of the recording are damaged; what could be read was heard "
        "({missing_seconds} s are missing).",
        "원본이 있으면 다시 올려 주세요.",
        "Upload the original again if you have it.",
    ),
    Entry(
        "speech_chapters_fewer", 422,
        "긴 쉼이 모자라 장을 {found}개만 제안합니다({wished}개 요청).",
        "There are too few long pauses: {found} chapters are suggested ({wished} were wished).",
        "장의 시작은 플레이어 링크를 받은 강의에서 직접 고칠 수 있습니다.",
        "Chapters can be written by hand: PUT /api/v1/videos/{{id}}/chapters.",
    ),
)  # fmt: skip
