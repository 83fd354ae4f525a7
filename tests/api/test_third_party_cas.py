"""Our CAS client against a server that others wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bind.providers.cas_client import CasClient
from bind.providers.cas_xml import CasUser, TicketRefused, parse_logout
from tests.waiting import patience

if TYPE_CHECKING:
    from tests.api.third_party_cas import ThirdPartyCas

pytest_plugins = ["tests.api.third_party_cas"]


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
async def logouts() -> asyncio.Queue[str]:
    return asyncio.Queue()


@pytest.fixture
async def service_url(logouts: asyncio.Queue[str]) -> AsyncIterator[str]:
    """A service that listens, and keeps the single-logout messages posted to it."""

    async def take(request: web.Request) -> web.Response:
        await logouts.put(str((await request.post())["logoutRequest"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/auth/cas", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/auth/cas"))


async def test_a_ticket_names_the_reader_once_and_only_to_its_service(
    third_party_cas: ThirdPartyCas, browser: aiohttp.ClientSession, service_url: str
) -> None:
    async with CasClient(third_party_cas.base_url, service_url) as cas:
        ticket = await third_party_cas.login(browser, service_url)
        assert await cas.validate(ticket) == CasUser(
            user=third_party_cas.username,
            attributes={
                "cn": ("雨桐 王",),
                "userType": ("student",),
                "ou": ("信息学部", "计算机学院 <A&B>"),
            },
            name="雨桐 王",
            kind="student",
        )
        with pytest.raises(TicketRefused) as again:
            await cas.validate(ticket)
        assert again.value.details == {"cas_code": "INVALID_TICKET"}

        with pytest.raises(TicketRefused) as invented:
            await cas.validate("ST-1792627200-" + "a" * 32)
        assert invented.value.details == {"cas_code": "INVALID_TICKET"}

        for_another = await third_party_cas.login(browser, service_url + "/other")
        with pytest.raises(TicketRefused) as stolen:
            await cas.validate(for_another)
        assert stolen.value.details == {"cas_code": "INVALID_SERVICE"}

        # The browser is signed in, so the password was not typed for this one.
        without_password = await third_party_cas.login(browser, service_url)
        with pytest.raises(TicketRefused):
            await cas.validate(without_password, renew=True)


async def test_groups_come_with_the_librarian(
    third_party_cas: ThirdPartyCas, browser: aiohttp.ClientSession, service_url: str
) -> None:
    async with CasClient(third_party_cas.base_url, service_url) as cas:
        user = await cas.validate(await third_party_cas.login(browser, service_url, "librarian"))
    assert (user.user, user.kind, user.groups) == ("librarian", "staff", ("library-admin",))


async def test_its_pages_understand_our_urls(
    third_party_cas: ThirdPartyCas, browser: aiohttp.ClientSession, service_url: str
) -> None:
    async with CasClient(third_party_cas.base_url, service_url) as cas:
        async with browser.get(cas.login_url(gateway=True), allow_redirects=False) as unknown:
            assert (unknown.status, unknown.headers["Location"]) == (302, service_url)
        await third_party_cas.login(browser, service_url)
        async with browser.get(cas.login_url(gateway=True), allow_redirects=False) as known:
            assert known.headers["Location"].startswith(f"{service_url}?ticket=ST-")
        async with browser.get(cas.login_url(renew=True), allow_redirects=False) as form:
            assert form.status == 200


async def test_signing_out_there_tells_the_service_which_ticket(
    third_party_cas: ThirdPartyCas,
    browser: aiohttp.ClientSession,
    service_url: str,
    logouts: asyncio.Queue[str],
) -> None:
    async with CasClient(third_party_cas.base_url, service_url) as cas:
        ticket = await third_party_cas.login(browser, service_url)
        await cas.validate(ticket)
        home = service_url + "/bye"
        async with browser.get(cas.logout_url(home), allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, home)
    message = await asyncio.wait_for(logouts.get(), patience(5))
    assert parse_logout(message) == ticket
