"""What an OpenID provider publishes about itself: its addresses and its keys.

OpenID Connect Discovery 1.0, https://openid.net/specs/openid-connect-discovery-1_0.html.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from bind.providers.base import CampusClient, EntryUnavailable

WELL_KNOWN: Final = "/.well-known/openid-configuration"
_METADATA_LASTS: Final = timedelta(minutes=10)
_KEYS_LAST: Final = timedelta(hours=1)
_LOOK_FOR_NEW_KEYS_EVERY: Final = timedelta(minutes=1)
"""Anybody can send a token with an unknown key id; the provider is asked once a minute for it."""
_PAUSE_AFTER_FAILURE: Final = timedelta(seconds=5)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProviderKeys:
    """The keys by which a provider signs: their ids, and joserfc's ``KeySet`` of them. joserfc
    takes 2.5 MB, so only who has an OpenID provider loads it."""

    ids: frozenset[str | None]
    key_set: Any


@dataclass(frozen=True, slots=True)
class OidcMetadata:
    """The addresses of a provider; those that it does not have are empty."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    names_issuer: bool
    """Does the browser bring back ``iss`` (RFC 9207)?"""
    posts_secret: bool
    """The token endpoint takes the client's secret in the form only."""
    back_channel_logout: bool


class _Remembered(Generic[T]):
    """One answer of the provider. All who wait for it share one question, and while the provider
    fails nobody waits for it again and again."""

    def __init__(self, ask: Callable[[], Awaitable[T]], now: Callable[[], datetime]) -> None:
        self._ask, self._now = ask, now
        self._lock = asyncio.Lock()
        self._answer: tuple[datetime, T] | None = None
        self._failure: tuple[datetime, str] | None = None

    async def get(self, lasts: Callable[[T], timedelta]) -> T:
        """The answer, asked for anew where it is older than that. Raises: EntryUnavailable."""
        # A caller who needs nothing new does not wait for one who does.
        if (known := self._known(lasts)) is not None:
            return known
        async with self._lock:
            now = self._now()
            if (known := self._known(lasts)) is not None:
                return known
            if self._failure is not None and now - self._failure[0] < _PAUSE_AFTER_FAILURE:
                raise EntryUnavailable(self._failure[1])
            try:
                found = await self._ask()
            except EntryUnavailable as error:
                self._failure = (self._now(), str(error.details["reason"]))
                raise
            self._answer, self._failure = (now, found), None
            return found

    def _known(self, lasts: Callable[[T], timedelta]) -> T | None:
        if self._answer is None:
            return None
        at, found = self._answer
        return found if self._now() - at < lasts(found) else None


class OidcDirectory:
    """Metadata and keys of one issuer, remembered for a while."""

    def __init__(self, issuer: str, client: CampusClient, now: Callable[[], datetime]) -> None:
        """``now`` is the time on the wall, by which tokens live."""
        self._issuer, self._client = issuer, client
        self._metadata = _Remembered(self.fetch, now)
        self._keys = _Remembered(self._fetch_keys, now)

    async def metadata(self) -> OidcMetadata:
        """What the provider says of itself. Raises: EntryUnavailable."""
        return await self._metadata.get(lambda _: _METADATA_LASTS)

    async def fetch(self) -> OidcMetadata:
        """The same, asked anew. Raises: EntryUnavailable."""
        status, found = await self._client.ask("GET", self._issuer + WELL_KNOWN)
        if status != 200:
            raise EntryUnavailable("status")
        return _read(found, self._issuer)

    async def keys(self, kid: str | None) -> ProviderKeys:
        """The keys by which the provider signs, asked for anew where none has that id.
        Raises: EntryUnavailable."""

        def lasts(known: ProviderKeys) -> timedelta:
            has_it = kid is None or kid in known.ids
            return _KEYS_LAST if has_it else _LOOK_FOR_NEW_KEYS_EVERY

        return await self._keys.get(lasts)

    async def _fetch_keys(self) -> ProviderKeys:
        metadata = await self.metadata()
        status, found = await self._client.ask("GET", metadata.jwks_uri)
        if status != 200:
            raise EntryUnavailable("status")
        return _read_keys(found)


def _read(found: Mapping[str, Any], issuer: str) -> OidcMetadata:
    """Raises: EntryUnavailable where it is not the issuer's own description."""
    named = found.get("issuer")
    # What comes from one issuer must not speak for another one (section 4.3). Only a slash at the
    # end may differ: it is lost easily when the address is copied.
    if not isinstance(named, str) or named.rstrip("/") != issuer:
        raise EntryUnavailable("issuer")

    def address(name: str, *, required: bool = False) -> str:
        value = found.get(name) or ""
        if not value and not required:
            return ""
        if not isinstance(value, str) or not _is_as_safe(value, issuer):
            raise EntryUnavailable("garbage")
        return value

    methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if not isinstance(methods, list):
        raise EntryUnavailable("garbage")
    return OidcMetadata(
        issuer=named,
        authorization_endpoint=address("authorization_endpoint", required=True),
        token_endpoint=address("token_endpoint", required=True),
        jwks_uri=address("jwks_uri", required=True),
        userinfo_endpoint=address("userinfo_endpoint"),
        end_session_endpoint=address("end_session_endpoint"),
        names_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        posts_secret="client_secret_basic" not in methods,
        back_channel_logout=found.get("backchannel_logout_supported") is True,
    )


def _is_as_safe(address: str, issuer: str) -> bool:
    """Is it an address of the web, and over https where the issuer's is?"""
    if not address.isascii() or not address.isprintable() or " " in address:
        return False
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.scheme in ("https", urlsplit(issuer).scheme)
    except ValueError:
        return False


def _read_keys(found: Mapping[str, Any]) -> ProviderKeys:
    """The public keys for signatures; what else stands there is left out. Raises:
    EntryUnavailable where none is left."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, KeySet, RSAKey

    # A shared secret is no key that a provider may publish.
    types: dict[str, type[RSAKey | ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    listed, keys = found.get("keys"), list[RSAKey | ECKey]()
    for data in listed if isinstance(listed, list) else ():
        if not isinstance(data, dict) or data.get("use", "sig") != "sig":
            continue
        kind = types.get(str(data.get("kty")))
        if kind is None:
            continue
        try:
            keys.append(kind.import_key(data))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not keys:
        raise EntryUnavailable("keys")
    return ProviderKeys(frozenset(key.kid for key in keys), KeySet(list(keys)))
