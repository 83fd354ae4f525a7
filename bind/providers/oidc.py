"""Sign-in by OpenID Connect: the code flow with PKCE, and back-channel logout.

OpenID Connect Core 1.0, https://openid.net/specs/openid-connect-core-1_0.html; RFC 7636 (PKCE) and
RFC 9700 (current practice).
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from bind.providers.base import (
    PROOF,
    Attempt,
    CampusClient,
    EntryRefused,
    EntryUnavailable,
    ExternalIdentity,
)
from bind.providers.oidc_claims import ClaimNames, are_complete, read_claims, values_of
from bind.providers.oidc_metadata import OidcDirectory, OidcMetadata
from bind.providers.oidc_tokens import (
    LEEWAY,
    Audience,
    LogoutToken,
    LogoutTokenInvalid,
    is_instant,
    key_id,
    made_at,
    read_id_token,
    read_logout_token,
)
from models.identity.entities import SignOnSession
from models.identity.used_once_repository import UsedOnceRepository
from notify.outgoing_calls import OutgoingSystem

ATTEMPT_LASTS: Final = timedelta(minutes=10)
"""Longest time between the redirect to the provider and the browser's return."""
_SECOND_FACTORS: Final = frozenset({"mfa", "otp", "hwk", "swk", "sc"})
"""Authentication methods (RFC 8176) that are more than a password."""
_LOGOUT_REMEMBERED: Final = timedelta(minutes=15)
"""How long used logout tokens are remembered: longer than a token is valid."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The settings of one OpenID provider. ``id``: its name in URLs and environment variables.
    ``name``: its name on the sign-in page; empty for 统一身份认证. ``own_numbers``: whether the
    provider has account numbers, and thus readers, that are separate from the campus's."""

    id: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    claims: ClaimNames
    name: str = ""
    scopes: str = "openid profile"
    own_numbers: bool = False


