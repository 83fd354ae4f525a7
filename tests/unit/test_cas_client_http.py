"""The CAS client's requests, and its errors when a server fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bind.providers.base import Attempt
from bind.providers.cas import CasProvider
from bind.providers.cas_client import MAX_ANSWER_BYTES, CasClient
from bind.providers.cas_xml import CasUnavailable, CasUser, TicketInvalid
from tests.unit.cas_answers import (
    BOTH,
    ELEMENTS,
    SERVICE,
    TICKET,
    WRAPPED,
    answer,
    success,
    written,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Answering:
    """A server that answers each path as the test decides and records its requests."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.handlers: dict[str, Handler] = {}
        self.base_url = ""

    def on(self, path: str, body: bytes, status: int = 200, kind: str = "text/xml") -> None:
        async def reply(request: web.Request) -> web.StreamResponse:
            headers = {"Location": "/elsewhere", "Content-Type": kind}
            return web.Response(status=status, body=body, headers=headers)

        self.handlers[path] = reply

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.query)))
        if request.path not in self.handlers:
            return web.Response(status=404, text="<html>404</html>")
        return await self.handlers[request.path](request)


@pytest.fixture
async def server() -> AsyncIterator[Answering]:
    answering = Answering()
    app = web.Application()
    app.router.add_get("/{path:.*}", answering.handle)
    async with TestServer(app) as running:
        answering.base_url = str(running.make_url("")).rstrip("/")
        yield answering


P3, P2 = "/p3/serviceValidate", "/serviceValidate"


async def test_cas_2_0_is_asked_where_3_0_is_missing(
    server: Answering,
) -> None:
    query = {"service": SERVICE, "ticket": "ST-&=%#+/"}
    async with CasClient(server.base_url, SERVICE) as cas:
        server.on(P2, success(""))
        assert (await cas.validate("ST-&=%#+/")).user == "21070001"
        assert server.asked == [(P3, query), (P2, query)]

        server.asked.clear()
        server.on(P3, success(WRAPPED.format(ELEMENTS)))
        expected = CasUser(user="21070001", attributes=BOTH, name="王雨桐")
        assert await cas.validate("ST-&=%#+/", renew=True) == expected
        assert server.asked == [(P3, {**query, "renew": "true"})]

        server.on(P3, written("gbk", ""), kind="text/html;charset=GBK")
        assert await cas.validate("ST-&=%#+/") == expected


@pytest.mark.parametrize("ticket", ["", "ST 1", "ST-1\n", "ST-\x00", "ST-票", "x" * 257])
async def test_a_malformed_ticket_is_not_sent(server: Answering, ticket: str) -> None:
    async with CasClient(server.base_url, SERVICE) as cas:
        with pytest.raises(TicketInvalid):
            await cas.validate(ticket)
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, success(""), "status"),
        (503, b"", "status"),
        (302, success(""), "status"),
        (403, success(""), "status"),
        (403, b"<html>WAF</html>", "garbage"),
        (200, b"<html>login</html>", "garbage"),
        (200, success("") + b" " * MAX_ANSWER_BYTES, "too_large"),
    ],
)
async def test_a_broken_server_is_unavailable_instead_of_refusing(
    server: Answering, status: int, body: bytes, reason: str
) -> None:
    server.on(P3, body, status)
    async with CasClient(server.base_url, SERVICE) as cas:
        with pytest.raises(CasUnavailable) as error:
            await cas.validate(TICKET)
    assert error.value.details == {"reason": reason}
    assert error.value.retry_after >= 1
    assert [path for path, _ in server.asked] == [P3]


async def test_a_refusal_sent_with_a_4xx_status_is_a_refusal(server: Answering) -> None:
    server.on(P3, answer('<cas:authenticationFailure code="INVALID_TICKET"/>'), 401)
    async with CasClient(server.base_url, SERVICE) as cas:
        with pytest.raises(TicketInvalid):
            await cas.validate(TICKET)


async def test_a_silent_or_absent_server_times_out(server: Answering) -> None:
    asked_event = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        # The headers arrive and the body never does.
        response = web.StreamResponse()
        await response.prepare(request)
        asked_event.set()
        await asyncio.Event().wait()
        return response

    server.handlers[P3] = silent
    async with CasClient(server.base_url, SERVICE, timeout_s=0.1) as cas:
        with pytest.raises(CasUnavailable) as late:
            await cas.validate(TICKET)
    assert asked_event.is_set()
    assert late.value.details == {"reason": "timeout"}

    # Port 9 of the loopback interface: nobody listens.
    async with CasClient("http://127.0.0.1:9", SERVICE) as cas:
        with pytest.raises(CasUnavailable) as absent:
            await cas.validate(TICKET)
    assert absent.value.details == {"reason": "connection"}
    assert TICKET not in repr(absent.value) and absent.value.__suppress_context__


@pytest.mark.parametrize(
    ("context", "second"),
    [("", False), ("mfa-gauth", True), ("mfa-webauthn", True), ("password", False)],
)
async def test_the_answer_reports_second_factor_and_unrequested_tickets(
    server: Answering, context: str, second: bool
) -> None:
    released = f"<cas:authnContextClass>{context}</cas:authnContextClass>" if context else ""
    released += "<cas:mail>a@b.cn</cas:mail>"
    server.on(P3, success(WRAPPED.format(released)))
    async with CasClient(server.base_url, SERVICE) as cas:
        provider, begun = CasProvider(cas, "mail"), Attempt.begin("cas", renew=True)
        user = await provider.authenticate({"ticket": TICKET, "s": begun.state}, begun)
        assert (user.second_factor, user.email, user.unasked) == (second, "a@b.cn", False)
        for attempt in (None, Attempt.begin("cas")):
            answer = {"ticket": TICKET, "s": begun.state}
            assert (await provider.authenticate(answer, attempt)).unasked
    assert [query.get("renew") for _, query in server.asked] == ["true", None, None]
