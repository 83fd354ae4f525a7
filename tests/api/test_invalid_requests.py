"""What cannot be read is refused as such, at every operation, and changes nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from yarl import URL

from handlers.api_routes import ROUTES
from handlers.http.request_body import ANONYMOUS_BODY_BYTES
from models.library.entities import KioskId
from tests.api.console import librarian
from tests.living import SEAT, Client, Living

BODIES: dict[str, dict[str, Any]] = {
    "/wx/login": {"code": "demo-zhang-1"},
    "/kiosk-pairings/state": {"secret": "x"},
    "/bindings": {"activation_code": "123456"},
    "/bindings/preview": {"activation_code": "x" * 22},
    "/activation-codes": {"renew": True},
    "/subscriptions": {"results": {"LEAVE": "accept"}},
    "/messages/read": {"ids": ["1"]},
    "/reservations": {"seat_id": SEAT, "date": "2026-09-07", "start": "14:00", "end": "16:00"},
    "/reservations/{id}/change": {"seat_id": SEAT, "start": "14:00", "end": "16:00"},
    "/reservations/{id}/check-in": {"qr": "x"},
    "/reservations/{id}/return": {"qr": "x"},
    "/reservations/{id}/extend": {"end": "17:00"},
    "/reservations/{id}/shorten": {"end": "15:00"},
    "/seats/{id}/faults": {"kind": "other", "text": "x"},
    "/reservations/{id}/report": {"kind": "occupied"},
    "/waitlist": {
        "area_id": "2f-hall",
        "date": "2026-09-07",
        "start": "14:00",
        "end": "16:00",
        "seats": [SEAT],
        "window": False,
        "power": False,
    },
    "/favourites": {"seat_id": SEAT},
    "/email-address": {"address": "a@example.edu"},
    "/email-address/confirm": {"code": "000000"},
    "/email-address/kinds": {"kinds": {"ENDED": True}},
    "/kiosks/{id}/touch": {"card": "00123456"},
    "/kiosks/{id}/check-in": {"reservation_id": "x"},
    "/violations/{id}/appeal": {"text": "x"},
    "/staff/appeals/{id}": {"granted": True, "answer": "x"},
    "/staff/violations/{id}/waive": {"reason": "x"},
    "/staff/reservations": {
        "student_no": "21070001",
        "seat_id": SEAT,
        "date": "2026-09-07",
        "start": "14:00",
        "end": "16:00",
        "reason": "x",
    },
    "/staff/reservations/{id}/check-in": {"reason": "x"},
    "/staff/reservations/{id}/leave": {"reason": "x"},
    "/staff/reservations/{id}/finish": {"reason": "x"},
    "/staff/reservations/{id}/cancel": {"reason": "x"},
    "/staff/violations/waive": {
        "from": "2026-09-07T00:00:00+08:00",
        "to": "2026-09-08T00:00:00+08:00",
        "reason": "x",
    },
}
UNSIGNED = {"/wx/login", "/kiosks/{id}/touch", "/kiosk-pairings/state"}
OPTIONAL = {
    "/activation-codes": {"renew"},
    "/reservations/{id}/change": {"seat_id", "start", "end"},
    "/waitlist": {"seats", "window", "power"},
}

UNREADABLE = [
    b"{",
    b"nothing",
    b'{"a":1,}',
    b"{'a': 1}",
    b"\xff\xfe",
    b'{"code":"\xff"}',
    '{"code":"x"}'.encode("utf-16"),
    b'{"code":"\\ud800"}',
    b'{"code":"\\udc00\\ud800"}',
    b'{"code":NaN}',
    b"[" * 60_000,
    b'{"code":' * 7_000,
    b'{"code":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b"[]",
    b"null",
    b"true",
    b"1e999",
    b'"text"',
    b'{"no_such_field":1}',
]

# Values of one field that are wrong, whatever the operation does with it.
WRONG: dict[str, list[object]] = {
    "secret": ["", "x" * 101, 1, None, ["x"]],
    "code": ["", "x" * 129, 1, None, ["x"], {}],
    "activation_code": ["", "12345", "1234567", "12345a", "\uff11" * 6, "123456\n", "x" * 21 + "\n",
                        "x" * 23, 123456, None],
    "renew": ["true", 1, None, []],
    "address": ["", "a@", "x" * 255, 1, None, ["a@b.cn"]],
    "kinds": [None, [], {}, "ENDED", {"ENDED": 1}, {"E" * 41: True}, {"NONE": True},
              {str(n): True for n in range(21)}],
    "results": [None, [], "x", {"LEAVE": 1}, {"L" * 41: "accept"}, {"LEAVE": "a" * 41}],
    "ids": [None, "1", {}, [1], [None], [""], ["x" * 65], ["1"] * 101],
    "student_no": ["", "x" * 33, 1, None, ["x"]],
    "seat_id": ["", "x" * 65, 1, True, ["a"], {"$gt": ""}],
    "date": ["", "2026-02-30", "2026-13-01", "26-09-07", "2026-9-7", "20260907", "2026-09-07 ",
             "2026-09-07T00:00:00", "2026-09-07T00:00:00+08:00", "10000-01-01", "0000-01-01",
             20260907, None, "\uff12026-09-07", "today"],
    "start": ["", "9:00", "24:00", "14:60", "14:00:00", "14:00Z", "14:00+08:00", "now ", "NOW",
              "14:00\n", "\uff11\uff14:00", 14, 1400, True, ["14:00"]],
    "end": ["", "now", "24:00", "25:00", "14:00:00", "16:00\n", "-1:00", 16, ["16:00"]],
    "qr": ["", "x" * 513, 1, None, ["x"]],
    "area_id": ["", "x" * 65, 1, None, ["a"]],
    "seats": [None, "x", [1], [""], ["x"] * 21, {}],
    "window": ["true", 1, None],
    "power": ["true", 1, None],
    "card": ["", "123", "x" * 33, "a b c d", 1, None, ["x"]],
    "reservation_id": ["", "x" * 65, 1, None, ["x"]],
    "kind": ["", "noisy", 1, None, ["occupied"]],
    "text": ["", " \n", "x" * 1001, 1, None, ["x"]],
    "answer": ["", " \n", "x" * 1001, 1, None, ["x"]],
    "reason": ["", " \n", "x" * 1001, 1, None, ["x"]],
    "granted": ["true", 1, None, []],
    "from": ["", "2026-09-07", "2026-09-07T00:00:00", 1, None, "2026-13-07T00:00:00+08:00"],
    "to": ["", "2026-09-08", "2026-09-08T00:00:00", 1, None],
}  # fmt: skip
KEYS = ["", " ", "a b", "k" * 65, "\u00fc"]

QUERIES = {
    "/areas": ["date=2026-02-30", "date=", "date=0000-01-01", "start=9:00&end=10:00", "start=14:00",
               "end=14:00", "start=now", "date=2026-09-08&start=now&end=15:00",
               "venue=", "page=1", "date=2026-09-07&date=2026-09-07", "venue=a&venue=b",
               "date=%ff", "date=%00", "date=2026-09-07T00:00:00%2B08:00"],
    "/areas/2f-hall/map": ["date=x", "start=14:00", "venue=library", "date=x&date=y"],
    "/seats/2f-hall-065": ["date=2026-02-30", "start=14:00"],
    "/seats/2f-hall-065/times": ["start=24:00", "start=%FF", "date=1", "end=15:00"],
    "/reservations": ["page=0", "page=-1", "page=10001", "page=1.5", "page=x", "page=",
                      "page_size=0", "page_size=101", "page_size=99999999999999999999999",
                      "state=", "state=nowhere", "state=reserved&state=away", "date=2026-09-07"],
    "/violations": ["page=0", "state=reserved", "page=1&page=2"],
    "/messages": ["unread=2", "unread=yes", "unread=", "page=0", "page_size=101"],
}  # fmt: skip


async def at_kiosk(service: Living) -> Client:
    """Somebody whose card has opened a kiosk."""
    client = await service.reader()
    kiosk, now = KioskId("2f-south"), service.clock.now()
    client.token = (await service.sessions.open_kiosk(client.reader_id, kiosk, now)).token
    return client


async def callers(service: Living) -> dict[str, Client]:
    """Somebody who may call the path, by path."""
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


async def test_bodies(service: Living) -> None:
    # A machine's body is signed, and looked at after that (test_gates).
    assert {
        r.path for r in ROUTES if r.body is not None and r.verify_before_parsing is None
    } == set(BODIES)
    who = await callers(service)
    id = await a_reservation(who["/reservations"])
    for template, valid in BODIES.items():
        caller, path = who[template], template.format(id=id)
        optional = OPTIONAL.get(template, set())
        for raw in UNREADABLE + ([] if template == "/activation-codes" else [b"", b" \n"]):
            large = template in UNSIGNED and len(raw) > ANONYMOUS_BODY_BYTES
            wanted = "413 too_large" if large else "400 malformed"
            await caller.refused(wanted, "POST", path, raw)
        for name in valid.keys() - optional:
            body = {key: value for key, value in valid.items() if key != name}
            no = await caller.refused("400 malformed", "POST", path, body)
            assert no.details["field"] == name, (path, no.details)
        no = await caller.refused("400 malformed", "POST", path, {**valid, "more": 1})
        assert no.details["field"] == "more", (path, no.details)
        for name in valid:
            for value in WRONG[name]:
                no = await caller.refused("400 malformed", "POST", path, {**valid, name: value})
                assert no.details["field"].startswith(name), (path, value, no.details)
                assert no.details["reason"], (path, value)
        big = json.dumps({**valid, "more": "x" * 70_000}).encode()
        await caller.refused("413 too_large", "POST", path, big)


async def test_idempotency_keys(service: Living) -> None:
    who = await callers(service)
    reader = await service.reader()
    id = await a_reservation(reader)
    # The kiosk's needs the kiosk's key too: test_checking_in_at_a_kiosk.
    paths = [r.path for r in ROUTES if r.idempotent and not r.path.startswith("/kiosks/")]
    assert len(paths) == 16
    for path in paths:
        for key in KEYS:
            no = await who.get(path, reader).refused(
                "400 malformed",
                "POST",
                path.format(id=id),
                BODIES.get(path),
                **{"Idempotency-Key": key},
            )
            assert no.details["field"] == "Idempotency-Key"


async def test_queries(service: Living) -> None:
    reader = await service.reader()
    for path, queries in QUERIES.items():
        for query in queries:
            await reader.refused("400 malformed", "GET", f"{path}?{query}")
        for date, code in (("0001-01-01", "in_the_past"), ("9999-12-31", "outside_horizon")):
            if path.startswith(("/areas", "/seats")):
                await reader.refused(f"422 {code}", "GET", f"{path}?date={date}")
        await reader.ok("GET", path)


async def test_headers_with_bytes_that_are_no_text(service: Living) -> None:
    """No client library sends these, so a socket does."""
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
    """The whole answer to one request."""
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