class OidcProvider(CampusClient):
    def __init__(
        self,
        settings: OidcSettings,
        redirect_uri: str,
        once: UsedOnceRepository,
        now: Callable[[], datetime],
    ) -> None:
        """``now`` returns the wall-clock time, against which tokens are checked."""
        super().__init__(OutgoingSystem.OIDC)
        self.settings = settings
        self.redirect_uri = redirect_uri
        self._once, self._now = once, now
        self.directory = OidcDirectory(settings.issuer, self, now)

    async def authorization_url(self, attempt: Attempt) -> str | None:
        metadata = await self.directory.metadata()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.settings.scopes,
            "state": attempt.state,
            "nonce": _nonce(attempt),
            "code_challenge": _in_url(sha256(_verifier(attempt).encode()).digest()),
            "code_challenge_method": "S256",
        }
        if attempt.renew:
            query |= {"prompt": "login", "max_age": "0"}
        sign = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{sign}{urlencode(query)}"

    async def authenticate(
        self, answer: Mapping[str, str], attempt: Attempt | None
    ) -> ExternalIdentity:
        code = answer.get("code", "")
        if attempt is None or not attempt.is_answered_by(answer.get("state", "")):
            raise EntryRefused()  # begun in another browser, perhaps by an attacker as themselves
        metadata = await self.directory.metadata()
        issuer = answer.get("iss", metadata.issuer if not metadata.names_issuer else "")
        if issuer != metadata.issuer:
            raise EntryRefused()  # from another provider (RFC 9207)
        state = f"sign-in {self.settings.id} {attempt.state}"
        if not await self._once.use(state, self._now() + ATTEMPT_LASTS):
            raise EntryRefused()
        if answer.get("error") in ("server_error", "temporarily_unavailable"):
            raise EntryUnavailable("error")
        if "error" in answer or not PROOF.fullmatch(code):
            raise EntryRefused()
        granted = await self._redeem(metadata, code, attempt)
        return await self._identity(metadata, granted, attempt)

    async def logout_url(self, return_to: str) -> str | None:
        """The provider's sign-out URL, which leads back to ``return_to``. None if the provider has
        none on its issuer's host: the form policy of our pages allows no other host.

        No ID token is sent as a hint, since it would appear in histories and logs. Without this
        hint the provider may ask the reader to confirm.
        """
        try:
            metadata = await self.directory.metadata()
        except EntryUnavailable:
            return None
        endpoint = metadata.end_session_endpoint
        if urlsplit(endpoint)[:2] != urlsplit(self.settings.issuer)[:2]:
            return None
        query = {"client_id": self.settings.client_id, "post_logout_redirect_uri": return_to}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def answers(self) -> bool:
        try:
            await self.directory.fetch()
        except EntryUnavailable:
            return False
        return True

    async def read_logout(self, token: str) -> LogoutToken:
        """Verifies a logout token and uses it up. Raises: LogoutTokenInvalid, EntryUnavailable."""
        metadata = await self.directory.metadata()
        keys = await self.directory.keys(key_id(token))
        logout = read_logout_token(token, keys, self._audience(metadata), self._now())
        if not await self._once.use(self._logout_key(logout), self._now() + _LOGOUT_REMEMBERED):
            raise LogoutTokenInvalid("used")
        return logout

    async def forget_logout(self, token: LogoutToken) -> None:
        """Undoes the use of a logout token whose sessions could not be ended."""
        await self._once.give_back(self._logout_key(token))

    def ticket_of(self, sid: str) -> str:
        """The ticket of this service's sessions that began in the provider's session ``sid``."""
        return f"oidc {self.settings.id} sid {sid}"

    def _logout_key(self, token: LogoutToken) -> str:
        return f"logout {self.settings.id} {token.jti}"

    def _audience(self, metadata: OidcMetadata) -> Audience:
        return Audience(metadata.issuer, self.settings.client_id)

    async def _redeem(
        self, metadata: OidcMetadata, code: str, attempt: Attempt
    ) -> Mapping[str, Any]:
        """Redeems an authorization code at the token endpoint. Returns the response with the
        tokens. Raises: EntryRefused, EntryUnavailable."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": _verifier(attempt),
        }
        headers, settings = {}, self.settings
        if metadata.posts_secret:
            form |= {"client_id": settings.client_id, "client_secret": settings.client_secret}
        else:  # RFC 6749, section 2.3.1
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        status, body = await self.ask("POST", metadata.token_endpoint, data=form, headers=headers)
        if status == 200:
            return body
        if body.get("error") == "invalid_grant":
            raise EntryRefused()
        if status == 401 or body.get("error") in ("invalid_client", "unauthorized_client"):
            raise EntryUnavailable("secret")  # the provider refuses our secret, not the code
        # Only 400 can be provoked by what the browser has brought.
        raise EntryUnavailable("refused" if status == 400 else "status")

    async def _identity(
        self, metadata: OidcMetadata, granted: Mapping[str, Any], attempt: Attempt
    ) -> ExternalIdentity:
        """Verifies the ID token in the token endpoint's response. Returns the person in it, with
        missing claims from the userinfo endpoint. Raises: EntryRefused, EntryUnavailable."""
        token = granted.get("id_token")
        if not isinstance(token, str):
            raise EntryUnavailable("garbage")
        keys = await self.directory.keys(key_id(token))
        audience = self._audience(metadata)
        claims = read_id_token(token, keys, audience, _nonce(attempt), self._now())
        if attempt.renew and not self._is_recent(claims.get("auth_time")):
            raise EntryRefused()  # "prompt=login" was removed from the URL
        merged = claims
        if metadata.userinfo_endpoint and not are_complete(claims, self.settings.claims):
            merged = {**await self._userinfo(metadata, granted, claims["sub"]), **claims}
        sid = claims.get("sid")
        ticket = f"oidc {self.settings.id} state {attempt.state}"
        return replace(
            read_claims(merged, self.settings.claims),
            ticket=self.ticket_of(sid) if isinstance(sid, str) and sid else ticket,
            sign_on=SignOnSession(self.settings.id, claims["sub"], made_at(claims)),
            second_factor=not _SECOND_FACTORS.isdisjoint(values_of(claims.get("amr"))),
        )

    def _is_recent(self, auth_time: object) -> bool:
        if not is_instant(auth_time):
            return False
        ago = self._now().timestamp() - auth_time
        leeway = LEEWAY.total_seconds()
        return -leeway <= ago <= ATTEMPT_LASTS.total_seconds() + leeway

    async def _userinfo(
        self, metadata: OidcMetadata, granted: Mapping[str, Any], sub: str
    ) -> Mapping[str, Any]:
        """Requests the claims of the userinfo endpoint. Raises: EntryUnavailable; EntryRefused
        if the claims are not about the subject ``sub``."""
        headers = {"Authorization": f"Bearer {granted.get('access_token', '')}"}
        status, claims = await self.ask("GET", metadata.userinfo_endpoint, headers=headers)
        if status != 200:
            raise EntryUnavailable("status")
        if claims.get("sub") != sub:
            raise EntryRefused()  # another person's claims (section 5.3.2)
        return claims


def _verifier(attempt: Attempt) -> str:
    return _in_url(sha256(f"verifier {attempt.secret}".encode()).digest())


def _nonce(attempt: Attempt) -> str:
    return _in_url(sha256(f"nonce {attempt.secret}".encode()).digest())


def _in_url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
