"""Schemathesis against the running service: what the document allows, and what it does not.

800 requests by default; ``SCHEMATHESIS_EXAMPLES=10000`` asks for more. Each operation has a
reader of its own and is first sent a request that must succeed; afterwards a part of what is
generated is pointed at things that exist, or nearly all answers would be refusals. The quick run
generates for each sixth operation: most of the time goes into reading the shapes.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from handlers.api_routes import ROUTES
from models.gates.entities import Direction, GateEvent, GateId
from models.library.entities import Area, AreaId, Seat
from models.library.rooms import RequestAnswer, RoomId, RoomRules
from models.storage.encryption import token_hash
from models.violations.entities import Violation
from tests.api.changes import with_rules
from tests.api.console import librarian
from tests.api.known_reader import apply_for_season, hold_of_season
from tests.living import Client, Living, living
from tests.mail_server import mail_server
from tests.waiting import patience

EXAMPLES: Final = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "800"))
SEED: Final = 20260907
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
# They would end the caller's own access (tests/api/test_identity.py tries them), or never end
# (tests/api/test_seat_map_events.py).
LEFT_OUT: Final = {
    "DELETE /sessions",
    "DELETE /sessions/current",
    "DELETE /sessions/{id}",
    "DELETE /bindings/current",
    "DELETE /me",
    "GET /areas/{id}/events",
    "POST /gate/events",  # signed; tests/api/test_gates.py
}
# In which state the reservation must be for the operation's good request.
STATE: Final = {
    "check-in": "reserved now",
    "leave": "in_use",
    "return": "away",
    "extend": "in_use",
    "shorten": "in_use",
    "finish": "in_use",
    "report": "reserved now",
    "confirm": "assisted",
}
CARD = "0012345678"
MINUTES: Final = timedelta(minutes=10)
HELD = (
    "POST /reservations/{id}/accept",
    "POST /reservations/{id}/decline",
    "DELETE /waitlist/{id}",
)


FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "upgrade", "host", "te"})


@dataclass(slots=True)
class Target:
    """An operation with its caller, a request that must succeed, and existing ids."""

    operation: APIOperation[Any, Any, Any, Any]
    name: str
    auth: dict[str, str]
    id: str | None
    body: dict[str, Any] | None
    real: dict[str, list[Any]]
    statuses: Counter[int] = field(default_factory=Counter)


async def decided(service: Living, name: str, seat: str) -> tuple[Client, str]:
    """A violation, an appeal or a report that staff can settle, with the staff member."""
    reader = await service.reader()
    if "/reports/" in name:
        made = await reader.reserve(seat, "now", "09:00")
        await reader.ok("POST", f"/reservations/{made['id']}/report", {"kind": "occupied"})
        return await librarian(service), str(made["id"])
    made = await reader.reserve(seat, "20:00", "21:00", service.tomorrow)
    now, id = service.clock.now(), f"{made['id']}:no_show"
    missed = Violation(id, reader.reader_id, made["id"], "no_show", now, now.date(), counts=True)
    await service.inside.stored.violations.record(missed)
    if name.startswith("POST /violations/"):
        return reader, id
    if "/appeals/" in name:
        await reader.ok("POST", f"/violations/{id}/appeal", {"text": "x"})
    return await librarian(service), id


async def guessed_reader(service: Living) -> tuple[Client, str]:
    """A reader whose page asks 是我 or 不是我, and the binding request."""
    web, phone = await service.web_reader(), await service.wx_user()
    throttles = service.db["attempt_limits"]
    until = service.clock.now() + timedelta(minutes=10)
    await throttles.replace_one(
        {"_id": "activation:all"}, {"n": 10**12, "until": until}, upsert=True
    )
    digits = (await web.ok("POST", "/activation-codes"))["code"]
    request = await phone.call("POST", "/bindings", {"activation_code": digits})
    await throttles.delete_one({"_id": "activation:all"})
    assert request.status == 202, request
    return web, str(request.body["id"])


async def a_room(service: Living, n: int, asks: bool) -> str:
    """A room of the operation's own. ``asks``: it has to be requested."""
    room = service.inside.reference.room("r201")
    rules = RoomRules(unanswered=RequestAnswer.DECLINE if asks else None)
    own = replace(room, id=RoomId(f"room-{n}"), rules=rules)
    await service.inside.stored.rooms.put([own])
    await service.inside.reference.refresh()
    return own.id


