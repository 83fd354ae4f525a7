"""Webhooks over HTTP: a receiver verifies the events."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import WebhookVerificationError

from handlers.http.keys import METRICS, service_key
from notify.webhooks.worker import WebhookWorker
from tests.api.console import WHEREFORE, log, staff
from tests.api.gate import gate_of
from tests.api.webhook_console import EVERY, endpoint, judge
from tests.api.wishes import with_library_changed
from tests.living import Client, Living, living
from tests.receiver import NewReceiver, Receiver
from tests.stand_in import StandIn

PERSONAL = ("student_no", "name")


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service with this machine's address allowed for webhooks."""
    async with living(mongo_url, redis_url, WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8") as running:
        yield running


async def checked_in(service: Living, reader: Client, made: Any) -> None:
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})


async def test_events_of_a_reservation_arrive_in_order_with_valid_signatures(
    service: Living, receiver: NewReceiver
) -> None:
    program = await receiver()
    at, reader = await endpoint(service, program), await service.reader()
    made = await reader.reserve("2f-hall-001", "09:00", "11:00")
    change = {"seat_id": "2f-hall-002", "end": "10:00"}
    await reader.ok("POST", f"/reservations/{made['id']}/change", change)
    await service.move("09:00")
    await checked_in(service, reader, made)
    await service.jump("09:10")
    await reader.ok("POST", f"/reservations/{made['id']}/finish")
    await service.settle()
    bodies = program.verified(at.secret)
    assert program.types == [
        "reservation.created",
        "reservation.changed",
        "reservation.checked_in",
        "reservation.ended",
    ]
    states = [b["data"]["state"] for b in bodies]
    assert states == ["reserved", "reserved", "in_use", "finished"]
    assert len({id for id, _ in program.got}) == 4, "an id for each"
    first, changed, _, ended = (b["data"] for b in bodies)
    assert first["seat_id"] == "2f-hall-001" and first["start"].startswith(service.today)
    assert all(b["data"]["begin"] == b["data"]["start"] for b in bodies), "for older programs"
    assert (changed["seat_id"], changed["change"]) == ("2f-hall-002", "rebooked")
    assert (ended["how"], ended["area_id"]) == ("finished", "2f-hall")
    names = {b["data"]["reader"]["id"] for b in bodies}
    assert len(names) == 1 and names.pop().startswith("rdr_")
    everything = b"".join(body for _, body in program.raw).decode()
    assert reader.number not in everything and "张三" not in everything
    assert str(reader.reader_id) not in everything, "the internal id is nobody's name"
    with pytest.raises(WebhookVerificationError):
        program.verified("whsec_" + "A" * 44)
    counted = b'seat_webhook_deliveries_total{outcome="delivered"} 4.0'
    assert counted in service.app[METRICS].exposition()


async def test_every_kind_of_end_is_delivered_by_the_documented_schema(
    service: Living, receiver: NewReceiver
) -> None:
    """Each body, and each example of the documents, is validated by the OpenAPI document's
    schemas."""
    program = await receiver()
    at, desk = await endpoint(service, program), await staff(service)
    cancels, misses, sits = [await service.reader() for _ in range(3)]
    gone = await cancels.reserve("2f-hall-001", "14:00", "16:00")
    await cancels.ok("POST", f"/reservations/{gone['id']}/cancel")
    taken = await cancels.reserve("2f-hall-004", "14:00", "16:00")
    csrf = await desk.token("/contact")
    form = {"csrf": csrf, "reason": WHEREFORE}
    done = await desk.post(f"/console/reservations/{taken['id']}/cancel", form, service.base)
    assert done.status == 303
    await misses.reserve("2f-hall-002", "09:00", "10:00")
    stay = await sits.reserve("2f-hall-003", "09:00", "11:00")
    await service.move("09:00")
    await checked_in(service, sits, stay)
    await service.move("10:15")
    renewal = {"end": "12:00"}
    await sits.ok("POST", f"/reservations/{stay['id']}/extend", renewal)
    await service.move("12:10")
    await service.settle()
    ends = {
        b["data"]["id"]: (b["type"], b["data"]["state"], b["data"].get("how"))
        for b in program.verified(at.secret)
        if "reservation" in b["type"]
    }
    assert ends[gone["id"]] == ("reservation.ended", "cancelled", "cancelled")
    assert ends[taken["id"]] == ("reservation.ended", "cancelled", "cancelled_by_library")
    assert ("reservation.no_show", "no_show", None) in ends.values()
    assert ends[stay["id"]] == ("reservation.ended", "completed", "completed")
    moved = [b["data"] for _, b in program.got if b["data"].get("change") == "end_moved"]
    assert [data["end"][11:16] for data in moved] == ["12:00"]
    await judge(service, [b for _, b in program.got])
    text = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    examples = [json.loads(example) for example in re.findall(r"```json\n(.+?)```", text, re.S)]
    assert len(examples) == 6
    await judge(service, examples)


