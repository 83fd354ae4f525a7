"""The published endpoints and keys of an OpenID provider (OpenID Connect Discovery 1.0,
https://openid.net/specs/openid-connect-discovery-1_0.html)."""

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
"""A token with an unknown key id makes the provider's keys be loaded again, if they are this
old."""
_PAUSE_AFTER_FAILURE: Final = timedelta(seconds=5)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProviderKeys:
    """The public keys of a provider. ``ids``: the keys' ids. ``key_set``: joserfc's ``KeySet``;
    its type is ``Any`` because joserfc takes 2.5 MB and is imported only if OpenID is used."""

    ids: frozenset[str | None]
    key_set: Any


@dataclass(frozen=True, slots=True)
class OidcMetadata:
    """The endpoints and options that a provider publishes. Endpoints that it lacks are empty."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    names_issuer: bool
    """True if the browser brings back the provider's issuer in the parameter ``iss`` (RFC 9207)."""
    posts_secret: bool
    """True if the token endpoint accepts the client's secret in the request's form only."""
    back_channel_logout: bool


class _Remembered(Generic[T]):
    """A cached response of the provider. Concurrent callers share one request. After a failed
    request callers get its error for ``_PAUSE_AFTER_FAILURE``, without a new request."""

    def __init__(self, ask: Callable[[], Awaitable[T]], now: Callable[[], datetime]) -> None:
        self._ask, self._now = ask, now
        self._lock = asyncio.Lock()
        self._answer: tuple[datetime, T] | None = None
        self._failure: tuple[datetime, str] | None = None

    async def get(self, lasts: Callable[[T], timedelta]) -> T:
        """The cached response; a new one if the cached one is too old. ``lasts`` returns how
        long a given response may be used. Raises: EntryUnavailable."""
        # A caller that a cached response satisfies does not wait for a running request.
        if (cached := self._fresh(lasts)) is not None:
            return cached
        async with self._lock:
            now = self._now()
            if (cached := self._fresh(lasts)) is not None:
                return cached
            if self._failure is not None and now - self._failure[0] < _PAUSE_AFTER_FAILURE:
                raise EntryUnavailable(self._failure[1])
            try:
                answer = await self._ask()
            except EntryUnavailable as error:
                self._failure = (self._now(), str(error.details["reason"]))
                raise
            self._answer, self._failure = (now, answer), None
            return answer

    def _fresh(self, lasts: Callable[[T], timedelta]) -> T | None:
        if self._answer is None:
            return None
        at, answer = self._answer
        return answer if self._now() - at < lasts(answer) else None


class OidcDirectory:
    """The metadata and keys that one issuer publishes, cached."""

    def __init__(self, issuer: str, client: CampusClient, now: Callable[[], datetime]) -> None:
        self._issuer, self._client = issuer, client
        self._metadata = _Remembered(self.fetch, now)
        self._keys = _Remembered(self._fetch_keys, now)

    async def metadata(self) -> OidcMetadata:
        """The provider's metadata, at most ten minutes old. Raises: EntryUnavailable."""
        return await self._metadata.get(lambda _: _METADATA_LASTS)

    async def fetch(self) -> OidcMetadata:
        """Requests the metadata, bypassing the cache. Raises: EntryUnavailable."""
        status, body = await self._client.ask("GET", self._issuer + WELL_KNOWN)
        if status != 200:
            raise EntryUnavailable("status")
        return _read(body, self._issuer)

    async def keys(self, kid: str | None) -> ProviderKeys:
        """The provider's signing keys. If no cached key has the id ``kid``, the keys are
        requested again, at most once a minute. Raises: EntryUnavailable."""

        def lasts(cached: ProviderKeys) -> timedelta:
            has_it = kid is None or kid in cached.ids
            return _KEYS_LAST if has_it else _LOOK_FOR_NEW_KEYS_EVERY

        return await self._keys.get(lasts)

    async def _fetch_keys(self) -> ProviderKeys:
        metadata = await self.metadata()
        status, body = await self._client.ask("GET", metadata.jwks_uri)
        if status != 200:
            raise EntryUnavailable("status")
        return _read_keys(body)


def _read(body: Mapping[str, Any], issuer: str) -> OidcMetadata:
    """Parses provider metadata. Raises: EntryUnavailable if it is malformed or another issuer's."""
    named = body.get("issuer")
    # An issuer must not describe another one (section 4.3). Only a final slash may differ, since it
    # is easily lost when the address is copied.
    if not isinstance(named, str) or named.rstrip("/") != issuer:
        raise EntryUnavailable("issuer")

    def address(name: str, *, required: bool = False) -> str:
        value = body.get(name) or ""
        if not value and not required:
            return ""
        if not isinstance(value, str) or not _is_as_safe(value, issuer):
            raise EntryUnavailable("garbage")
        return value

    methods = body.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if not isinstance(methods, list):
        raise EntryUnavailable("garbage")
    return OidcMetadata(
        issuer=named,
        authorization_endpoint=address("authorization_endpoint", required=True),
        token_endpoint=address("token_endpoint", required=True),
        jwks_uri=address("jwks_uri", required=True),
        userinfo_endpoint=address("userinfo_endpoint"),
        end_session_endpoint=address("end_session_endpoint"),
        names_issuer=body.get("authorization_response_iss_parameter_supported") is True,
        posts_secret="client_secret_basic" not in methods,
        back_channel_logout=body.get("backchannel_logout_supported") is True,
    )


def _is_as_safe(address: str, issuer: str) -> bool:
    """True for an http or https URL; if the issuer uses https, only for an https URL."""
    if not address.isascii() or not address.isprintable() or " " in address:
        return False
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.scheme in ("https", urlsplit(issuer).scheme)
    except ValueError:
        return False


def _read_keys(body: Mapping[str, Any]) -> ProviderKeys:
    """The usable public signing keys. Raises: EntryUnavailable if there are none."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, KeySet, RSAKey

    # Only public keys: a shared secret (oct) must not be published.
    types: dict[str, type[RSAKey | ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    listed, keys = body.get("keys"), list[RSAKey | ECKey]()
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