def _pairs(area: Area) -> list[Seat]:
    """Seats in service, an even number of them."""
    seats = [seat for seat in area.seats if seat.disabled is None]
    return seats[: len(seats) // 2 * 2]


async def target(service: Living, operation: APIOperation[Any, Any, Any, Any], n: int) -> Target:
    """Makes the objects that the operation's valid request needs."""
    name = f"{operation.method.upper()} {operation.path.removeprefix('/api/v1')}"
    areas = service.inside.reference.catalog.areas.values()
    largest = sorted(areas, key=lambda area: len(area.seats), reverse=True)[:2]
    seats = [seat for area in largest for seat in _pairs(area)]
    seat = seats[2 * n].id
    place: dict[str, Any] = {}
    client, id, qr = await service.reader(), None, await service.qr()
    number = client.number
    wish = {"seat_id": seat, "date": service.tomorrow, "start": "14:00", "end": "15:00"}
    own: list[str] = []
    if name in HELD or name == "POST /waitlist":
        reserved = service.inside.reference.catalog.areas[AreaId("4f-reserved")]
        only: list[str] = [reserved.seats[n].id]
        owner, when = await service.reader(), {"start": "14:00", "end": "15:00"}
        made = await owner.reserve(only[0], **when)
        place = {"area_id": reserved.id, "date": service.today, "seats": only, **when}
        if name in HELD:
            wait = await client.ok("POST", "/waitlist", place)
            await owner.ok("POST", f"/reservations/{made['id']}/cancel")
            offer = (await client.ok("GET", "/waitlist"))["items"][0]["offer"]
            id = str(wait["id"] if "/waitlist" in name else offer["id"])
    elif "/party" in name or "/invitations" in name:
        asker = client if "/party" in name else await service.reader()
        friends = {"friends": [seats[2 * n + 1].id]}
        made = await asker.ok("POST", "/parties", wish | friends)
        id = str(made["reservation"]["id"] if asker is client else made["party"]["invitation"])
    elif "/staff/room-blocks" in name:
        client, room = await librarian(service), await a_room(service, n, asks=False)
        wish = {"room_id": room, "first": service.today, "last": service.today, "title": "x"}
        wish |= {"start": "14:00", "end": "15:00"}
        if "{id}" in name:
            series: dict[str, Any] = {**wish, "id": f"{n:024x}", "all": True}
            made = await client.ok("POST", "/staff/room-blocks", series)
            id = str(made["dates"][0]["block"])
    elif "/room-" in name:
        asks = "/room-requests" in name
        room = await a_room(service, n, asks)
        wish = {"room_id": room, "date": service.today, "start": "now", "end": "09:00"}
        if asks or "/room-blocks" in name or name.endswith("/change"):
            wish |= {"start": "14:00", "end": "15:00"}
        if "{id}" in name:
            asker = client if "/room-bookings" in name else await service.reader()
            made = await asker.ok("POST", "/room-bookings", wish)
            id = str(made["invitation"] if "/room-invitations" in name else made["id"])
            if name.endswith("/finish"):
                await client.ok("POST", f"/room-bookings/{id}/check-in", {"qr": qr})
        if "/staff/" in name:
            client = await librarian(service)
    elif "/reservations/{id}" in name:
        id = str((await client.ok("POST", "/reservations", wish))["id"])
        own.append(id)
        verb = name.rpartition("/")[2]
        if verb in STATE:
            id = str(
                (await client.reserve(seat, "now", "10:00" if verb == "shorten" else "09:00"))["id"]
            )
            own.append(id)
            if STATE[verb] == "assisted":
                passage = GateEvent(
                    f"main:{n}", GateId("main"), client.reader_id, Direction.IN, "card",
                    service.clock.now(), False,
                )  # fmt: skip
                await service.inside.gates.ingest([(passage, client.number)], service.clock.now())
            elif STATE[verb] != "reserved now":
                await client.ok("POST", f"/reservations/{id}/check-in", {"qr": qr})
            if STATE[verb] == "away":
                await client.ok("POST", f"/reservations/{id}/leave")
                qr = await service.qr("2f-north")
    code = ""
    if name in ("POST /bindings", "POST /bindings/preview"):
        client = await service.wx_user()
        web = await service.web_reader()
        activation = await web.ok("POST", "/activation-codes")
        code = (
            activation["link"].partition("?c=")[2]
            if name.endswith("/preview")
            else activation["code"]
        )
    elif "/binding-requests/{id}" in name:
        client, id = await guessed_reader(service)
    elif name == "POST /activation-codes":
        client = await service.web_reader()
    auth = {"Authorization": f"Bearer {client.token}"}
    if "/kiosks/" in name:
        kiosks = (await service.anonymous.ok("GET", "//sandbox/kiosks"))["items"]
        id = kiosks[0]["id"]
        auth = {"X-Kiosk-Key": kiosks[0]["key"]}
        await service.inside.stored.cards.put(CARD, client.reader_id)
        if name.endswith("/check-in"):
            made = await client.reserve(seat, "now", "09:00")
            own.append(str(made["id"]))
            touched = await service.anonymous.ok(
                "POST", f"/kiosks/{id}/touch", {"card": CARD}, **auth
            )
            auth["Authorization"] = f"Bearer {touched['token']}"
    elif "/areas/" in name:
        id = "2f-hall"
    elif "/favourites/" in name:
        id = seat
    elif "/seasons/" in name:
        holds = name.endswith(("/holding", "/swap", "/accept"))
        id = (await (hold_of_season if holds else apply_for_season)(service, client)).id
    elif "/seats/" in name:
        id = seat
        if name.startswith("POST"):
            sits = await service.reader()
            made = await sits.reserve(seat, "now", "09:00")
            await sits.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": qr})
            there = await client.reserve(seats[2 * n + 1].id, "now", "09:00")
            await client.ok("POST", f"/reservations/{there['id']}/check-in", {"qr": qr})
    elif "/notices/" in name:
        id = "how-to-book"
    elif "/violations/{id}" in name or "/appeals/{id}" in name or "/reports/{id}" in name:
        client, id = await decided(service, name, seat)
        auth = {"Authorization": f"Bearer {client.token}"}
    elif "/staff/" in name:
        client = await librarian(service)
        auth = {"Authorization": f"Bearer {client.token}"}
    secret = ""
    if "/email-address" in name:
        addresses, until = service.inside.stored.email_addresses, service.clock.now() + MINUTES
        await addresses.follow_campus(client.reader_id, "anna@example.edu")
        code_hash = token_hash(f"{client.reader_id}:123456")
        await addresses.request(client.reader_id, "bo@example.edu", code_hash, until)
    if name.endswith("/kiosk-pairings/state"):
        secret = (await service.anonymous.ok("POST", "/kiosk-pairings", {}))["secret"]
    bodies: dict[str, dict[str, Any]] = {
        "POST /wx/login": {"code": f"demo-{client.name}-1"},
        "POST /scans": {"qr": qr},
        "POST /bindings": {"activation_code": code},
        "POST /bindings/preview": {"activation_code": code},
        "POST /subscriptions": {"results": {"LEAVE": "accept"}},
        "POST /me/language": {"language": "en"},
        "POST /messages/read": {"ids": ["1"]},
        "POST /favourites": {"seat_id": seat},
        "POST /seasons/{id}/application": {"wishes": ["any"]},
        "POST /seasons/{id}/swap": {"thing": f"{client.number}-2"},
        "POST /seasons/{id}/swap/accept": {"thing": f"{client.number}-2"},
        "POST /email-address": {"address": "anna@example.edu"},
        "POST /email-address/confirm": {"code": "123456"},
        "POST /email-address/kinds": {"kinds": {"ENDED": True}},
        "POST /reservations": wish,
        "POST /waitlist": place,
        "POST /parties": wish | {"friends": [seats[2 * n + 1].id]},
        "POST /invitations/{id}/accept": {},
        "POST /room-bookings": wish,
        "POST /room-bookings/{id}/change": {"end": "16:00"},
        "POST /room-bookings/{id}/check-in": {"qr": qr},
        "POST /staff/room-requests/{id}/decline": {"reason": "x"},
        "POST /staff/room-blocks/preview": wish,
        "POST /staff/room-blocks": wish | {"id": f"{n:024x}", "all": True},
        "POST /staff/room-blocks/{id}/change/preview": {"title": "y"},
        "POST /staff/room-blocks/{id}/change": {"end": "16:00", "all": True},
        "POST /staff/room-blocks/{id}/end": {},
        "POST /staff/room-bookings/{id}/check-in": {"reason": "x"},
        "POST /staff/room-bookings/{id}/finish": {"reason": "x"},
        "POST /kiosks/{id}/touch": {"card": CARD},
        "POST /kiosk-pairings/state": {"secret": secret},
        "POST /seats/{id}/faults": {"kind": "socket"},
        "POST /kiosks/{id}/check-in": {"reservation_id": own[0] if own else ""},
        "POST /reservations/{id}/change": {"end": "16:00"},
        "POST /reservations/{id}/check-in": {"qr": qr},
        "POST /reservations/{id}/return": {"qr": qr},
        "POST /reservations/{id}/extend": {"end": "10:00"},
        "POST /reservations/{id}/shorten": {"end": "09:00"},
        "POST /reservations/{id}/report": {"kind": "occupied"},
        "POST /violations/{id}/appeal": {"text": "x"},
        "POST /staff/appeals/{id}": {"granted": True, "answer": "x"},
        "POST /staff/violations/{id}/waive": {"reason": "x"},
        "POST /staff/reservations": wish | {"student_no": number, "reason": "x"},
        "POST /staff/reservations/{id}/check-in": {"reason": "x"},
        "POST /staff/reservations/{id}/leave": {"reason": "x"},
        "POST /staff/reservations/{id}/finish": {"reason": "x"},
        "POST /staff/reservations/{id}/cancel": {"reason": "x"},
        "POST /staff/violations/waive": {
            "from": "2026-09-07T00:00:00+08:00",
            "to": "2026-09-08T00:00:00+08:00",
            "reason": "x",
        },
    }
    real: dict[str, list[Any]] = {
        "id": [*own, id] if id else [],
        "student_no": [number],
        "seat_id": [seat, seats[2 * n + 1].id],
        "date": [service.today, service.tomorrow],
        "start": ["now", "09:00", "14:00"],
        "end": ["10:00", "16:00", "22:30"],
        "qr": [qr],
        "activation_code": [code] if code else [],
        "venue": ["library"],
        "results": [{"LEAVE": "accept"}, {"ENDED": "reject"}],
    }
    return Target(operation, name, auth, id, bodies.get(name), real)


def send(target: Target, case: Any, http: requests.Session, base: str) -> None:
    response = case.call(base_url=base, session=http)
    # This thread keeps the interpreter from the service, which finds itself late and says so.
    deadline = monotonic() + patience(10)
    while response.status_code == 503 and monotonic() < deadline:
        response = case.call(base_url=base, session=http)
    target.statuses[response.status_code] += 1
    case.validate_response(response, checks=CHECKS)


def explore(target: Target, http: requests.Session, base: str, examples: int) -> None:
    """Sends the valid request, then those that Schemathesis generates."""
    parameters = {"id": target.id} if target.id else {}
    case = target.operation.Case(
        path_parameters=parameters,
        headers=dict(target.auth),
        body=target.body if target.body is not None else schemathesis.core.NOT_SET,
        media_type="application/json" if target.body is not None else None,
    )
    send(target, case, http, base)
    assert {status // 100 for status in target.statuses} == {2}, (target.name, target.statuses)
    if not examples:
        return

    def generated(case: Any, real: Any) -> None:
        # Headers that frame the message are HTTP's own: a wrong one never reaches the service.
        headers = {n: v for n, v in (case.headers or {}).items() if n.lower() not in FRAMING}
        case.headers = {**headers, **target.auth}
        for values in (case.path_parameters, case.query, case.body):
            if isinstance(values, dict):
                for name in sorted(values.keys() & target.real.keys()):
                    if target.real[name] and real.draw(st.integers(0, 3)):
                        values[name] = real.draw(st.sampled_from(target.real[name]))
        send(target, case, http, base)

    modes = [GenerationMode.POSITIVE]
    if target.operation.body or target.operation.query or target.operation.path_parameters:
        modes.append(GenerationMode.NEGATIVE)
    for mode in modes:
        strategy = target.operation.as_strategy(generation_mode=mode)
        run = settings(
            max_examples=max(1, examples // len(modes)),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(case=strategy, real=st.data())(generated))
        seed(SEED)(run)()


@pytest.mark.timeout(600 if EXAMPLES > 3000 else 120)
async def test_no_request_breaks_the_service(
    mongo_url: str,
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
    pytestconfig: pytest.Config,
) -> None:
    every = 6 if pytestconfig.getoption("markexpr") == "not whole" else 1
    async with (
        mail_server() as mail,
        living(
            mongo_url,
            redis_url,
            RATE_LIMIT_SCALE="1000000",
            SMTP_URL=f"smtp://127.0.0.1:{mail.port}",
        ) as service,
    ):
        await with_rules(service, public_occupancy=True)
        document = await service.anonymous.ok("GET", "//openapi.json")
        operations = list(schemathesis.openapi.from_dict(document).get_all_operations())
        each = EXAMPLES // (len(operations) - len(LEFT_OUT)) + 1
        targets: list[Target] = []
        audited = {f"{route.method} {route.path}" for route in ROUTES if route.audited}
        with caplog.at_level(logging.ERROR), requests.Session() as http:
            http.trust_env = False
            for n, operation in enumerate(operations):
                assert isinstance(operation, Ok), operation
                made = await target(service, operation.ok(), n)
                if made.name not in LEFT_OUT:
                    targets.append(made)
                    before = await service.db["audit"].count_documents({})
                    examples = each if n % every == 0 else 0
                    await asyncio.to_thread(explore, made, http, service.base, examples)
                    recorded = await service.db["audit"].count_documents({}) > before
                    assert recorded is (made.name in audited), made.name
        assert len(targets) == len(operations) - len(LEFT_OUT)
        answers = sum((t.statuses for t in targets), Counter[int]())
        assert answers.total() >= EXAMPLES * 0.9 / every, answers
        # Were nearly all of them refused, nothing would have been tried.
        assert answers[200] > EXAMPLES / 10, answers
        assert max(answers) < 500, answers
        assert not caplog.records
