"""What each finding means and what to do, for a tired person, in Korean and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from academy.core.catalogue import Language
from academy.ops.deep.report import Fact


@dataclass(frozen=True)
class Finding:
    """Templates over the finding's facts, and the page in ``deploy/runbooks`` that goes on."""

    code: str
    ko: str
    en: str
    action_ko: str = ""
    action_en: str = ""
    runbook: str = ""

    def message(self, language: Language, facts: Mapping[str, Fact]) -> str:
        """What was found, in one sentence."""
        return _filled(self.ko if language == "ko" else self.en, facts)

    def action(self, language: Language, facts: Mapping[str, Fact]) -> str:
        """What to do first; empty where there is nothing to do."""
        return _filled(self.action_ko if language == "ko" else self.action_en, facts)

    @property
    def runbook_path(self) -> str:
        """The page, from the root of the repository; empty where none is needed."""
        return f"deploy/runbooks/{self.runbook}.md" if self.runbook else ""


class _Lenient(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def _filled(template: str, facts: Mapping[str, Fact]) -> str:
    return template.format_map(_Lenient(facts))


_RELAY_LOG_KO: Final = "릴레이의 로그를 보고, 없으면 다시 시작하세요: python -m tasks.relay"
_RELAY_LOG_EN: Final = "Read the relay's log; where none runs, start one: python -m tasks.relay"

_ALL: Final = (
    # ------------------------------------------------------------------ all is well
    Finding("ok", "정상입니다.", "It works."),
    Finding("pending", "아직 기다리는 중입니다.", "Still waiting."),
    # ------------------------------------------------------------------ parts
    Finding(
        "no_answer",
        "{seconds}초 안에 응답하지 않았습니다.",
        "It gave no answer within {seconds} s.",
        "네트워크와 해당 서비스의 상태를 확인하세요.",
        "Look at the network and at that service's own status.",
        "api-down",
    ),
    Finding(
        "database_down",
        "데이터베이스를 사용할 수 없습니다({error}). 모든 것이 멈춥니다.",
        "The database cannot be used ({error}): everything stands still.",
        "데이터베이스 서버와 연결 수를 확인하세요.",
        "Look at the database server and its number of connections.",
        "api-down",
    ),
    Finding(
        "connections_near_limit",
        "데이터베이스 연결이 한도에 가깝습니다: {used}/{limit}.",
        "The database's connections are close to their limit: {used} of {limit}.",
        "누가 연결을 쥐고 있는지 확인하세요.",
        "Find out who holds them.",
        "database-connections",
    ),
    Finding(
        "broker_down",
        "SQS가 응답하지 않습니다: {queues} ({error}). 새 작업이 작업자에게 가지 못합니다.",
        "SQS does not answer for {queues} ({error}): no new job can reach a worker.",
        "SQS 주소, 자격 증명, 대기열의 존재를 확인하세요: manage.py ensure_queues --check",
        "Look at SQS's address, the credentials and whether the queues exist.",
        "queue-unreadable",
    ),
    Finding(
        "store_down",
        "파일 저장소를 사용할 수 없습니다: {buckets} ({error}). 업로드와 결과가 실패합니다.",
        "The object store cannot be used: {buckets} ({error}). Uploads and results fail.",
        "저장소 주소(R2_ENDPOINT_URL)와 키, 버킷을 확인하세요.",
        "Look at the store's address (R2_ENDPOINT_URL), its keys and the buckets.",
        "object-store-fails",
    ),
    Finding(
        "relay_down",
        "릴레이가 실행되고 있지 않습니다. 접수된 작업이 대기열로 나가지 않습니다.",
        "No relay is running: accepted jobs are not sent to any queue.",
        _RELAY_LOG_KO,
        _RELAY_LOG_EN,
        "relay-down",
    ),
    Finding(
        "relay_silent",
        "릴레이가 {silent}초 동안 한 바퀴도 돌지 못했습니다.",
        "The relay has not finished a round for {silent} s.",
        _RELAY_LOG_KO,
        _RELAY_LOG_EN,
        "relay-down",
    ),
    Finding(
        "relay_late",
        "릴레이가 늦습니다: 보낼 수 있는 작업이 {lag}초째 기다립니다.",
        "The relay is late: a job that could be sent has waited for {lag} s.",
        _RELAY_LOG_KO,
        _RELAY_LOG_EN,
        "relay-late",
    ),
    Finding(
        "inbox_unreadable",
        "죽은 작업 목록을 읽을 수 없습니다({error}).",
        "The list of dead letters cannot be read ({error}).",
        "데이터베이스와 SQS 권한을 확인하세요.",
        "Look at the database, and at the right to read the dead-letter queues.",
        "dead-letters-open",
    ),
    # ------------------------------------------------------------------ queues
    Finding(
        "queue_paused",
        "운영자가 대기열을 일시 정지했습니다({by}: {reason}).",
        "An operator has paused this queue ({by}: {reason}).",
        "더 필요 없으면 다시 시작하세요: manage.py fleet resume {queue}",
        "Resume it when the reason is gone: manage.py fleet resume {queue}",
        "queue-paused",
    ),
    Finding(
        "queue_full",
        "대기열에 이미 메시지가 가득 차 있습니다(작업자 대기 {unclaimed}개). 고장은 아닙니다.",
        "The queue already holds all the messages it may ({unclaimed} wait for a worker); "
        "nothing is broken.",
        "작업자가 모자라면 늘리세요.",
        "Add workers if this lasts.",
        "jobs-waiting",
    ),
    Finding(
        "workers_busy",
        "{queue} 대기열의 작업자가 모두 다른 작업 중입니다(실행 중 {running}개). 고장은 아닙니다.",
        "Every worker of {queue} is at work on something else ({running} running); "
        "nothing is broken.",
        "오래 계속되면 작업자를 늘리세요.",
        "Add workers if this lasts.",
        "jobs-waiting",
    ),
    Finding(
        "relay_did_not_publish",
        "릴레이는 살아 있지만 {queue} 대기열로 메시지를 보내지 못했습니다.",
        "The relay is alive but did not send the message to {queue}.",
        "릴레이 로그에서 '{queue}: nothing published'를 찾아 SendMessage 권한을 확인하세요.",
        "Find '{queue}: nothing published' in the relay's log; check its right to SendMessage.",
        "relay-late",
    ),
    Finding(
        "no_worker",
        "{queue} 대기열에 살아 있는 작업자가 없습니다. 이 대기열의 작업은 시작되지 않습니다.",
        "No worker of {queue} is alive: nothing on this queue starts.",
        "작업자를 시작하고 로그의 'This worker must not start' 다음 문장을 읽으세요.",
        "Start one, and read the sentence after 'This worker must not start' in its log.",
        "no-workers",
    ),
    Finding(
        "workers_drained",
        "{queue} 대기열의 작업자가 모두 작업을 받지 않도록 설정되어 있습니다.",
        "Every worker of {queue} has been told to take no work (drained).",
        "필요하면 되돌리세요: manage.py fleet undrain <작업자>",
        "Take that back where it is not wanted: manage.py fleet undrain <worker>",
        "no-workers",
    ),
    Finding(
        "worker_does_not_take",
        "{queue} 대기열의 작업자({workers})는 살아 있다고 하지만 메시지를 받지 않습니다.",
        "The workers of {queue} ({workers}) say that they live, but did not take the message.",
        "해당 호스트에서 확인하세요: python -m tasks.worker.health {queue}",
        "On its host: python -m tasks.worker.health {queue}, then restart it.",
        "no-workers",
    ),
    Finding(
        "worker_does_not_finish",
        "작업자({worker})가 받았지만 제한 시간 안에 끝내지 못했습니다.",
        "The worker ({worker}) took the job and did not finish it in time.",
        "작업자의 로그와 호스트의 부하를 확인하세요.",
        "Read the worker's log and look at its host's load.",
        "jobs-waiting",
    ),
    Finding(
        "worker_store",
        "{queue} 대기열의 작업자({worker})가 파일 저장소를 쓰지 못했습니다({code}).",
        "The worker of {queue} ({worker}) could not use the object store ({code}).",
        "그 작업자의 R2_* 환경 변수와 네트워크를 확인하세요.",
        "Look at that worker's R2_* variables and its network.",
        "object-store-fails",
    ),
    Finding(
        "ping_failed",
        "작업자({worker})에서 확인용 작업이 실패했습니다({code}).",
        "The check's own job failed on the worker ({worker}): {code}.",
        "작업 {job}의 기록을 보세요.",
        "Read the story of job {job}.",
        "failures-surge",
    ),
)  # fmt: skip

FINDINGS: Final[Mapping[str, Finding]] = {finding.code: finding for finding in _ALL}


def finding(code: str) -> Finding:
    """The finding of a stored code; one of another release speaks for itself."""
    return FINDINGS.get(code) or Finding(code, code, code)