@pytest.mark.whole
async def test_suspension_and_area_events_are_delivered(
    service: Living, receiver: NewReceiver
) -> None:
    program = await receiver()
    at, desk = await endpoint(service, program), await staff(service)
    reader = await service.reader()
    csrf = await desk.token("/contact")
    path = f"/console/readers/{reader.reader_id}/suspend"
    for how in (
        {"until": f"{service.tomorrow}T20:00"},
        {"until": f"{service.tomorrow}T12:00"},
        {"release": "1"},
    ):
        page = (await desk.get(f"/console/readers/{reader.reader_id}")).body
        was = re.search(r'name="was" value="([^"]*)"', page)
        form = {"csrf": csrf, "reason": WHEREFORE, "was": was[1] if was else "", **how}
        done = await desk.post(path, form, service.base)
        assert done.status == 303, done.body
    for verb in ("retire", "restore"):
        page = (await at.desk.get("/console/plans/2f-hall/settings")).body
        base = re.search(r'name="base" value="([^"]*)"', page)
        assert base is not None
        form2: dict[str, object] = {"base": base[1], "resolution": "keep", "confirmed": "yes"}
        done = await at.post(f"/console/plans/2f-hall/{verb}", **form2)
        assert done.status == 303, done.body
    await service.settle()
    bodies = program.verified(at.secret)
    # Each is followed from its begin to its end, whatever came in between.
    of_suspensions = [b for b in bodies if "suspension" in b["type"]]
    noon = f"{service.tomorrow}T12:00:00+08:00"
    events = Counter(
        (b["type"], b["data"]["id"], b["data"]["until"] == noon) for b in of_suspensions
    )
    created = [(id, at_noon) for kind, id, at_noon in events if kind == "suspension.created"]
    (first,), (second,) = ([id for id, is_it in created if is_it is x] for x in (False, True))
    lifted = {key[1:]: n for key, n in events.items() if key[0] == "suspension.lifted"}
    assert lifted == {(first, True): 1, (first, False): 1, (second, False): 1}
    assert [b["type"] for b in bodies if "area" in b["type"]] == ["area.closed", "area.opened"]
    assert [b["data"]["area_id"] for b in bodies if "area" in b["type"]] == ["2f-hall"] * 2
    await judge(service, bodies)
    assert await service.inside.stored.event_outbox.pending(9) == []


async def test_a_failed_delivery_delays_only_later_events_of_its_reservation(
    service: Living, receiver: NewReceiver
) -> None:
    broken, sound = await receiver(), await receiver()
    at, _ = await endpoint(service, broken), await endpoint(service, sound)
    first, second = await service.reader(), await service.reader()
    made = await first.reserve("2f-hall-001")
    bad = made["id"]

    def answer(payload: dict[str, Any]) -> web.Response:
        return web.Response(status=500 if payload["data"]["id"] == bad else 200)

    broken.answer = answer
    await first.ok("POST", f"/reservations/{bad}/cancel")
    await second.reserve("2f-hall-002")
    await service.settle()
    assert sound.types.count("reservation.created") == 2 and len(sound.types) == 3
    assert broken.types == ["reservation.created"], "the other reservation's alone"
    tried = [b["data"]["state"] for b in broken.verified(at.secret) if b["data"]["id"] == bad]
    assert set(tried) == {"reserved"}, "the cancellation waits for the booking"
    page = await at.page()
    assert "HTTP 500" in page and "再试" in page and "最早等待自" in page
    await service.move(timedelta(hours=1))
    broken.answer = lambda _: web.Response(status=200)
    await service.move(timedelta(hours=2))
    mine = [(id, b) for id, b in broken.got if b["data"]["id"] == bad]
    assert [b["data"]["state"] for _, b in mine] == ["reserved", "cancelled"]
    ids = {headers["webhook-id"] for headers, body in broken.raw if b"reserved" in body}
    assert len(ids) == 2, "a repetition has the id of the first attempt"


