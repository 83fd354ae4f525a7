"""Entrances without a password: who comes from the campus's app or from 企业微信.

Each either sends the browser somewhere to be identified, or redeems the proof that it came with,
once, over a connection of our own. Nothing that the browser says about itself is believed.
"""

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
"""A ticket or code matches this."""
_MAX_ANSWER: Final = 64 * 1024
_RENEW: Final = "renew"


class EntryRefused(Unauthenticated):
    """The proof is unknown, used or late, or names nobody of this campus."""

    code = "entry_refused"


_BY_THE_BROWSER: Final = frozenset({"error", "refused"})


class EntryUnavailable(Unavailable):
    """The campus's side gives no usable answer. Details: ``reason``, one static word."""

    code = "entry_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(retry_after=5, reason=reason)

    @property
    def is_seen(self) -> bool:
        """Have we seen it ourselves? What a browser says, or provokes by what it brings, anybody
        can make up."""
        return self.details["reason"] not in _BY_THE_BROWSER


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that a browser has begun, as its cookie tells. ``state`` travels by the provider
    and back; ``secret`` never leaves the cookie. ``renew``: the password has to be typed."""

    provider: str
    state: str
    secret: str
    renew: bool = False

    @classmethod
    def begin(cls, provider: str, *, renew: bool = False) -> Self:
        """A new one, with 128 and 256 random bits."""
        return cls(provider, secrets.token_urlsafe(16), secrets.token_urlsafe(32), renew)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The one that ``str`` has written; None for anything else."""
        parts = text.split(".")
        if len(parts) != 4 or not all(PROOF.fullmatch(part) for part in parts):
            return None
        provider, renew, state, secret = parts
        return cls(provider, state, secret, renew == _RENEW)

    def __str__(self) -> str:
        renew = _RENEW if self.renew else "once"
        return f"{self.provider}.{renew}.{self.state}.{self.secret}"

    def is_answered_by(self, state: str) -> bool:
        """Is that the state which this browser was sent away with?"""
        return hmac.compare_digest(self.state.encode(), state.encode())


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """Whom the proof names: the student number as the campus writes it, and what else it told.

    ``ticket`` is what a single logout will name. ``unasked``: nobody here has asked for this
    sign-in, and its reader is asked first. ``attributes`` is None where this way in tells none.
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
    """The provider has asked for more than a password."""


class IdentityProvider(Protocol):
    """One way in."""

    async def authorization_url(self, attempt: Attempt) -> str | None:
        """Where the browser goes to be identified; None where it has to come with its proof.
        Raises: EntryUnavailable."""

    async def authenticate(
        self, answer: Mapping[str, str], attempt: Attempt | None
    ) -> ExternalIdentity:
        """Whom the answer names, which the browser brings in its address and which is good once.
        ``attempt`` is what this browser has begun. Raises: EntryRefused, EntryUnavailable."""


class SignOnProvider(IdentityProvider, Protocol):
    """A sign-on with pages of its own, which the sign-in page offers."""

    @property
    def calls(self) -> OutgoingCalls:
        """Its calls to the campus's side."""

    async def logout_url(self, return_to: str) -> str | None:
        """Where the browser signs out there; None where that is not possible."""

    async def answers(self) -> bool:
        """Does it give a sign of life?"""


class CampusClient:
    """JSON over HTTP with the campus's side. Use it as an async context manager."""

    def __init__(self, system: OutgoingSystem) -> None:
        self._session: aiohttp.ClientSession | None = None
        self.calls = OutgoingCalls(system)

    async def __aenter__(self) -> Self:
        # One reader's cookies must never travel with the next reader's proof.
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, method: str, url: str, **options: Any) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object. Raises: EntryUnavailable for anything else."""
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
                found = msgspec.json.decode(raw)
        except TimeoutError:
            raise EntryUnavailable("timeout") from None
        except aiohttp.ClientSSLError:
            raise EntryUnavailable("certificate") from None
        except aiohttp.ClientError:
            # The chained error would carry the URL, and with it the proof, into the logs.
            raise EntryUnavailable("connection") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise EntryUnavailable("garbage") from None
        if not isinstance(found, dict):
            raise EntryUnavailable("garbage")
        return answer.status, found


def identity_of(found: Mapping[str, Any], number: str) -> ExternalIdentity:
    """The person whom the campus's side has named; ``number`` is what it calls the student number.
    Raises: EntryUnavailable, EntryRefused where there is no number."""
    values = {name: found.get(name) or "" for name in (number, "name", "kind")}
    if not all(isinstance(value, str) for value in values.values()):
        raise EntryUnavailable("garbage")
    if not values[number].strip():
        raise EntryRefused()
    return ExternalIdentity(values[number].strip(), values["name"], values["kind"])
