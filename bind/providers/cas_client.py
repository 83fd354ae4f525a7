"""Client of a CAS 2.0 or 3.0 server; section numbers are those of
https://apereo.github.io/cas/development/protocol/CAS-Protocol-Specification.html."""

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
"""Query parameter of the service URL: the state of the sign-in that asked for the ticket."""
# Real responses have 1 to 4 KB and logout requests half a KB.
MAX_ANSWER_BYTES = 64 * 1024


class CasClient:
    """Builds the URLs of one CAS server and redeems its tickets.

    Use it as an async context manager, or pass a ``session``, which the caller closes.

    Args:
        base_url: of the CAS server, without ``/login``.
        service_url: the absolute URL of this service, from configuration, never a Host header.
        timeout_s: seconds for one validation, including the retry with CAS 2.0.
        exact_service: whether CAS accepts only ``service_url`` itself, without an added state.
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
            # The CAS cookies of one reader must never be sent with the ticket of another.
            self._owned = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            self._session = self._owned
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._owned is not None:
            await self._owned.close()
            self._session = self._owned = None

    def _service(self, state: str) -> str:
        """The service URL for CAS's redirect; has ``state`` unless ``exact_service`` is set."""
        if not state or self.exact_service:
            return self.service_url
        return f"{self.service_url}?{urlencode({STATE: state})}"

    def login_url(self, state: str = "", renew: bool = False, gateway: bool = False) -> str:
        """The URL of CAS's sign-in page (section 2.1). ``renew``: CAS asks for the password
        again. ``gateway``: CAS asks for nothing, and a browser that is not signed in returns
        without a ticket. Raises: ValueError if both are set."""
        if renew and gateway:
            raise ValueError("renew and gateway exclude each other")
        query = {"service": self._service(state)}
        query |= {"renew": "true"} if renew else {}
        query |= {"gateway": "true"} if gateway else {}
        return f"{self._base_url}/login?{urlencode(query)}"

    def logout_url(self, return_to: str | None = None) -> str:
        """CAS's sign-out URL (section 2.3), which then leads to the absolute URL ``return_to``."""
        query = f"?{urlencode({'service': return_to})}" if return_to else ""
        return f"{self._base_url}/logout{query}"

    async def validate(self, ticket: str, state: str = "", renew: bool = False) -> CasUser:
        """Redeems a service ticket that was issued for this ``state``; CAS accepts it only once.

        A server without ``/p3/serviceValidate`` is called at ``/serviceValidate``. With ``renew``
        CAS accepts only tickets for which the password has just been typed.

        Raises:
            TicketInvalid: CAS refused the ticket, or its form is wrong.
            CasUnavailable: time-out, no connection, 5xx, or a response that is not CAS's.
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
        # Some servers send refusals with 4xx; an identity is accepted with 200 only.
        if status != 200 and not 400 <= status < 500:
            raise CasUnavailable("status")
        user = read_answer(answer, self._names, charset)
        if status != 200:
            raise CasUnavailable("status")
        return user

    async def answers(self) -> bool:
        """True if the server responds by the CAS protocol: it must refuse an invented ticket."""
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
