"""Verification of ID tokens (OpenID Connect Core 1.0, section 3.1.3.7) and logout tokens
(Back-Channel Logout 1.0, section 2.6). joserfc verifies signatures and the usual claims."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeGuard

from bind.providers.base import EntryRefused
from bind.providers.oidc_metadata import ProviderKeys
from models.kernel.errors import Malformed

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
"""Accepted signature algorithms: only those with a private key, which the provider alone has.
``none`` and HMAC are left out: others could sign too, with a public key or the client's secret."""
LEEWAY: Final = timedelta(seconds=60)
"""Tolerated difference between the provider's clock and ours."""
_TOKEN_LASTS: Final = timedelta(minutes=10)
"""Greatest age of an accepted token, even if its own expiry (``exp``) is later."""
_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST_ID: Final = 255
_LONGEST_TOKEN: Final = 16 * 1024
_END_OF_TIME: Final = 2**36


class LogoutTokenInvalid(Malformed):
    """The token is no logout token of this provider for this service, or was used before."""

    def __init__(self, reason: str) -> None:
        super().__init__("logout_token", reason)


class _Refused(Exception):
    """The token is refused; the message is the reason, one word."""


@dataclass(frozen=True, slots=True)
class Audience:
    """The issuer that a token must have, and the client for which it must be made."""

    issuer: str
    client_id: str


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """A provider's order to end its session ``sid`` or, if ``sid`` is empty, all sessions that
    the subject ``sub`` began until ``at``. ``jti``: the token's id."""

    sid: str
    sub: str
    jti: str
    at: datetime


def key_id(token: str) -> str | None:
    """The signing key's id in the token's header, which is not verified; None if there is no id."""
    head = token.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        kid = header.get("kid")
    except (ValueError, AttributeError, RecursionError):
        return None
    return kid if isinstance(kid, str) else None


def read_id_token(
    token: str, keys: ProviderKeys, audience: Audience, nonce: str, now: datetime
) -> Mapping[str, Any]:
    """Verifies an ID token: the issuer signed it recently for this client, with this ``nonce``.
    Returns its claims. Raises: EntryRefused."""
    try:
        claims = _verified(token, keys, audience, now)
        if claims.get("nonce") != nonce:
            raise _Refused("nonce")
        if not isinstance(claims.get("exp"), int | float):
            raise _Refused("exp")
        _text(claims, "sub", required=True)
    except _Refused:
        raise EntryRefused() from None
    return claims


def read_logout_token(
    token: str, keys: ProviderKeys, audience: Audience, now: datetime
) -> LogoutToken:
    """Verifies a back-channel logout token. Raises: LogoutTokenInvalid."""
    try:
        claims = _verified(token, keys, audience, now)
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT_EVENT), dict):
            raise _Refused("events")
        if "nonce" in claims:
            raise _Refused("nonce")  # an ID token must not be accepted as a logout token
        sid, sub = _text(claims, "sid"), _text(claims, "sub")
        if not sid and not sub:
            raise _Refused("nobody")
        jti = _text(claims, "jti", required=True)
    except _Refused as refused:
        raise LogoutTokenInvalid(str(refused)) from None
    return LogoutToken(sid, sub, jti, made_at(claims))


def made_at(claims: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(claims["iat"], UTC)


def _verified(token: str, keys: ProviderKeys, audience: Audience, now: datetime) -> dict[str, Any]:
    """Verifies that the issuer signed the token recently for this client. Returns its claims.
    Raises: _Refused."""
    # Imported here because of its size: see ProviderKeys.
    from joserfc import jwt
    from joserfc.errors import JoseError

    if len(token) > _LONGEST_TOKEN:
        raise _Refused("too_long")
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(LEEWAY.total_seconds()),
        iss={"essential": True, "value": audience.issuer},
        aud={"essential": True, "value": audience.client_id},
        iat={"essential": True},
    )
    try:
        claims = dict(jwt.decode(token, keys.key_set, algorithms=list(ALGORITHMS)).claims)
        registry.validate(claims)
    except JoseError as error:
        raise _Refused(error.error or "signature") from None
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _Refused("signature") from None
    azp = claims.get("azp")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or azp is not None) and azp != audience.client_id:
        raise _Refused("azp")
    made = claims["iat"]
    if not is_instant(made):
        raise _Refused("iat")
    if now.timestamp() - made > (_TOKEN_LASTS + LEEWAY).total_seconds():
        raise _Refused("iat")
    return claims


def is_instant(value: object) -> TypeGuard[float]:
    """True for Unix seconds that ``datetime`` can represent."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < _END_OF_TIME


def _text(claims: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    """A claim's text; empty if it is missing. Raises: _Refused if it is overlong, not printable,
    or ``required`` and missing."""
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST_ID or (required and not value):
        raise _Refused(name)
    if not value.isprintable():  # a lone surrogate, for example, cannot be stored
        raise _Refused(name)
    return value