@pytest.mark.whole
async def test_a_dead_delivery_can_be_sent_again(service: Living, receiver: NewReceiver) -> None:
    program = await receiver()
    at, reader = await endpoint(service, program, event=EVERY[:1]), await service.reader()
    program.answer = lambda _: web.Response(status=503)
    for seat in ("2f-hall-001", "2f-hall-002"):
        day = {"date": service.tomorrow} if seat.endswith("2") else {}
        await reader.reserve(seat, **day)
    await service.settle()
    await service.move(timedelta(hours=20))
    await at.sign_in()
    assert "未送达</dt><dd>0" in await at.page()
    await service.move(timedelta(hours=6))
    await at.sign_in()
    page = await at.page()
    assert "未送达</dt><dd>2" in page and page.count("再次发送</button>") == 2
    program.answer = lambda _: web.Response(status=200)
    one = re.search(r'name="delivery" value="([^"]+)"', page)
    assert one is not None
    assert (await at.operate("retry", delivery=one[1])).status == 303
    await service.settle()
    assert len(program.got) == 1 and program.got[0][0] == one[1].partition("@")[0]
    assert (await at.operate("retry")).status == 303
    await service.settle()
    assert len(program.got) == 2
    assert "未送达</dt><dd>0" in await at.page()
    program.verified(at.secret)
    assert ("webhook_retry", f"webhook:{at.id}", "done") in await log(service)


async def test_retry_after_pauses_an_endpoint_and_410_disables_it(
    service: Living, receiver: NewReceiver
) -> None:
    program = await receiver()
    at, reader = await endpoint(service, program), await service.reader()
    program.answer = lambda _: web.Response(status=429, headers={"Retry-After": "600"})
    await reader.reserve("2f-hall-001")
    await service.settle()
    await service.move(timedelta(minutes=9))
    assert len(program.raw) == 1, "ten minutes have been asked for"
    await service.move(timedelta(minutes=2))
    assert len(program.raw) == 2
    program.answer = lambda _: web.Response(status=410)
    await service.move(timedelta(minutes=11))
    assert "已自动停用" in await at.page()
    sent = len(program.raw)
    await reader.reserve("2f-hall-002", date=service.tomorrow)
    await service.settle()
    assert len(program.raw) == sent
    program.answer = lambda _: web.Response(status=200)
    assert (await at.operate("enable")).status == 303
    await reader.reserve("2f-hall-003", date=service.tomorrow, start="09:00", end="10:00")
    await service.settle()
    assert program.types == ["reservation.created"], "what happened meanwhile is not told"


async def test_personal_data_is_sent_to_allowed_endpoints_and_erased_with_the_reader(
    service: Living, receiver: NewReceiver
) -> None:
    trusted, other = await receiver(), await receiver()
    at = await endpoint(service, trusted, personal="1")
    await endpoint(service, other)
    reader = await service.web_reader()
    for program in (trusted, other):
        program.answer = lambda _: web.Response(status=503)
    await reader.reserve("2f-hall-001")
    await service.settle()
    personal = trusted.verified(at.secret)[0]["data"]["reader"]
    assert [personal[name] for name in PERSONAL] == [reader.number, "张三"]
    assert not any(reader.number.encode() in body for _, body in other.raw)
    names = {json.loads(p.raw[0][1])["data"]["reader"]["id"] for p in (trusted, other)}
    assert len(names) == 2, "two receivers cannot compare what they have"
    stored = await service.db["webhook_deliveries"].find().to_list(None)
    assert len(stored) == 2 and reader.number not in str(stored)
    stored_reader = await service.inside.stored.readers.get(reader.reader_id)
    assert stored_reader is not None
    await service.inside.erasure.erase(stored_reader, service.clock.now())
    assert str(reader.reader_id) not in str(
        await service.db["webhook_deliveries"].find().to_list(None)
    )
    for program in (trusted, other):
        program.answer = lambda _: web.Response(status=200)
    await service.move(timedelta(hours=1))
    for program in (trusted, other):
        assert program.types == ["reservation.created", "reservation.ended"]
        assert all(b["data"]["reader"] is None for _, b in program.got)


@pytest.mark.whole
async def test_a_hanging_receiver_delays_no_other_endpoint(
    service: Living, receiver: NewReceiver
) -> None:
    hanging, sound = await receiver(), await receiver()
    await endpoint(service, hanging)
    await endpoint(service, sound)
    hanging.hangs = asyncio.Event()
    reader = await service.reader()
    await reader.accept("RESERVED")
    await reader.reserve("2f-hall-001")
    job = service.scheduler.job("dispatch_outbox")
    deliver, wechat = (service.scheduler.job(n) for n in ("deliver_webhooks", "deliver_wechat"))
    assert job is not None and deliver is not None and wechat is not None
    now = service.clock.now()
    await job.run(now)
    assert await deliver.run(now) >= 1
    assert sound.types == ["reservation.created"]
    await wechat.run(now)
    assert len(await reader.messages()) == 1
    hanging.hangs.set()
    await service.settle()
    assert hanging.types == ["reservation.created"]


