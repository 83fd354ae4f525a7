"""Identity providers, which identify a person who signs in. The browser brings a one-time proof
(a ticket or code), and this service redeems it at the provider over its own connection. Nothing
else that the browser claims is trusted."""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import aiohttp
import msgspec

from models.identity.entities import SignOnSession
from models.kernel.errors import Unauthenticated, Unavailable
from notify.outgoing_calls import OutgoingCalls, OutgoingSystem

TIMEOUT_S: Final = 5.0
PROOF: Final = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)
"""Matches every valid proof: a ticket or code of printable ASCII."""
_MAX_ANSWER: Final = 64 * 1024
_RENEW: Final = "renew"


class EntryRefused(Unauthenticated):
    """The proof (ticket or code) is unknown, used, expired, or identifies no one of this campus."""

    code = "entry_refused"


_BY_THE_BROWSER: Final = frozenset({"error", "refused"})


class EntryUnavailable(Unavailable):
    """The identity provider gives no usable response. Details: ``reason``, one fixed word such
    as ``timeout``."""

    code = "entry_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(retry_after=5, reason=reason)

    @property
    def is_seen(self) -> bool:
        """False if a browser could have forged or provoked the failure, which then is not
        treated as an outage of the sign-on."""
        return self.details["reason"] not in _BY_THE_BROWSER


@dataclass(frozen=True, slots=True)
class Attempt:
    """A browser's begun sign-in, kept in its cookie. ``state`` goes to the provider and back;
    ``secret`` stays in the cookie. ``renew``: the provider must ask for the password again."""

    provider: str
    state: str
    secret: str
    renew: bool = False

    @classmethod
    def begin(cls, provider: str, *, renew: bool = False) -> Self:
        """A new attempt, with 128 random bits of state and 256 of secret."""
        return cls(provider, secrets.token_urlsafe(16), secrets.token_urlsafe(32), renew)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parses the text that an attempt's ``str`` returns; None if it is malformed."""
        parts = text.split(".")
        if len(parts) != 4 or not all(PROOF.fullmatch(part) for part in parts):
            return None
        provider, renew, state, secret = parts
        return cls(provider, state, secret, renew == _RENEW)

    def __str__(self) -> str:
        renew = _RENEW if self.renew else "once"
        return f"{self.provider}.{renew}.{self.state}.{self.secret}"

    def is_answered_by(self, state: str) -> bool:
        return hmac.compare_digest(self.state.encode(), state.encode())


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """The person whom a proof identifies.

    ``number``: the account number as the campus writes it. ``ticket``: the id by which a single
    logout will end the session. ``unasked``: this browser did not begin the sign-in here, so the
    reader has to confirm it. ``attributes``: None if this provider releases none.
    """

    number: str
    name: str = ""
    kind: str = ""
    email: str = ""
    groups: tuple[str, ...] = ()
    ticket: str = ""
    attributes: Mapping[str, Sequence[str]] | None = None
    sign_on: SignOnSession | None = None
    unasked: bool = False
    second_factor: bool = False
    """Whether the provider has checked more than a password."""


class IdentityProvider(Protocol):
    async def authorization_url(self, attempt: Attempt) -> str | None:
        """The provider's sign-in URL. None for a provider without sign-in pages, whose users
        open this service with a proof in the URL. Raises: EntryUnavailable."""

    async def authenticate(
        self, answer: Mapping[str, str], attempt: Attempt | None
    ) -> ExternalIdentity:
        """Redeems the proof in the query parameters with which the browser arrives. A proof
        works once. ``attempt``: the sign-in that this browser has begun; None if it has begun
        none. Raises: EntryRefused, EntryUnavailable."""


class SignOnProvider(IdentityProvider, Protocol):
    """An identity provider with its own sign-in pages, offered on our sign-in page."""

    @property
    def calls(self) -> OutgoingCalls:
        """Measurements of the calls to the provider."""

    async def logout_url(self, return_to: str) -> str | None:
        """A sign-out URL of the provider, leading back to ``return_to``; None if there is none."""

    async def answers(self) -> bool:
        """Calls the provider. True if it gives a usable response; raises nothing otherwise."""


class CampusClient:
    """A client for an identity provider's JSON API. Use it as an async context manager."""

    def __init__(self, system: OutgoingSystem) -> None:
        self._session: aiohttp.ClientSession | None = None
        self.calls = OutgoingCalls(system)

    async def __aenter__(self) -> Self:
        # The cookies of one reader must never be sent with the proof of another.
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, method: str, url: str, **options: Any) -> tuple[int, Mapping[str, Any]]:
        """Returns the response's status and JSON object. Raises: EntryUnavailable if there is no
        response in time, or its body is no JSON object."""
        assert self._session is not None
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                await self.calls.request(
                    self._session, method, url, allow_redirects=False, **options
                ) as answer,
            ):
                raw = bytearray()
                async for chunk in answer.content.iter_chunked(8192):
                    raw += chunk
                    if len(raw) > _MAX_ANSWER:
                        raise EntryUnavailable("too_large")
                body = msgspec.json.decode(raw)
        except TimeoutError:
            raise EntryUnavailable("timeout") from None
        except aiohttp.ClientSSLError:
            raise EntryUnavailable("certificate") from None
        except aiohttp.ClientError:
            # The chained error would carry the URL, and with it the proof, into the logs.
            raise EntryUnavailable("connection") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise EntryUnavailable("garbage") from None
        if not isinstance(body, dict):
            raise EntryUnavailable("garbage")
        return answer.status, body


def identity_of(fields: Mapping[str, Any], number: str) -> ExternalIdentity:
    """Reads the person from a provider's JSON object. ``number``: the key of the account number.
    Raises: EntryRefused if the account number is empty; EntryUnavailable if a value is no text."""
    values = {name: fields.get(name) or "" for name in (number, "name", "kind")}
    if not all(isinstance(value, str) for value in values.values()):
        raise EntryUnavailable("garbage")
    if not values[number].strip():
        raise EntryRefused()
    return ExternalIdentity(values[number].strip(), values["name"], values["kind"])
