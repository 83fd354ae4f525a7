"""Unreadable requests are refused at every operation and change nothing."""

from __future__ import annotations

import asyncio
import json

from yarl import URL

from handlers.api_routes import ROUTES
from handlers.http.request_body import ANONYMOUS_BODY_BYTES, MAX_BODY_BYTES
from models.library.entities import KioskId
from tests.api.console import librarian
from tests.living import Client, Living
from tests.request_bodies import BODIES, UNREADABLE

UNSIGNED = {"/wx/login", "/kiosks/{id}/touch", "/kiosk-pairings/state"}
KEYS = ["", " ", "a b", "k" * 65, "\u00fc"]

QUERIES = {
    "/areas": ["date=2026-02-30", "start=14:00", "end=14:00", "start=now",
               "date=2026-09-08&start=now&end=15:00"],
    "/areas/2f-hall/map": ["date=x", "start=14:00"],
    "/seats/2f-hall-065": ["date=2026-02-30"],
    "/seats/2f-hall-065/times": ["start=%FF"],
    "/reservations": ["page=0"],
    "/violations": ["page=1&page=2"],
    "/messages": ["unread=2"],
}  # fmt: skip
"""What a shape refuses more: tests/unit/test_request_parsing."""


async def at_kiosk(service: Living) -> Client:
    """A client whose card has opened a kiosk session."""
    client = await service.reader()
    kiosk, now = KioskId("2f-south"), service.clock.now()
    client.token = (await service.sessions.open_kiosk(client.reader_id, kiosk, now)).token
    return client


async def callers(service: Living) -> dict[str, Client]:
    """A caller who may use the path, by path."""
    special = {
        "/wx/login": service.anonymous,
        "/kiosk-pairings/state": service.anonymous,
        "/bindings": await service.wx_user(),
        "/bindings/preview": await service.wx_user(),
        "/activation-codes": await service.web_reader(),
        "/kiosks/{id}/check-in": await at_kiosk(service),
    }
    desk = dict.fromkeys((p for p in BODIES if p.startswith("/staff/")), await librarian(service))
    return dict.fromkeys(BODIES, await service.reader()) | desk | special


async def a_reservation(reader: Client) -> str:
    return str((await reader.reserve(start="18:00", end="19:00"))["id"])


async def test_invalid_bodies_are_refused_at_every_operation(service: Living) -> None:
    """The refused values of each shape are in tests/unit/test_request_parsing."""
    who = await callers(service)
    id = await a_reservation(who["/reservations"])
    before = await service.books()
    for raw in UNREADABLE:
        await who["/reservations"].refused("400 malformed", "POST", "/reservations", raw)
    for template, valid in BODIES.items():
        caller, path = who[template], template.format(id=id)
        await caller.refused("400 malformed", "POST", path, b"{")
        no = await caller.refused("400 malformed", "POST", path, {**valid, "more": 1})
        assert no.details["field"] == "more", (path, no.details)
        limit = ANONYMOUS_BODY_BYTES if template in UNSIGNED else MAX_BODY_BYTES
        await caller.refused("413 too_large", "POST", path, b" " * (limit + 1))
    assert await service.books() == before


async def test_invalid_idempotency_keys_are_refused_at_every_operation(service: Living) -> None:
    who = await callers(service)
    reader = await service.reader()
    id = await a_reservation(reader)
    # The kiosk's needs the kiosk's key too: test_refusals_of_a_check_in_at_a_kiosk.
    paths = [r.path for r in ROUTES if r.idempotent and not r.path.startswith("/kiosks/")]
    assert len(paths) == 19
    for path in paths:
        for key in KEYS if path == "/reservations" else KEYS[:1]:
            no = await who.get(path, reader).refused(
                "400 malformed",
                "POST",
                path.format(id=id),
                BODIES.get(path),
                **{"Idempotency-Key": key},
            )
            assert no.details["field"] == "Idempotency-Key"


async def test_invalid_queries_are_refused_at_every_operation(service: Living) -> None:
    reader = await service.reader()
    for path, queries in QUERIES.items():
        for query in queries:
            await reader.refused("400 malformed", "GET", f"{path}?{query}")
        await reader.ok("GET", path)


async def test_headers_with_undecodable_bytes_are_answered_in_the_contracts_shape(
    service: Living,
) -> None:
    """No client library sends such bytes, so the test uses a socket."""
    me, kiosk = "/api/v1/me", "/api/v1/kiosks/2f-south/code"
    login, form = "/api/v1/wx/login", "Content-Type: application/x-www-form-urlencoded"
    for method, path, header, body, status in (
        ("GET", me, b"Authorization: Bearer \xff\xfe", b"", 401),
        ("GET", me, b"Authorization: \xff", b"", 401),
        ("GET", me, b"Authorization: Bearer", b"", 401),
        ("GET", me, b"Authorization: Basic eDp5", b"", 401),
        ("GET", me, b"Cookie: seat_sid=\xff", b"", 401),
        ("GET", me, b"Cookie: \xff", b"", 401),
        ("GET", me, b"X-Request-Id: \xff", b"", 401),
        ("GET", kiosk, b"X-Kiosk-Key: \xff", b"", 401),
        ("GET", kiosk, b"X-Kiosk-Key:", b"", 401),
        ("POST", login, b"Content-Encoding: gzip", b"{}", 415),
        ("GET", me, b"Content-Encoding: identity", b"", 415),
        ("POST", "/login/cas", f"{form}; charset=none".encode(), b"logoutRequest=%ff", 415),
        ("POST", "/login/cas", f"{form}; charset=punycode".encode(), b"x" * 16_000, 415),
        ("POST", "/login/cas", f"{form}; charset=UTF-8".encode(), b"logoutRequest=x", 400),
        ("POST", "/login/cas", form.encode(), b"a&" * 8_000, 400),
        ("POST", "/login/cas", form.encode(), b"a" * 16_385, 413),
        ("POST", "/login/cas", form.encode(), b"\xff=1", 400),
        ("POST", "/login/cas", form.encode(), b"logoutRequest=%ff", 400),
        ("POST", "/login/cas", form.encode(), b"", 400),
        ("POST", "/login/cas", b"Content-Type: text/plain", b"x", 415),
        ("POST", "/login/cas", b"Content-Type: multipart/form-data; boundary=b", b"x", 415),
    ):
        answer = await on_a_socket(service, method, path, header, body)
        head, _, text = answer.partition(b"\r\n\r\n")
        place = (method, path, header, answer)
        assert head.startswith(f"HTTP/1.1 {status} ".encode()), place
        assert b"X-Request-Id: " in head and b"X-Server-Time: " in head, place
        assert json.loads(text)["error"]["code"], place


async def on_a_socket(service: Living, method: str, path: str, header: bytes, body: bytes) -> bytes:
    """The whole response to one raw request."""
    url = URL(service.base)
    incoming, outgoing = await asyncio.open_connection(url.host, url.port)
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    outgoing.write(
        head.encode() + header + f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    answer = await incoming.read()
    outgoing.close()
    await outgoing.wait_closed()
    return answer
