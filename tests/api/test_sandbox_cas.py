"""The stand-in CAS server over HTTP on a real MongoDB, with a browser and our client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bind.providers.cas_client import CasClient
from bind.providers.cas_xml import TicketInvalid, parse_logout
from miniapp_server.sandbox.cas import LIBRARIAN, SIGN_ON_LASTS, TICKET_LASTS, CasState, cas_routes
from miniapp_server.sandbox.cas_repository import GrantedTicket, SandboxCas
from models.storage.mongo import Database, open_database


@dataclass
class World:
    """The stand-in, a service that receives logouts, and a browser."""

    browser: aiohttp.ClientSession
    cas: CasClient
    store: SandboxCas
    database: Database
    base_url: str = ""
    service_root: str = ""
    now: datetime = datetime(2026, 9, 1, tzinfo=UTC)
    logouts: list[str] = field(default_factory=list)

    async def sign_in(self, account: str = "21070001", password: str = "demo", **more: str) -> str:
        """Posts the sign-in form for our service. Returns the redirect's target, "" without one."""
        form = {"service": self.cas.service_url, "username": account, "password": password, **more}
        async with self.browser.post(
            f"{self.base_url}/login", data=form, allow_redirects=False
        ) as answer:
            assert answer.status in (200, 303, 401), answer.status
            return answer.headers.get("Location", "")

    async def get(self, url: str) -> tuple[int, str, str]:
        """Status, target of the redirect, text."""
        async with self.browser.get(url, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", ""), await answer.text()


def ticket_in(location: str) -> str:
    (ticket,) = parse_qs(urlsplit(location).query)["ticket"]
    return ticket


@pytest.fixture
async def world(mongo_url: str) -> AsyncIterator[World]:
    """Tests share the database: dropping one takes longer than most of them."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(mongo_url, "sandbox_cas"))

        async def take(incoming: web.Request) -> web.Response:
            made.logouts.append(str((await incoming.post())["logoutRequest"]))
            return web.Response()

        listening = web.Application()
        listening.router.add_post("/auth/cas", take)
        service = await stack.enter_async_context(TestServer(listening))
        store = SandboxCas(database)
        state = CasState(store, lambda: made.now, (str(service.make_url("")).rstrip("/"),))
        app = web.Application()
        app.add_routes(cas_routes(state))
        server = await stack.enter_async_context(TestServer(app))

        base_url = str(server.make_url("/sandbox/cas"))
        service_url = str(service.make_url("/auth/cas?from=web&x=1"))
        made = World(
            browser=await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
            ),
            cas=await stack.enter_async_context(CasClient(base_url, service_url)),
            store=store,
            database=database,
            base_url=base_url,
            service_root=str(service.make_url("")).rstrip("/"),
        )
        yield made
        for collection in await database.list_collection_names():
            assert collection.startswith("sandbox_cas_")
            await database[collection].delete_many({})


async def test_a_demo_account_signs_in_and_validates_with_its_attributes(world: World) -> None:
    rows: list[tuple[str, str, tuple[str, ...]]] = [
        ("210700", "student", ()),
        ("210700010203", "student", ()),
        ("S202100012", "graduate", ()),
        (LIBRARIAN, "staff", ("library-admin",)),
    ]
    for account, kind, groups in rows:
        location = await world.sign_in(f" {account} ")
        assert location.startswith(f"{world.cas.service_url}&ticket=ST-")
        user = await world.cas.validate(ticket_in(location), renew=True)
        assert (user.user, user.kind, user.groups) == (account, kind, groups), account
        assert re.fullmatch("[\u4e00-\u9fff]{3}", user.name)
        assert len(user.attributes["ou"]) == 2
        # The same account is the same person each time.
        assert await world.cas.validate(ticket_in(await world.sign_in(account))) == user


async def test_a_refused_sign_in_shows_the_reason_and_sets_no_cookie(world: World) -> None:
    rows: list[tuple[str, str, str]] = [
        ("21070001", "wrong", "密码不正确"),
        ("", "demo", "请输入账号和密码"),
        ("21070001", "", "请输入账号和密码"),
        ("12345", "demo", "没有这个演示账号"),
        ("1234567890123", "demo", "没有这个演示账号"),
        ("\uff11\uff12\uff13\uff14\uff15\uff16", "demo", "没有这个演示账号"),
        ("s202100012", "demo", "请用大写"),
        ('"><script>alert(1)</script>', "demo", "没有这个演示账号"),
    ]
    for account, password, says in rows:
        form = {"service": world.cas.service_url, "username": account, "password": password}
        async with world.browser.post(f"{world.base_url}/login", data=form) as answer:
            page = await answer.text()
            assert (answer.status, "Set-Cookie" in answer.headers) == (401, False), account
        assert says in page, account
        assert "<script" not in page


async def test_the_form_escapes_the_service_and_declares_itself_a_stand_in(
    world: World,
) -> None:
    async with world.browser.get(
        f"{world.base_url}/login", params={"service": f'{world.service_root}/"><b>'}
    ) as answer:
        page = await answer.text()
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert (
            "default-src 'none'" in policy and "img-src 'self'" in policy
        )  # browsers want an icon
    assert f'value="{world.service_root}/&#34;&gt;&lt;b&gt;"' in page
    for words in ("账号", "密码", "演示", "demo", "大写", "校园门户", "无线网"):
        assert words in page
    assert (await world.get(f"{world.base_url}/style.css"))[0] == 200


async def test_the_cookie_is_limited_to_the_stand_ins_path(world: World) -> None:
    await world.sign_in()
    (cookie,) = world.browser.cookie_jar
    assert (cookie.key, cookie["path"], cookie["httponly"], cookie["samesite"]) == (
        "TGC",
        "/sandbox/cas",
        True,
        "Lax",
    )
    assert cookie["max-age"] == ""


async def test_a_signed_in_browser_gets_tickets_by_redirect(world: World) -> None:
    login, gateway = world.cas.login_url(), world.cas.login_url(gateway=True)
    renew = world.cas.login_url(renew=True)
    assert (await world.get(login))[0] == 200
    assert (await world.get(gateway))[:2] == (303, world.cas.service_url)

    await world.sign_in()
    for url in (login, gateway):
        status, location, _ = await world.get(url)
        assert status == 303
        ticket = ticket_in(location)
        # No password was typed for it.
        with pytest.raises(TicketInvalid):
            await world.cas.validate(ticket, renew=True)
    assert (await world.cas.validate(ticket_in((await world.get(login))[1]))).user == "21070001"
    status, _, page = await world.get(renew)
    assert (status, 'type="password"' in page) == (200, True)
    status, _, page = await world.get(f"{world.base_url}/login")
    assert (status, "您已登录" in page) == (200, True)

    world.now += SIGN_ON_LASTS
    assert (await world.get(login))[0] == 200


async def refused_as(world: World, ticket: str) -> object:
    with pytest.raises(TicketInvalid) as error:
        await world.cas.validate(ticket)
    return error.value.details["cas_code"]


async def test_a_ticket_is_valid_once_for_its_service_for_a_minute(world: World) -> None:
    assert await refused_as(world, "ST-invented") == "INVALID_TICKET"

    used = ticket_in(await world.sign_in())
    answers = await asyncio.gather(
        *(world.cas.validate(used) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(answer, TicketInvalid) for answer in answers) == 9

    late = ticket_in(await world.sign_in())
    world.now += TICKET_LASTS
    assert await refused_as(world, late) == "INVALID_TICKET"

    other = ticket_in(await world.sign_in(service=f"{world.service_root}/other"))
    assert await refused_as(world, other) == "INVALID_SERVICE"
    # Shown to the wrong service it is used up.
    assert await refused_as(world, other) == "INVALID_TICKET"

    of_nobody = ticket_in(await world.sign_in())
    await world.store.reset()
    assert await refused_as(world, of_nobody) == "INVALID_TICKET"

    _, _, text = await world.get(f"{world.base_url}/p3/serviceValidate?ticket=ST-1")
    assert 'code="INVALID_REQUEST"' in text


async def test_a_ticket_granted_while_its_sign_on_ends_is_invalid(world: World) -> None:
    until = world.now + TICKET_LASTS
    await world.store.open_sign_on("TGT-1", "21070001", until)
    assert await world.store.close_sign_on("TGT-1") == []
    ticket = GrantedTicket("ST-1", "21070001", world.cas.service_url, primary=True)
    await world.store.grant(ticket, "TGT-1", until)
    assert await refused_as(world, "ST-1") == "INVALID_TICKET"


async def test_cas_2_0_returns_the_account_without_attributes(world: World) -> None:
    query = {"service": world.cas.service_url, "ticket": ticket_in(await world.sign_in())}
    async with world.browser.get(f"{world.base_url}/serviceValidate", params=query) as answer:
        text = await answer.text()
    assert "<cas:user>21070001</cas:user>" in text
    assert "attributes" not in text


@pytest.mark.parametrize(
    "service",
    [
        "{root}.evil.example/",
        "{root}@evil.example/",
        "{root}1/",
        "javascript:alert(1)",
        "{root}/\r\nX: y",
    ],
)
async def test_only_registered_services_get_tickets_or_redirects(
    world: World, service: str
) -> None:
    await world.sign_in()
    query = {"service": service.format(root=world.service_root)}
    for path, status in (("login", 403), ("login?gateway=true", 403), ("logout", 200)):
        async with world.browser.get(
            f"{world.base_url}/{path}", params=query, allow_redirects=False
        ) as answer:
            assert (answer.status, "Location" in answer.headers) == (status, False), path
    form = {**query, "username": "21070001", "password": "demo"}
    async with world.browser.post(
        f"{world.base_url}/login", data=form, allow_redirects=False
    ) as posted:
        assert (posted.status, "Set-Cookie" in posted.headers) == (403, False)


async def test_signing_out_invalidates_tickets_and_notifies_the_services(world: World) -> None:
    first = ticket_in(await world.sign_in())
    await world.cas.validate(first)
    unused = ticket_in((await world.get(world.cas.login_url()))[1])
    # This one has no listener; it must not keep the others from hearing.
    await world.get(f"{world.base_url}/login?service={world.service_root}/deaf")

    home = f"{world.service_root}/"
    assert (await world.get(world.cas.logout_url(home)))[:2] == (303, home)
    assert {parse_logout(message) for message in world.logouts} == {first, unused}
    assert await refused_as(world, unused) == "INVALID_TICKET"
    assert (await world.get(world.cas.login_url()))[0] == 200
    status, _, page = await world.get(world.cas.logout_url())
    assert (status, "已退出" in page, len(world.logouts)) == (200, True, 2)


async def test_a_second_reader_signing_in_at_a_browser_ends_the_first_session(
    world: World,
) -> None:
    first = ticket_in(await world.sign_in("21070001"))
    again = ticket_in(await world.sign_in("21070001"))
    assert world.logouts == []
    second = ticket_in(await world.sign_in("21070002"))
    assert {parse_logout(message) for message in world.logouts} == {first, again}
    assert (await world.cas.validate(second)).user == "21070002"


async def test_expired_sign_ons_are_deleted_at_a_later_sign_in(world: World) -> None:
    remembered = ticket_in(await world.sign_in(rememberMe="true"))
    (cookie,) = world.browser.cookie_jar
    assert int(cookie["max-age"]) == timedelta(days=14).total_seconds()
    world.browser.cookie_jar.clear()
    ended = ticket_in(await world.sign_in("21070002"))
    world.browser.cookie_jar.clear()

    world.now += SIGN_ON_LASTS
    remaining = ticket_in(await world.sign_in("21070003"))
    left = {ticket["_id"] async for ticket in world.database["sandbox_cas_tickets"].find({})}
    assert left == {remembered, remaining}
    assert ended not in left
