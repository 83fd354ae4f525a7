"""Entrances without a password: who comes from the campus's app or from 企业微信.

Each either sends the browser somewhere to be identified, or redeems the proof that it came with,
once, over a connection of our own. Nothing that the browser says about itself is believed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import aiohttp
import msgspec

from models.kernel.errors import ServiceUnavailable, Unauthenticated
from notify.outgoing_calls import OutgoingCalls, OutgoingSystem

TIMEOUT_S: Final = 5.0
_PROOF: Final = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)
_MAX_ANSWER: Final = 64 * 1024


class LoginRejected(Unauthenticated):
    """The proof is unknown, used or late, or names nobody of this campus."""

    code = "entry_refused"


class ProviderUnavailable(ServiceUnavailable):
    """The campus's side gives no usable answer. Details: ``reason``, one static word."""

    code = "entry_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(retry_after=5, reason=reason)


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """Whom the proof names: the student number as the campus writes it, and what else it told."""

    number: str
    name: str = ""
    kind: str = ""


class IdentityProvider(Protocol):
    """One way in."""

    proof: str
    """The query parameter that carries the proof."""

    def authorization_url(self, state: str) -> str | None:
        """Where the browser goes to be identified; None where it has to come with its proof."""

    async def authenticate(self, proof: str) -> ExternalIdentity:
        """Redeem the proof. Raises: LoginRejected, ProviderUnavailable."""


class _Client:
    """JSON over HTTP with the campus's side. Use it as an async context manager."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self.calls = OutgoingCalls(OutgoingSystem.CAMPUS_TICKET)

    async def __aenter__(self) -> Self:
        # One reader's cookies must never travel with the next reader's proof.
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, method: str, url: str, **options: Any) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object. Raises: ProviderUnavailable for anything else."""
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
                        raise ProviderUnavailable("too_large")
                found = msgspec.json.decode(raw)
        except TimeoutError:
            raise ProviderUnavailable("timeout") from None
        except aiohttp.ClientError:
            # The chained error would carry the URL, and with it the proof, into the logs.
            raise ProviderUnavailable("connection") from None
        except msgspec.DecodeError:
            raise ProviderUnavailable("garbage") from None
        if not isinstance(found, dict):
            raise ProviderUnavailable("garbage")
        return answer.status, found


def _user(found: Mapping[str, Any], number: str) -> ExternalIdentity:
    values = {name: found.get(name) or "" for name in (number, "name", "kind")}
    if not all(isinstance(value, str) for value in values.values()):
        raise ProviderUnavailable("garbage")
    if not values[number].strip():
        raise LoginRejected()
    return ExternalIdentity(values[number].strip(), values["name"], values["kind"])
