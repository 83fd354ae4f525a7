"""Accounts, groups and templates that the sandbox uses in place of a real library's."""

from __future__ import annotations

from typing import Final

SANDBOX_APPID: Final = "wxsandbox"
SANDBOX_SECRET: Final = "sandbox-secret"
SANDBOX_MP_APPID: Final = "wxofficial"
SANDBOX_MP_SECRET: Final = "sandbox-official-secret"
SANDBOX_AES_KEY: Final = "S" * 42 + "A"
SANDBOX_GROUPS: Final = {
    "CAS_VIEWER_GROUP": "library-view",
    "CAS_LIBRARIAN_GROUP": "library-admin",
    "CAS_ADMINISTRATOR_GROUP": "library-head",
}
"""The staff groups of the sandbox's CAS; environment variables replace them."""

_FIELDS: Final[dict[str, dict[str, str]]] = {
    "RESERVED": dict(
        thing1="seat",
        time2="period",
        character_string3="receipt",
        phrase4="status",
        thing5="tip",
    ),
    "CHECK_IN_REMINDER": dict(
        thing1="seat",
        time2="start",
        time3="until",
        thing4="place",
        thing5="tip",
    ),
    "NO_SHOW": dict(thing1="kind", time2="at", thing3="seat", number4="count", thing5="tip"),
    "CHECKED_IN": dict(thing1="seat", time2="at", phrase3="result", time4="end", thing5="tip"),
    "ENDING_SOON": dict(thing1="seat", time2="end", thing3="tip"),
    "ENDED": dict(
        thing1="seat",
        time2="start",
        time3="end",
        character_string4="duration",
        thing5="tip",
    ),
    "LEAVE": dict(
        thing1="seat", time2="left_at", time3="return_by", phrase4="status", thing5="tip"
    ),
    "LEAVE_REMINDER": dict(thing1="seat", time2="return_by", thing3="tip"),
    "LEAVE_TIMEOUT": dict(
        thing1="seat",
        time2="left_at",
        time3="released_at",
        phrase4="result",
        thing5="tip",
    ),
    "OFFER": dict(thing1="seat", time2="period", time3="until", thing4="tip"),
    "SUSPENDED": dict(time1="until", thing2="reason", thing3="tip"),
    "MOVED": dict(thing1="seat", time2="start", thing3="tip"),
}
SANDBOX_TEMPLATES: Final[dict[str, dict[str, object]]] = {
    name: {
        "template_id": f"sandbox-{name.lower().replace('_', '-')}",
        "page": "pages/reservation/detail",
        "fields": fields,
    }
    for name, fields in _FIELDS.items()
}
"""The sandbox's subscribe-message templates, by message; a real account has other ids and keys."""
