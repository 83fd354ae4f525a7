"""Unfinished and unreadable requests delay no other request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from handlers.http.keys import LOAD_SHEDDER
from handlers.http.load_shedding import SIGN_IN_SLOTS, SLOTS
from models.identity.roles import Role
from tests.api.console import staff
from tests.api.sockets import Connection, connection
from tests.living import Client, Living
from tests.waiting import until

SIGN_IN = b"POST /api/v1/wx/login HTTP/1.1\r\n"
HALF_SENT = (
    SIGN_IN,
    b"POST /api/v1/gate/events HTTP/1.1\r\nX-Gate-Id: g\r\n",
    b"POST /api/v1/kiosks/2f-south/touch HTTP/1.1\r\n",
    b"POST /login/cas HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
    b"POST /wechat/mini/callback?x HTTP/1.1\r\n",
    b"POST /reservations/x/cancel HTTP/1.1\r\nCookie: seat_sid=%(token)s\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n",
    b"POST /api/v1/reservations HTTP/1.1\r\nAuthorization: Bearer %(token)s\r\n",
    b"POST /console/plans/2f-hall HTTP/1.1\r\nCookie: seat_sid=%(token)s\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n",
)


@asynccontextmanager
async def half_sent(service: Living, head: bytes) -> AsyncIterator[Connection]:
    """Opens a request whose body is unfinished; the service answers 100 when its handler waits for
    it."""
    async with connection(service) as (incoming, outgoing):
        length = b"Host: x\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n{"
        outgoing.write(head + length)
        assert await incoming.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield incoming, outgoing


async def books_with_one_place_left(service: Living, reader: Client) -> None:
    """Books while one place in the queue is left: any unfinished request that held a place would
    block the booking."""
    door = service.app[LOAD_SHEDDER].door
    assert door.inside == 0
    for _ in range(SLOTS - 1):
        await door.acquire()
    await reader.reserve()
    assert (door.inside, door.waiting) == (SLOTS - 1, 0)
    for _ in range(SLOTS - 1):
        door.release()


async def test_requests_with_unfinished_bodies_take_no_place_in_the_queue(service: Living) -> None:
    reader, web = await service.reader(), await service.web_reader()
    async with AsyncExitStack() as held:
        for head in HALF_SENT * 3:
            await held.enter_async_context(
                half_sent(service, head % {b"token": web.token.encode()})
            )
        await books_with_one_place_left(service, reader)


async def test_a_body_that_does_not_arrive_is_answered_408(service: Living) -> None:
    web = await service.web_reader()
    before = await service.books()
    service.app[LOAD_SHEDDER].body_deadline_s = 0.1
    async with AsyncExitStack() as held:
        sent = [half_sent(service, head % {b"token": web.token.encode()}) for head in HALF_SENT]
        waiting = [await held.enter_async_context(one) for one in sent]
        for head, (incoming, _) in zip(HALF_SENT, waiting, strict=True):
            answer = await incoming.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 408 "), (head, answer)
            assert b"Connection: close" in answer, (head, answer)
    assert await service.books() == before


@pytest.mark.whole
async def test_sign_ins_waiting_for_wechat_do_not_block_other_requests(service: Living) -> None:
    reader, stranger = await service.reader(), service.stranger()
    line = service.app[LOAD_SHEDDER].wechat_sign_ins
    modes = {"jscode2session": {"hang_seconds": 30}}
    await stranger.ok("POST", "//sandbox/wechat/_mode", modes)

    async def all_its_places_are_taken() -> bool:
        return line.waiting > 0

    async with AsyncExitStack() as held:
        for number in range(SIGN_IN_SLOTS + 10):
            body = b'{"code":"demo-many-%d"}' % number
            _, outgoing = await held.enter_async_context(connection(service))
            length = b"Host: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            outgoing.write(SIGN_IN + length + body)
        await until(all_its_places_are_taken, "sign-ins stand in line")
        await books_with_one_place_left(service, reader)
        assert line.inside == SIGN_IN_SLOTS
        assert (await service.anonymous.get("//login")).status == 302, "the other way in is open"
        wechat = service.resources.mini_program
        assert wechat is not None
        await wechat.__aexit__()  # what waits for it ends, and keeps the service from nothing


async def test_a_form_is_urlencoded_text_in_utf_8(service: Living) -> None:
    web = await service.web_reader()
    cookie = {"Cookie": f"seat_sid={web.token}", "Origin": service.base}
    web.token = ""
    form, before = "application/x-www-form-urlencoded", await service.books()
    for kind, body, status in (
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n" * 5000, 415),
        (f"{form}; charset=punycode", b"x=" + b"a" * 60_000, 415),
        (f"{form}; charset=utf-7", b"x=1", 415),
        ("text/plain", b"x=1", 415),
        (form, b"x=%ff", 400),
        (form, b"&a" * 30_000, 400),
        (form, b"x" * 70_000, 413),
        (form, b"text=x", 403),
    ):
        answer = await web.call("POST", "//contact", body, **cookie, **{"Content-Type": kind})
        assert (answer.status, await service.books()) == (status, before), (kind, body[:20])


async def test_unreadable_multipart_forms_are_refused_as_malformed(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    headers = head.cookie | {"Origin": service.base}
    headers["Content-Type"] = "multipart/form-data; boundary=b"
    name = b'Content-Disposition: form-data; name="plan"'
    before = await service.books()
    for part in (
        b"no header at all\r\n\r\nx",
        name + b"\r\nX Y: z\r\n\r\nx",
        name + b"\r\nX: " + b"y" * 10_000 + b"\r\n\r\nx",
        name + b"\r\nX: y" * 1_000 + b"\r\n\r\nx",
        name.replace(b"plan", b"_charset_") + b"\r\n\r\n" + b"x" * 40,
        name + b"\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c--",
    ):
        body = b"--b\r\n" + part + b"\r\n--b--\r\n"
        answer = await head.client.call("POST", "//console/plans/2f-hall", body, **headers)
        assert (answer.status, await service.books()) == (400, before), part[:80]
