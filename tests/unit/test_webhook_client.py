"""Connections to webhook receivers that may be hostile: real servers on this machine, and lying
DNS."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from pytest_aiohttp import AiohttpServer

from models.webhooks.entities import MOST_ENDPOINTS, WebhookResult
from models.webhooks.rules import Network
from notify.webhooks.client import FORBIDDEN, LARGEST_ANSWER, AddressInfo, WebhookClient
from tests.certificates import make_certificate
from tests.stand_in import application

NOW = datetime(2026, 9, 7, tzinfo=UTC)
HERE: list[Network] = [ipaddress.ip_network("127.0.0.1/32")]
"""All that the operator allows; the rest of this machine is not."""
RECEIVER, TRAP = "127.0.0.1", "127.0.0.2"


class Dns:
    """Answers each question with the next list of addresses; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int) -> list[AddressInfo]:
        self.asked += 1
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port),
            )
            for address in addresses
        ]


class Servers:
    """A receiver, and a server at the same port of another address that must not be reached."""

    def __init__(self) -> None:
        self.received, self.trapped = list[dict[str, str]](), 0
        self.answer: Any = lambda _: web.Response(status=204)
        self.port = 0

    async def take(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            local = request.transport.get_extra_info("sockname")[0]
            if local == TRAP:
                self.trapped += 1
        self.received.append(dict(request.headers))
        made = self.answer(request)
        answered: web.StreamResponse = await made if asyncio.iscoroutine(made) else made
        return answered


@pytest.fixture
async def servers(aiohttp_server: AiohttpServer) -> Servers:
    """A receiver, and a server at the same port of another address."""
    both = Servers()
    for host in (RECEIVER, TRAP):
        server = await aiohttp_server(_app(both), host=host, port=both.port or None)
        both.port = server.port or 0
    return both


def _app(servers: Servers) -> web.Application:
    return application([web.post("/hook", servers.take), web.get("/hook", servers.take)])


async def post(client: WebhookClient, url: str) -> WebhookResult:
    return await client.post(url, b"{}", {"webhook-id": "evt_1"}, NOW)


async def test_a_rebound_host_name_is_refused_at_each_connection(servers: Servers) -> None:
    """Rebinding: each connection asks once, and goes to what was checked."""
    dns = Dns([RECEIVER], [TRAP])
    async with WebhookClient(HERE, dns) as client:
        url = f"http://rebinding.example:{servers.port}/hook"
        servers.answer = lambda _: web.Response(status=204, headers={"Connection": "close"})
        first = await post(client, url)
        assert (first.status, dns.asked) == (204, 1), "one look for the check and the connection"
        assert (await post(client, url)).error == FORBIDDEN
    assert (len(servers.received), servers.trapped) == (1, 0)


async def test_control_a_check_before_the_connection_is_bypassed_by_rebinding(
    servers: Servers,
) -> None:
    """``test_a_rebound_host_name_is_refused_at_each_connection`` would miss a connection that asks
    DNS again."""
    dns = Dns([RECEIVER], [TRAP])

    class Again(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            return [
                ResolveResult(hostname=host, host=a[0], port=port, family=f, proto=p, flags=0)
                for f, _, p, _, a in dns(host, port)
            ]

        async def close(self) -> None:
            return None

    checked = dns("rebinding.example", servers.port)
    assert checked[0][4][0] == RECEIVER
    connector = aiohttp.TCPConnector(resolver=Again(), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as naive:
        await naive.post(f"http://rebinding.example:{servers.port}/hook", data=b"{}")
    assert servers.trapped == 1


@pytest.mark.parametrize(
    "addresses",
    [[TRAP], ["127.0.0.1", TRAP], ["10.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:10.0.0.1"]],
)
async def test_a_name_with_one_private_address_is_refused(
    servers: Servers, addresses: list[str]
) -> None:
    async with WebhookClient(HERE, Dns(addresses)) as client:
        for scheme in ("http", "https"):
            result = await post(client, f"{scheme}://a.example:{servers.port}/hook")
            assert (result.status, result.error) == (None, FORBIDDEN)
    assert servers.received == []


@pytest.mark.parametrize("host", [TRAP, "[::1]", "[::ffff:127.0.0.2]", "0.0.0.0", "127.2"])
async def test_an_ip_address_in_the_url_is_checked(servers: Servers, host: str) -> None:
    """No DNS is asked for these. Short forms, which aiohttp does not accept, are refused."""
    async with WebhookClient(HERE) as client:
        result = await post(client, f"http://{host}:{servers.port}/hook")
        assert result.status is None
        assert result.error == ("broken" if host == "127.2" else FORBIDDEN)
    assert servers.received == []


async def test_plain_http_goes_to_allowed_networks_only(servers: Servers) -> None:
    async with WebhookClient(HERE, Dns(["93.184.216.34"])) as client:
        assert (await post(client, f"http://a.example:{servers.port}/hook")).error == FORBIDDEN
        assert (await post(client, "https://a.example:25/hook")).error == FORBIDDEN


async def test_a_redirect_is_not_followed(servers: Servers) -> None:
    there = f"http://{TRAP}:{servers.port}/hook"
    async with WebhookClient(HERE) as client:
        for status in (301, 302, 303, 307, 308):
            servers.answer = lambda _, status=status: web.Response(
                status=status, headers={"Location": there}
            )
            result = await post(client, f"http://{RECEIVER}:{servers.port}/hook")
            assert result.status == status and not result.delivered
    assert servers.trapped == 0


async def test_answers_are_read_within_bounds_and_cookies_ignored(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{TRAP}:{servers.port}")
    url = f"http://{RECEIVER}:{servers.port}/hook"
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while written < 512 * LARGEST_ANSWER:
                await response.write(b"x" * LARGEST_ANSWER)
                written += LARGEST_ANSWER
        except ConnectionError:
            pass
        return response

    async with WebhookClient(HERE, timeout_s=0.5) as client:
        servers.answer = lambda _: web.Response(status=200, headers={"Set-Cookie": "a=b"})
        await post(client, url)
        await post(client, url)
        assert all("Cookie" not in headers for headers in servers.received)
        assert servers.received[0]["webhook-id"] == "evt_1"
        servers.answer = endless
        assert (await post(client, url)).status == 200
        assert written < 256 * LARGEST_ANSWER, "it was left after a while"
        hangs = asyncio.Event()

        async def hanging(_: web.Request) -> web.Response:
            await hangs.wait()
            return web.Response()

        servers.answer = hanging
        assert (await post(client, url)).error == "timeout"
        hangs.set()
        servers.answer = lambda _: web.Response(status=204)
        async with WebhookClient(HERE, Dns([])) as lost:
            assert (await post(lost, "https://a.example/")).error == "name_not_found"
        closed = await post(client, f"http://{RECEIVER}:9/hook")
        assert closed.error == "no_connection"
    assert servers.trapped == 0, "no proxy of the environment"


async def test_a_hanging_dns_lookup_delays_no_other_delivery(servers: Servers) -> None:
    """More deliveries wait for it than there are DNS threads."""
    hangs, dns = threading.Event(), Dns([RECEIVER])
    lookups = 0

    def lookup(host: str, port: int) -> list[AddressInfo]:
        nonlocal lookups
        if host == "slow.example":
            lookups += 1
            hangs.wait(5)
        return dns(host, port)

    async with WebhookClient(HERE, lookup, timeout_s=0.5) as client:
        slow, quick = (f"http://{n}.example:{servers.port}/hook" for n in ("slow", "quick"))
        waiting = [asyncio.create_task(post(client, slow)) for _ in range(2 * MOST_ENDPOINTS)]
        await asyncio.sleep(0)
        assert (await post(client, quick)).status == 204
        results = await asyncio.gather(*waiting)
        assert {result.error for result in results} == {"timeout"} and lookups == 1
        hangs.set()


@pytest.fixture
def untrusted(tmp_path: Path) -> ssl.SSLContext:
    """A self-signed certificate."""
    files = make_certificate(tmp_path, "a.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    return context


async def test_tls_is_verified(aiohttp_server: AiohttpServer, untrusted: ssl.SSLContext) -> None:
    servers = Servers()
    server = await aiohttp_server(_app(servers), host=RECEIVER, ssl=untrusted)
    async with WebhookClient(HERE, Dns([RECEIVER])) as client:
        assert (await post(client, f"https://a.example:{server.port}/hook")).error == "tls"
    assert servers.received == []


async def test_endless_response_headers_are_cut_off() -> None:
    """Successive 1xx responses have no body; the connection ends nevertheless."""
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        try:
            while True:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 400)
                await writer.drain()
                sent += 10_000
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(flood, RECEIVER, 0)
    port = server.sockets[0].getsockname()[1]
    async with server, WebhookClient(HERE, timeout_s=5) as client:
        result = await post(client, f"http://{RECEIVER}:{port}/hook")
        assert (result.status, result.error) == (None, "broken")
    assert sent < 20_000_000, "and not when its time is over"


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 07 Sep 99999999999999999999 00:00:00 GMT",
        "Mon, 07 Sep 2026 00:00:00 +99999999999999",
        "soon",
        "-5",
        "1e9",
    ],
)
async def test_an_invalid_retry_after_is_ignored(servers: Servers, text: str) -> None:
    servers.answer = lambda _: web.Response(status=503, headers={"Retry-After": text})
    async with WebhookClient(HERE) as client:
        result = await post(client, f"http://{RECEIVER}:{servers.port}/hook")
        assert (result.status, result.retry_after_s) == (503, 0.0)


async def test_a_hanging_path_of_a_host_delays_no_other_path(servers: Servers) -> None:
    hang, all_there = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if len(servers.received) == 8:
            all_there.set()
        if "slow" in request.query:
            await hang.wait()
        return web.Response(status=204)

    servers.answer = answer
    url = f"HTTP://{RECEIVER}:{servers.port}/hook"
    async with WebhookClient(HERE) as client:
        slow = [asyncio.create_task(post(client, f"{url}?slow={n}")) for n in range(8)]
        await all_there.wait()
        assert (await post(client, url)).status == 204
        hang.set()
        assert [(await one).status for one in slow] == [204] * 8
