"""The dead letters' entries in the catalogue: what a message is, what cannot be done with it."""

from academy.core.catalogue import Entry, register

_LOOK_KO = "본문과 보낸 곳을 확인한 뒤 폐기하거나, 고쳐서 다시 보내 주세요."
_LOOK_EN = "Find out who sent it; then discard it, or mend it and send it again."
_LIST_KO = "목록을 새로 고쳐 지금 상태를 확인해 주세요."
_LIST_EN = "Read the list again to see where it is now."

register(
    Entry(
        "message_not_json", 422,
        "메시지 본문이 JSON이 아닙니다.",
        "The message's body is not JSON.",
        _LOOK_KO, _LOOK_EN,
    ),
    Entry(
        "message_not_task", 422,
        "작업 메시지의 형식이 아닙니다.",
        "The message is JSON, but no call of a task.",
        _LOOK_KO, _LOOK_EN,
    ),
    Entry(
        "message_not_thin", 422,
        "작업 호출이지만 {{job, version}} 메시지가 아니어서 워커가 거부했습니다.",
        "It calls a task with something else than {{job, version}}; workers refuse that.",
        _LOOK_KO, _LOOK_EN,
    ),
    Entry(
        "message_job_unknown", 422,
        "메시지가 가리키는 작업이 데이터베이스에 없습니다.",
        "The message points at a job that the database does not have.",
        "다른 환경에서 보낸 메시지인지 확인한 뒤 폐기해 주세요.",
        "See whether another environment sent it, then discard it.",
    ),
    Entry(
        "message_unanswered", 500,
        "아무 워커도 처리하지 못한 메시지입니다. 작업은 아직 기다리고 있습니다.",
        "No worker took the message in time; its job still waits.",
        "워커가 있는지 확인하고 재실행해 주세요. 그대로 두어도 나중에 다시 보냅니다.",
        "See that the queue has workers, then replay it; left alone, the relay publishes it later.",
        retryable=True,
    ),
    Entry(
        "message_overtaken", 409,
        "이 메시지 없이도 작업이 진행되었거나 끝났습니다.",
        "The job went on, or has ended, without this message.",
        "할 일이 없습니다. 작업의 상태가 기준입니다.",
        "Nothing needs to be done: the job's row is the truth.",
    ),
    Entry(
        "dead_letter_not_found", 404,
        "데드 레터를 찾을 수 없습니다.",
        "There is no such dead letter.",
        _LIST_KO, _LIST_EN,
    ),
    Entry(
        "dead_letter_not_open", 409,
        "이미 처리된 데드 레터입니다(상태: {state}).",
        "The dead letter is {state} already.",
        _LIST_KO, _LIST_EN,
    ),
    Entry(
        "dead_letter_rerun", 409,
        "이미 작업 {job}(으)로 다시 실행되었습니다.",
        "It was run again already, as the job {job}.",
        "그 작업의 결과를 확인해 주세요.",
        "See how that job ends.",
    ),
    Entry(
        "dead_letter_in_replay", 409,
        "진행 중인 일괄 재실행 {replay}에 들어 있습니다.",
        "It is in the replay {replay}, which has not ended.",
        "그 재실행이 끝나기를 기다리거나 멈춘 뒤 다시 시도해 주세요.",
        "Wait for that replay, or stop it first.",
    ),
    Entry(
        "dead_letter_flow_open", 409,
        "이 작업이 속한 전체 작업 {job}이(가) 아직 끝나지 않았습니다(상태: {state}).",
        "The flow {job} that it is a part of has not failed: it is {state}.",
        "전체 작업이 끝난 뒤 다시 시도해 주세요. 성공했다면 폐기하면 됩니다.",
        "Wait until the flow ends; if it succeeded, discard the letter.",
    ),
    Entry(
        "dead_letter_part_of_flow", 409,
        "작업 {job}의 한 부분이므로 매개변수만 따로 고칠 수 없습니다.",
        "It is a part of the flow {job}: its own parameters cannot be edited.",
        "매개변수 없이 재실행하면 전체 작업이 다시 실행됩니다.",
        "Replay it without parameters, which runs the whole flow again.",
    ),
    Entry(
        "dead_letter_needs_resend", 409,
        "워커가 거부하는 메시지입니다. 그대로 보내면 {receives}번 배달된 뒤 다시 여기로 옵니다.",
        "Workers refuse such a message: sent again, it comes back here after {receives} receives.",
        "그래도 보내려면 보내겠다고(resend) 표시해 주세요. 본문을 고쳐 보낼 수도 있습니다.",
        "To send it all the same, insist on it (resend); the body can be edited too.",
    ),
    Entry(
        "dead_letter_no_body", 400,
        "메시지가 아닌 작업이므로 본문이 없습니다.",
        "It is a job and not a message: it has no body to edit.",
        "params로 매개변수를 고쳐 주세요.",
        "Edit its params instead.",
    ),
    Entry(
        "dead_letter_no_params", 400,
        "메시지에는 고칠 매개변수가 없습니다.",
        "It is a message: it has no parameters to edit.",
        "body로 본문을 고치거나, 매개변수 없이 재실행해 주세요.",
        "Edit its body, or replay it without params.",
    ),
    Entry(
        "dead_letter_masked", 400,
        "가려진 값(***)이 그대로 들어 있습니다.",
        "It holds masked values (***), which stand for what is not shown.",
        "바꿀 항목만 params_patch로 보내거나, 실제 값을 적어 주세요.",
        "Send only the members that change as params_patch, or write the real values.",
    ),
    Entry(
        "dead_letter_not_sent", 503,
        "{queue} 대기열에 메시지를 보내지 못했습니다.",
        "The message could not be sent to the queue {queue}.",
        "SQS의 상태와 본문의 크기를 확인하고 다시 시도해 주세요.",
        "See whether SQS answers and whether the body is one it takes, then try again.",
        retryable=True,
    ),
    Entry(
        "dead_letter_interrupted", 500,
        "다시 보내던 중에 중단되어, 보냈는지 알 수 없습니다.",
        "Sending it again was interrupted: it may have been sent.",
        "대기열을 확인하고 다시 시도해 주세요. 같은 작업이 두 번 실행되지는 않습니다.",
        "Look at the queue and try again; no job runs twice because of it.",
    ),
    Entry(
        "replay_not_found", 404,
        "재실행 기록을 찾을 수 없습니다.",
        "There is no such replay.",
        _LIST_KO, _LIST_EN,
    ),
    Entry(
        "replay_not_live", 409,
        "지금은 할 수 없습니다(재실행 상태: {state}).",
        "That cannot be done to a replay that is {state}.",
        "재실행의 상태를 확인해 주세요.",
        "Read the replay's state.",
    ),
    Entry(
        "replay_empty", 409,
        "다시 실행할 수 있는 데드 레터가 없습니다.",
        "None of these dead letters can be run again.",
        "미리 보기에서 이유를 확인해 주세요.",
        "A dry run says why.",
    ),
    Entry(
        "replay_patch_invalid", 400,
        "고친 매개변수가 {count}개 작업에 맞지 않습니다.",
        "The edited parameters do not fit {count} of the jobs.",
        "표시된 항목을 고쳐 주세요. 아무것도 실행하지 않았습니다.",
        "Correct the fields listed in details; nothing was run.",
    ),
    Entry(
        "replay_canary_failed", 409,
        "먼저 실행한 작업이 실패하여(상태: {state}, 이유: {reason}) 나머지는 실행하지 않았습니다.",
        "The first one ended as {state} ({reason}); the others were not run.",
        "원인을 고친 뒤 다시 시작해 주세요.",
        "Settle the cause, then start again.",
    ),
    Entry(
        "replay_keeps_failing", 409,
        "{count}개가 잇달아 실패하여 멈췄습니다(마지막 이유: {reason}).",
        "It stopped because {count} in a row failed, the last one with {reason}.",
        "원인을 고친 뒤 남은 것을 다시 시작해 주세요.",
        "Settle the cause, then start again with what is left.",
    ),
)  # fmt: skip
