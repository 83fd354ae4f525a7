"""The names of this service's environment variables: all of them, renamed and misspelt ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

VARIABLES: Final = frozenset(
    {
        *("HOST", "PORT", "PUBLIC_BASE_URL", "TRUSTED_PROXIES", "MONITORS", "LOG_LEVEL"),
        *(
            "MONGO_URL",
            "MONGO_DATABASE",
            "MONGO_DRIVER",
            "REDIS_URL",
            "ENCRYPTION_KEYS",
            "DATA_DIR",
        ),
        *("CAS_NAME", "OIDC_PROVIDERS"),
        *("CAS_BASE_URL", "CAS_EXACT_SERVICE", "CAS_NAME_ATTRIBUTE", "CAS_KIND_ATTRIBUTE"),
        *("CAS_VIEWER_GROUP", "CAS_LIBRARIAN_GROUP", "CAS_ADMINISTRATOR_GROUP"),
        *(
            "STAFF_VIEWERS",
            "STAFF_LIBRARIANS",
            "STAFF_ADMINISTRATORS",
            "STAFF_TOTP",
            "SITE_TITLE",
            "SITE_CONTACT",
        ),
        *(
            "WECHAT_APPID",
            "WECHAT_SECRET",
            "WECHAT_BASE_URL",
            "WECHAT_ENV_VERSION",
            "WECHAT_TEMPLATES",
        ),
        *("WECHAT_MP_APPID", "WECHAT_MP_SECRET", "WECHAT_MP_TOKEN", "WECHAT_MP_AES_KEY"),
        *("WECHAT_MINI_TOKEN", "WECHAT_MINI_AES_KEY", "WECHAT_VERIFICATION_FILE"),
        *("SMTP_URL", "MAIL_FROM", "CAS_EMAIL_ATTRIBUTE"),
        *("IDENTITY_PROVIDER", "CAMPUS_TICKET_URL", "CAMPUS_TICKET_SECRET"),
        *("WECOM_CORP_ID", "WECOM_AGENT_ID", "WECOM_SECRET", "WECOM_BASE_URL"),
        *("WECOM_AUTHORIZE_URL", "WECOM_MESSAGES", "SANDBOX", "DEMO", "RATE_LIMIT_SCALE"),
        "WEBHOOK_ALLOWED_NETWORKS",
        *("KEEP_AUDIT_DAYS", "KEEP_FEEDBACK_DAYS", "KEEP_MESSAGES_DAYS"),
        *("KEEP_MOVEMENTS_DAYS", "KEEP_RESERVATIONS_DAYS", "KEEP_VISITORS_DAYS"),
    }
)
"""All that ``settings.load`` and the demo read; a test holds them against what is read."""

OIDC_ENDINGS: Final = (
    *("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "NAME", "NUMBERS", "SCOPES"),
    *("NUMBER_CLAIM", "NAME_CLAIM", "KIND_CLAIM", "EMAIL_CLAIM", "GROUPS_CLAIM"),
    *("VIEWER_GROUP", "LIBRARIAN_GROUP", "ADMINISTRATOR_GROUP"),
)
"""Each OpenID provider has these, behind ``OIDC_`` and its name in OIDC_PROVIDERS."""
_OIDC: Final = re.compile(r"OIDC_([A-Z][A-Z0-9]{0,19})_([A-Z_]+)")

RENAMED: Final = {
    "ADMINISTRATORS": "STAFF_ADMINISTRATORS",
    "CAMPUS_ENTRY": "IDENTITY_PROVIDER",
    "DATA_KEYS": "ENCRYPTION_KEYS",
    "LIBRARIANS": "STAFF_LIBRARIANS",
    "LIBRARY_CONTACT": "SITE_CONTACT",
    "LIBRARY_TITLE": "SITE_TITLE",
    "THROTTLE_SCALE": "RATE_LIMIT_SCALE",
    "VIEWERS": "STAFF_VIEWERS",
    "WECHAT_STATE": "WECHAT_ENV_VERSION",
}
"""Variables of before, and what they are called now. One that is set is refused: silently it would
have no effect."""

_OURS: Final = ("WECHAT_", "WECOM_", "CAS_", "CAMPUS_", "OIDC_", "WEBHOOK_")
_SHORTEST: Final = 6
_NEAR, _SOMEWHAT_NEAR = 0.85, 0.75


def oidc_provider_of(name: str) -> str | None:
    """The OpenID provider whose variable that is; None where it is no such variable."""
    found = _OIDC.fullmatch(name)
    return found[1].lower() if found is not None and found[2] in OIDC_ENDINGS else None


def is_known(name: str) -> bool:
    """Is that a variable of this service?"""
    return name in VARIABLES or oidc_provider_of(name) is not None


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """The names that look like ours and are not, each with the nearest that is (or an empty text).

    A name counts when it begins as only ours do, or is nearly one of ours; what else stands in an
    environment is nobody's business here.
    """
    found = {}
    for name in sorted(name for name in set(names) if not is_known(name)):
        own = name.startswith(_OURS)
        known = set(VARIABLES)
        if of_provider := _OIDC.fullmatch(name.upper()):
            known |= {f"OIDC_{of_provider[1]}_{end}" for end in OIDC_ENDINGS}
        if own or len(name) >= _SHORTEST:
            cutoff = _SOMEWHAT_NEAR if own else _NEAR
            near = get_close_matches(name.upper(), sorted(known), 1, cutoff)
            if own or near:
                found[name] = near[0] if near else ""
    return found


def in_words(name: str, nearest: str) -> str:
    """One line about a misspelt name."""
    return f"{name} is no setting of this service" + (f": {nearest}?" if nearest else "")