@pytest.mark.whole
async def test_a_gate_check_in_and_leave_in_one_batch_send_two_events(
    service: Living, receiver: NewReceiver
) -> None:
    program = await receiver()
    await endpoint(service, program)
    gate, reader = await gate_of(service), await service.reader()
    made = await reader.reserve("2f-hall-001", "09:00", "11:00")
    await service.move("09:10")
    sent = [gate.event(reader, "in", at="09:01"), gate.event(reader, "out", at="09:05")]
    assert (await gate.send(sent)).status == 200
    await service.settle()
    assert program.types == ["reservation.created", "reservation.checked_in"]
    data = program.got[-1][1]["data"]
    assert (data["state"], data["checked_in_at"][11:16]) == ("in_use", "09:01")
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "away"


@pytest.mark.whole
async def test_personal_data_and_events_disabled_during_a_delivery_are_not_sent(
    service: Living, receiver: NewReceiver
) -> None:
    """The setting changes while a delivery is under way."""
    program = await receiver()
    at, reader = await endpoint(service, program, personal=True), await service.reader()
    await reader.reserve("2f-hall-001", "09:00", "11:00")
    await service.settle()
    assert reader.number in program.raw[-1][1].decode()
    stored, now = service.inside.stored, service.clock.now()
    stored_endpoint = await stored.webhooks.get(at.id)
    assert stored_endpoint is not None and stored_endpoint.personal
    (delivery,) = await stored.webhook_deliveries.newest(stored_endpoint.id, 1)
    sender = service.app[service_key(WebhookWorker)]._sender
    assert await stored.webhooks.replace(stored_endpoint, replace(stored_endpoint, personal=False))
    assert await sender.send(stored_endpoint.id, delivery.event, now) is not None
    assert len(program.raw) == 2 and reader.number not in program.raw[-1][1].decode()
    off = await stored.webhooks.get(at.id)
    assert off is not None and await stored.webhooks.set_enabled(off, False)
    assert (
        await sender.send(stored_endpoint.id, delivery.event, now) is None and len(program.raw) == 2
    )


@pytest.mark.whole
async def test_a_slow_delivery_of_one_reservation_delays_no_other(
    service: Living, stand_in: StandIn
) -> None:
    """The receiver answers it only after six others have arrived, in two rounds of four."""
    others, attempts, first = set[str](), list[str](), ""
    all_there = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        id = (await request.json())["data"]["id"]
        if id == first:
            attempts.append(id)
            await all_there.wait()
        else:
            others.add(id)
            if len(others) == 6:
                all_there.set()
        return web.Response(status=204)

    base = await stand_in([web.post("/hook", take)])
    await endpoint(service, Receiver(f"{base}/hook"))
    for n in range(1, 8):
        reader = await service.reader()
        made = await reader.reserve(f"2f-hall-{n:03}", "09:00", "11:00")
        first = first or made["id"]
    await service.settle()
    assert all_there.is_set() and attempts == [first]


@pytest.mark.whole
async def test_concurrent_410_answers_count_although_one_asks_for_a_pause(
    service: Living, stand_in: StandIn
) -> None:
    """The first of four concurrent deliveries is answered with Retry-After, the others with 410."""
    came, all_there = list[int](), asyncio.Event()

    async def take(_: web.Request) -> web.Response:
        came.append(0)
        first = len(came) == 1
        if len(came) == 4:
            all_there.set()
        # An answer that is taken in before the last one is sent would keep that back.
        await all_there.wait()
        if first:
            return web.Response(status=503, headers={"Retry-After": "60"})
        return web.Response(status=410)

    base = await stand_in([web.post("/hook", take)])
    at = await endpoint(service, Receiver(f"{base}/hook"))
    for n in range(1, 5):
        await (await service.reader()).reserve(f"2f-hall-{n:03}", "09:00", "11:00")
    await service.settle()
    assert len(came) == 4
    stored_endpoint = await service.inside.stored.webhooks.get(at.id)
    assert stored_endpoint is not None and not stored_endpoint.enabled


@pytest.mark.whole
async def test_an_event_has_the_venue_of_its_seat(service: Living, receiver: NewReceiver) -> None:
    await with_library_changed(service)
    program = await receiver()
    at, reader = await endpoint(service, program), await service.reader()
    made = await reader.reserve(start="09:00", end="10:00")
    path = f"/reservations/{made['id']}"
    await reader.ok("POST", f"{path}/change", {"seat_id": "annex-001"})
    await service.settle()
    here, there = (b["data"] for b in program.verified(at.secret))
    assert (here["seat_id"], here["venue_id"]) == (made["seat"]["id"], "library")
    assert (there["seat_id"], there["venue_id"]) == ("annex-001", "annex")
