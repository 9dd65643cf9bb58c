"""What can go wrong with sign-in, keys, members and tenants."""

from __future__ import annotations

from academy.core.catalogue import Entry, register

register(
    Entry(
        "credentials_expired", 401,
        "로그인 시간이 지났습니다.",
        "The token has expired.",
        "refresh 토큰으로 갱신하거나 다시 로그인해 주세요.",
        "Refresh it, or sign in again.",
    ),
    Entry(
        "login_failed", 401,
        "아이디 또는 비밀번호가 올바르지 않습니다.",
        "The user name or the password is wrong.",
        "다시 확인해 입력해 주세요.",
        "Check both and try again.",
    ),
    Entry(
        "login_throttled", 429,
        "로그인 시도가 너무 많습니다.",
        "There were too many attempts to sign in.",
        "{retry_after}초 뒤에 다시 시도해 주세요.",
        "Try again in {retry_after} seconds.",
        retryable=True,
    ),
    Entry(
        "session_ended", 401,
        "로그인이 끝났습니다.",
        "The session has ended.",
        "다시 로그인해 주세요.",
        "Sign in again.",
    ),
    Entry(
        "tenant_choice_required", 400,
        "여러 학원에 속해 있습니다: {tenants}",
        "You belong to several academies: {tenants}",
        "tenant 항목에 학원을 지정해 주세요.",
        "Name one of them in the field tenant.",
    ),
    Entry(
        "membership_missing", 403,
        "소속된 학원이 없습니다.",
        "You do not belong to an academy.",
        "학원 관리자에게 문의해 주세요.",
        "Ask the academy's owner to add you.",
    ),
    Entry(
        "tenant_inactive", 403,
        "학원 이용이 중지되어 있습니다.",
        "The academy is suspended.",
        "운영자에게 문의해 주세요.",
        "Contact the operator.",
    ),
    Entry(
        "scope_missing", 403,
        "이 작업에는 {scope} 권한이 필요합니다.",
        "This needs the scope {scope}.",
        "권한이 있는 키를 쓰거나 학원 관리자에게 요청해 주세요.",
        "Use a key that has it, or ask the academy's owner.",
    ),
    Entry(
        "scope_not_grantable", 403,
        "가지고 있지 않은 권한은 줄 수 없습니다: {scopes}",
        "You cannot grant scopes that you do not have: {scopes}",
        "권한을 줄여 다시 요청해 주세요.",
        "Ask for fewer scopes.",
    ),
    Entry(
        "api_key_limit", 409,
        "사용 중인 API 키가 이미 {limit}개 있습니다.",
        "There are already {limit} live API keys of this kind.",
        "쓰지 않는 키를 먼저 폐기해 주세요.",
        "Revoke one that is not in use first.",
    ),
    Entry(
        "api_key_not_live", 409,
        "이미 폐기되었거나 만료된 키입니다.",
        "The key is revoked or has expired.",
        "새 키를 만들어 주세요.",
        "Create a new key.",
    ),
    Entry(
        "username_taken", 409,
        "이미 쓰이는 아이디입니다.",
        "The user name is taken.",
        "다른 아이디를 골라 주세요.",
        "Choose another one.",
    ),
    Entry(
        "slug_taken", 409,
        "이미 쓰이는 학원 주소(slug)입니다.",
        "The academy's slug is taken.",
        "다른 주소를 골라 주세요.",
        "Choose another one.",
    ),
    Entry(
        "last_owner", 409,
        "학원의 마지막 관리자는 제외할 수 없습니다.",
        "The academy's last owner cannot be removed.",
        "다른 관리자를 먼저 추가해 주세요.",
        "Add another owner first.",
    ),
    Entry(
        "password_too_weak", 400,
        "비밀번호가 너무 약합니다.",
        "The password is too weak.",
        "더 길고 흔하지 않은 비밀번호를 정해 주세요.",
        "Choose a longer, less common one.",
    ),
)  # fmt: skip
