"""Client of the campus sign-on (CAS 2.0 and 3.0): where to send the browser, whom a ticket names.

The protocol is https://apereo.github.io/cas/development/protocol/CAS-Protocol-Specification.html;
section numbers below are its. A ticket is redeemed once, over a connection of our own, for the
service URL that is configured; nothing that the browser says about itself is believed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlencode

import aiohttp

from bind.providers.cas_xml import (
    TICKET,
    AttributeNames,
    CasUnavailable,
    CasUser,
    TicketInvalid,
    read_answer,
)
from notify.outgoing_calls import OutgoingCalls, OutgoingSystem

log = logging.getLogger(__name__)
STATE = "s"
"""The parameter of the service URL that tells which sign-in a ticket was asked for by."""
# Real answers are 1 to 4 KB, logout requests half a KB; more than this is not worth parsing.
MAX_ANSWER_BYTES = 64 * 1024
# 3.1.1: services must take tickets of 32 characters and should take 256.


class CasClient:
    """Sends readers to one CAS server and redeems the tickets that they come back with.

    Use it as an async context manager, or give it a ``session`` that somebody else closes.

    Args:
        base_url: of the CAS server, the part before ``/login``.
        service_url: of this service, absolute; from configuration, never from a Host header.
        timeout_s: seconds for one validation, the 2.0 retry included.
        names: the campus's names for attributes.
        exact_service: the CAS server knows this very URL, so that no state can be added to it.
    """

    def __init__(
        self,
        base_url: str,
        service_url: str,
        timeout_s: float = 5.0,
        names: AttributeNames | None = None,
        session: aiohttp.ClientSession | None = None,
        exact_service: bool = False,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self.service_url = service_url
        self.exact_service = exact_service
        self._timeout_s = timeout_s
        self._names = names or AttributeNames()
        self._session = session
        self._owned: aiohttp.ClientSession | None = None
        self.calls = OutgoingCalls(OutgoingSystem.CAS)

    async def __aenter__(self) -> Self:
        if self._session is None:
            # One reader's CAS cookies must never travel with the next reader's ticket.
            self._owned = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            self._session = self._owned
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._owned is not None:
            await self._owned.close()
            self._session = self._owned = None

    def _service(self, state: str) -> str:
        """The service URL of one sign-in: CAS sends the browser back there, with the state."""
        if not state or self.exact_service:
            return self.service_url
        return f"{self.service_url}?{urlencode({STATE: state})}"

    def login_url(self, state: str = "", renew: bool = False, gateway: bool = False) -> str:
        """Where the browser signs in (2.1): ``state`` comes back with it, ``renew`` asks for the
        password again, ``gateway`` asks nothing and comes back without a ticket if nobody is signed
        in.

        Raises:
            ValueError: for both at once, which the protocol leaves undefined.
        """
        if renew and gateway:
            raise ValueError("renew and gateway exclude each other")
        query = {"service": self._service(state)}
        query |= {"renew": "true"} if renew else {}
        query |= {"gateway": "true"} if gateway else {}
        return f"{self._base_url}/login?{urlencode(query)}"

    def logout_url(self, return_to: str | None = None) -> str:
        """Where the browser signs out everywhere (2.3), and the absolute URL it is sent to next."""
        query = f"?{urlencode({'service': return_to})}" if return_to else ""
        return f"{self._base_url}/logout{query}"

    async def validate(self, ticket: str, state: str = "", renew: bool = False) -> CasUser:
        """Redeem a service ticket that was given for that ``state``; a second call with it is
        refused by the server.

        A server without ``/p3/serviceValidate`` is asked at ``/serviceValidate``. With ``renew``,
        only a ticket for which the password was just typed is good.

        Raises:
            TicketInvalid: the server said no, or the ticket cannot be one.
            CasUnavailable: time-out, no connection, 5xx, or an answer that is not CAS's.
        """
        if not TICKET.fullmatch(ticket):
            raise TicketInvalid("INVALID_TICKET")
        query = {"service": self._service(state), "ticket": ticket}
        query |= {"renew": "true"} if renew else {}
        try:
            async with asyncio.timeout(self._timeout_s):
                status, answer, charset = await self._get("/p3/serviceValidate", query)
                if status == 404:
                    status, answer, charset = await self._get("/serviceValidate", query)
        except TimeoutError:
            raise CasUnavailable("timeout") from None
        except aiohttp.ClientSSLError:
            raise CasUnavailable("certificate") from None
        except aiohttp.ClientError:
            # The chained error would carry the URL, and with it the ticket, into the logs.
            raise CasUnavailable("connection") from None
        # Some servers send their refusals as 4xx; a reader is believed with 200 only.
        if status != 200 and not 400 <= status < 500:
            raise CasUnavailable("status")
        user = read_answer(answer, self._names, charset)
        if status != 200:
            raise CasUnavailable("status")
        return user

    async def answers(self) -> bool:
        """Does the server speak CAS? A ticket that it cannot know must be refused."""
        try:
            await self.validate("ST-0-are-you-there")
        except TicketInvalid:
            return True
        except CasUnavailable:
            return False
        return True

    async def _get(self, path: str, query: Mapping[str, str]) -> tuple[int, bytes, str]:
        if self._session is None:
            raise RuntimeError("CasClient is used outside its context")
        async with await self.calls.request(
            self._session,
            "GET",
            self._base_url + path,
            params=query,
            allow_redirects=False,
            headers={"Accept": "application/xml", "Accept-Encoding": "identity"},
        ) as response:
            answer = bytearray()
            async for chunk in response.content.iter_chunked(8192):
                answer += chunk
                if len(answer) > MAX_ANSWER_BYTES:
                    raise CasUnavailable("too_large")
            return response.status, bytes(answer), response.charset or ""
