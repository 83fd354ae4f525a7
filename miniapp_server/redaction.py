"""Masks secrets in logs, recognised by the names that precede them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

MASK: Final = "***"

# Compared without case, "-" and "_": session_key, sessionKey and Session-Key are one name. A bare
# "code" is a WeChat login code or an activation code; log an error's code as "error".
_SECRET_NAMES: Final = (
    *("access_token", "refresh_token", "token", "authorization", "cookie", "set_cookie"),
    *("secret", "appsecret", "app_secret", "password", "js_code", "code", "session_key"),
    *("openid", "from_openid", "to_user", "unionid", "ticket", "pgt_id", "pgt_iou"),
    *("id_token", "logout_token", "client_secret", "code_verifier"),
    *("x_kiosk_key", "kiosk_key", "student_no", "student_number", "seat_sid", "encoding_aes_key"),
)
_FIELDS: Final = frozenset(name.replace("_", "") for name in _SECRET_NAMES)
_NAMES: Final = "|".join(
    name.replace("_", "[-_]?") for name in sorted(_SECRET_NAMES, key=len, reverse=True)
)
_BEFORE: Final = r"(?<![A-Za-z0-9])(?:%3F|%26)?"
# After the name: "=" in a URL, also percent-encoded, or ":" in JSON, a repr or a header.
_SEPARATOR: Final = r"""\\*["']?\s*(?:=|:|%3D)\s*"""

_RULES: Final = (
    # These headers' values hold spaces and semicolons: to the end of the line or of the quotes.
    (
        re.compile(
            rf"""({_BEFORE}(?:authorization|(?:set-?)?cookie){_SEPARATOR})"""
            r"""(\\*["']?)[^"'\\\n]+""",
            re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
    (
        re.compile(
            rf"""((?:(?<![A-Za-z0-9_])|(?<=%3F)|(?<=%26))(?:{_NAMES}){_SEPARATOR}\\*["']?)"""
            r"""(?!\*\*\*)(?:(?!%26)[^\s&"'\\<>,;(){}\[\]])+""",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    # XML of WeChat and CAS.
    (
        re.compile(
            r"(<(?:\w+:)?(?:FromUserName|openid|SessionIndex|user)>)(?:<!\[CDATA\[)?[^<\]]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    # A CAS ticket and a bearer token anywhere.
    (re.compile(r"\b(ST|PT|PGT|PGTIOU|TGT)-[\w.-]{6,}"), rf"\1-{MASK}"),
    (re.compile(r"\b(Bearer )(?!\*\*\*)[\w.~+/=-]+", re.IGNORECASE), rf"\1{MASK}"),
    # An API token anywhere.
    (re.compile(r"\b(seats_)[\w-]{16,}"), rf"\1{MASK}"),
    # The digits of a kiosk code, the secret of an activation code.
    (re.compile(r"([?&]c=)[\w-]+"), rf"\1{MASK}"),
    # The token in the address of a calendar feed.
    (re.compile(r"(/calendar/)[\w.%-]+"), rf"\1{MASK}"),
    # mongodb://user:password@host, redis://:password@host
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/]+@", re.IGNORECASE), rf"\1{MASK}@"),
)


def redact(text: str) -> str:
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def redact_field(name: str, value: object) -> Any:
    """The value as it may be logged as JSON: masked if ``name`` is the name of a secret,
    otherwise with the secrets in its texts masked."""
    if value is None or isinstance(value, bool):
        return value
    if re.sub(r"[-_]", "", name).lower() in _FIELDS:
        return MASK
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): redact_field(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_field("", inner) for inner in value]
    return redact(str(value))
