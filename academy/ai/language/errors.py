"""What can go wrong with language models, in the users' words."""

from academy.core.catalogue import Entry, register

_WAIT_KO, _WAIT_EN = (
    "자동으로 다시 시도합니다. 기다려 주세요.",
    "It is tried again by itself; please wait.",
)
_LOOK_KO, _LOOK_EN = "결과를 확인해 주세요.", "Please look at the result."

register(
    Entry(
        "language_busy", 503,
        "언어 모델이 요청을 너무 많이 받고 있습니다.",
        "The language model has too many requests.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "language_unavailable", 503,
        "언어 모델이 응답하지 않습니다.",
        "The language model does not answer.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "language_refused", 502,
        "언어 모델이 요청을 거부했습니다(상태 {status}).",
        "The language model refused the request (status {status}).",
        "운영자에게 모델 이름과 키의 확인을 요청해 주세요.",
        "Ask the operator to check the model's name and its key.",
    ),
    Entry(
        "language_reply_invalid", 502,
        "언어 모델이 쓸 수 없는 답을 {tries}번 보냈습니다.",
        "The language model sent {tries} replies that cannot be used.",
        "잠시 후 다시 실행해 주세요.",
        "Run it again in a while.",
    ),
    Entry(
        "language_budget_spent", 402,
        "이번 달 언어 모델 예산을 다 썼습니다(한도 {limit} {currency}, 남음 {left} {currency}).",
        "The month's budget for language models is used up ({left} of {limit} {currency} is left).",
        "다음 달에 다시 시도하거나 예산을 늘려 달라고 요청해 주세요.",
        "Try again next month, or ask for a higher budget.",
    ),
    Entry(
        "language_budget_spent_by_all", 402,
        "플랫폼 전체의 이번 달 언어 모델 예산을 다 썼습니다.",
        "The platform's budget for language models is used up for this month.",
        "다음 달에 다시 시도하거나 운영자에게 문의해 주세요.",
        "Try again next month, or ask the operator.",
    ),
    Entry(
        "language_text_masked", 422,
        "개인정보로 보이는 부분 {count}곳을 가리고 모델에 보냈습니다.",
        "{count} places that look like personal data were masked before the model saw them.",
        _LOOK_KO, _LOOK_EN,
    ),
    Entry(
        "explanations_refused", 422,
        "풀이를 하나도 만들 수 없었습니다. 모델의 답이 정답과 맞지 않습니다({questions}개 문제).",
        "Not one explanation could be made: the model's answers differ from the given ones "
        "({questions} questions).",
        "문제와 정답을 확인해 주세요.",
        "Check the questions and their answers.",
    ),
    Entry(
        "explanations_withheld", 422,
        "{count}개 문제의 풀이를 내보내지 않았습니다. 모델의 답이 정답과 달랐습니다.",
        "The explanations of {count} questions are withheld: the model's answers differ from the "
        "given ones.",
        "그 문제의 정답을 확인해 주세요.",
        "Check the given answers of these questions.",
    ),
    Entry(
        "generation_refused", 422,
        "쓸 수 있는 문제를 하나도 만들지 못했습니다({dropped}개를 버렸습니다).",
        "Not one usable problem was made ({dropped} were dropped).",
        "주제를 더 구체적으로 적거나 문제 변형(ai.problem_variants)을 사용해 주세요.",
        "Describe the topic more closely, or use ai.problem_variants.",
    ),
    Entry(
        "generation_fewer", 422,
        "{asked}개 가운데 {made}개만 만들었습니다. 나머지는 검사를 통과하지 못했습니다.",
        "Only {made} of {asked} problems were made; the others did not stand the checks.",
        _LOOK_KO, _LOOK_EN,
    ),
    Entry(
        "generation_unproved", 422,
        "{count}개 문제의 답은 계산으로 확인하지 못했습니다.",
        "The answers of {count} problems could not be checked by calculation.",
        "그 문제의 답을 직접 확인해 주세요.",
        "Check the answers of these problems yourself.",
    ),
    Entry(
        "transcription_too_long", 422,
        "너무 긴 파일입니다({minutes}분, 최대 {limit}분).",
        "The file is too long ({minutes} minutes, at most {limit}).",
        "나누어 올려 주세요.",
        "Upload it in parts.",
    ),
    Entry(
        "transcription_nothing_said", 422,
        "말소리를 찾지 못했습니다.",
        "Nothing that was said was found.",
        "소리를 들어 보고 언어를 정해 주세요.",
        "Listen to the sound, and say the language.",
    ),
    Entry(
        "captions_by_hand", 409,
        "이 강의에는 직접 올린 {language} 자막이 있어 자동 자막으로 바꾸지 않습니다.",
        "The lecture has {language} captions that somebody made; they are not replaced.",
        "그 자막을 지운 뒤 다시 시도하거나 captions 없이 실행해 주세요.",
        "Delete them first, or run it without captions.",
    ),
    Entry(
        "captions_not_applied", 422,
        "자막을 강의에 붙이지 못했습니다({reason}).",
        "The captions were not put on the lecture ({reason}).",
        "결과 파일(transcript.vtt)을 강의의 자막으로 올려 주세요.",
        "Put the artifact transcript.vtt as captions of the lecture.",
    ),
    Entry(
        "transcript_gaps", 422,
        "{count}개 부분은 모델의 답을 쓸 수 없어 비어 있습니다.",
        "{count} parts are missing: the model sent nothing for them that could be used.",
        "그 부분을 들어 보고 채우거나 다시 실행해 주세요.",
        "Listen to these parts and fill them in, or run it again.",
    ),
    Entry(
        "transcript_unsure", 422,
        "{count}개 구간의 글이 확실하지 않습니다.",
        "The text of {count} segments is not certain.",
        "그 구간을 들어 보고 고쳐 주세요.",
        "Listen to these segments, and correct them.",
    ),
)  # fmt: skip
