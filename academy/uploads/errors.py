"""What can go wrong with an upload."""

from __future__ import annotations

from academy.core.catalogue import Entry, register

_AGAIN_KO, _AGAIN_EN = "파일을 확인한 뒤 다시 올려 주세요.", "Check the file and upload it again."

register(
    Entry(
        "upload_not_found", 404,
        "업로드한 파일을 찾을 수 없습니다.",
        "There is no such upload.",
        "upload 값을 확인하거나 파일을 다시 올려 주세요.",
        "Check the upload's identifier, or upload the file again.",
    ),
    Entry(
        "upload_type_refused", 400,
        "{purpose} 용도로 받을 수 없는 파일 형식입니다: {content_type}",
        "Files of the type {content_type} are not taken for the purpose {purpose}.",
        "지원하는 형식으로 변환해 주세요.",
        "Convert it to a supported type; details.accepted lists them.",
    ),
    Entry(
        "upload_too_large", 413,
        "파일이 너무 큽니다(최대 {limit_bytes}바이트).",
        "The file is too large (at most {limit_bytes} bytes).",
        "파일을 나누거나 요금제를 확인해 주세요.",
        "Split the file, or look at your plan.",
    ),
    Entry(
        "upload_limit", 429,
        "진행 중인 업로드가 너무 많습니다.",
        "Too many uploads are open.",
        "진행 중인 업로드를 끝내거나 취소한 뒤 다시 시도해 주세요.",
        "Complete or delete some of them, then try again.",
        retryable=True,
    ),
    Entry(
        "upload_incomplete", 409,
        "아직 파일이 모두 올라오지 않았습니다.",
        "The file has not arrived completely.",
        "남은 부분을 올린 뒤 완료해 주세요.",
        "Upload what is missing, then complete it.",
        retryable=True,
    ),
    Entry(
        "upload_parts_mismatch", 409,
        "올린 조각이 저장된 내용과 다릅니다.",
        "The parts named are not the parts that are stored.",
        "details에 있는 조각을 다시 올려 주세요.",
        "Upload the parts listed in details again.",
    ),
    Entry(
        "upload_single_put", 409,
        "이 업로드는 조각으로 나누지 않습니다.",
        "This upload is a single PUT; it has no parts.",
        "업로드 조회에서 받은 주소로 올려 주세요.",
        "Use the signed request that reading the upload returns.",
    ),
    Entry(
        "upload_expired", 409,
        "업로드 시간이 지났거나 취소되었습니다.",
        "The upload has expired or was deleted.",
        "새 업로드를 시작해 주세요.",
        "Start a new upload.",
    ),
    Entry(
        "upload_already_complete", 409,
        "이미 완료된 업로드입니다.",
        "The upload is complete already.",
        "완료된 파일은 업로드로 지울 수 없습니다.",
        "A complete file cannot be deleted as an upload.",
    ),
    Entry(
        "upload_not_complete", 409,
        "업로드가 완료되지 않았습니다.",
        "The upload is not complete.",
        "업로드를 완료한 뒤 다시 시도해 주세요.",
        "Complete the upload first.",
    ),
    Entry(
        "upload_wrong_purpose", 400,
        "{purpose} 용도로 올린 파일이 아닙니다.",
        "The file was not uploaded for the purpose {purpose}.",
        "올바른 용도로 다시 올려 주세요.",
        "Upload it again for the right purpose.",
    ),
    Entry(
        "upload_size_mismatch", 422,
        "파일 크기가 알려 주신 크기와 다릅니다(예상 {expected}, 실제 {found}).",
        "The file's size is not the declared one (expected {expected}, found {found}).",
        _AGAIN_KO, _AGAIN_EN,
    ),
    Entry(
        "upload_checksum_mismatch", 422,
        "파일 내용이 알려 주신 체크섬과 다릅니다.",
        "The file's content does not match the declared SHA-256.",
        _AGAIN_KO, _AGAIN_EN,
    ),
    Entry(
        "upload_type_mismatch", 422,
        "파일 내용이 {purpose} 형식이 아닙니다(판별 결과: {found}).",
        "The file's content is not of the kind {purpose} (it looks like {found}).",
        _AGAIN_KO, _AGAIN_EN,
    ),
)  # fmt: skip
