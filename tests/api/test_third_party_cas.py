"""Our CAS client against a foreign server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

import aiohttp
import pytest

from bind.providers.cas_client import CasClient
from bind.providers.cas_xml import CasUser, TicketInvalid

if TYPE_CHECKING:
    from tests.api.third_party_cas import ThirdPartyCas

pytest_plugins = ["tests.api.third_party_cas"]
SERVICE: Final = "http://127.0.0.1:9/auth/cas"
"""Nothing listens there: only its address is used."""


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def test_a_ticket_validates_once_for_its_own_service(
    third_party_cas: ThirdPartyCas, browser: aiohttp.ClientSession
) -> None:
    async with CasClient(third_party_cas.base_url, SERVICE) as cas:
        ticket = await third_party_cas.login(browser, SERVICE)
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
        with pytest.raises(TicketInvalid) as again:
            await cas.validate(ticket)
        assert again.value.details == {"cas_code": "INVALID_TICKET"}

        with pytest.raises(TicketInvalid) as invented:
            await cas.validate("ST-1792627200-" + "a" * 32)
        assert invented.value.details == {"cas_code": "INVALID_TICKET"}

        for_another = await third_party_cas.login(browser, SERVICE + "/other")
        with pytest.raises(TicketInvalid) as stolen:
            await cas.validate(for_another)
        assert stolen.value.details == {"cas_code": "INVALID_SERVICE"}

        # The browser is signed in, so the password was not typed for this one.
        without_password = await third_party_cas.login(browser, SERVICE)
        with pytest.raises(TicketInvalid):
            await cas.validate(without_password, renew=True)
        browser.cookie_jar.clear()
        user = await cas.validate(await third_party_cas.login(browser, SERVICE, "librarian"))
        assert (user.user, user.kind, user.groups) == ("librarian", "staff", ("library-admin",))


async def test_the_servers_login_and_logout_accept_our_urls(
    third_party_cas: ThirdPartyCas, browser: aiohttp.ClientSession
) -> None:
    async with CasClient(third_party_cas.base_url, SERVICE) as cas:
        async with browser.get(cas.login_url(gateway=True), allow_redirects=False) as unknown:
            assert (unknown.status, unknown.headers["Location"]) == (302, SERVICE)
        await third_party_cas.login(browser, SERVICE)
        async with browser.get(cas.login_url(gateway=True), allow_redirects=False) as response:
            assert response.headers["Location"].startswith(f"{SERVICE}?ticket=ST-")
        async with browser.get(cas.login_url(renew=True), allow_redirects=False) as form:
            assert form.status == 200
