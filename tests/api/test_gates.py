"""门禁 over HTTP: signatures, and the effects of passages in any order."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from bind.gate_signatures import sign
from models.library.entities import VenueId
from tests.api.changes import rules
from tests.api.gate import Gate, gate_of
from tests.api.seat_reports import one
from tests.living import MONDAY_8, Client, Living


@pytest.fixture
async def gate(service: Living) -> Gate:
    return await gate_of(service)


async def test_gate_events_need_a_valid_signature_and_a_recent_timestamp(
    service: Living, gate: Gate
) -> None:
    reader = await service.reader()
    body = json.dumps({"events": [gate.event(reader, "in")]}).encode()
    now = int(MONDAY_8.timestamp())
    other = await gate_of(service, "side")
    before = await service.books()
    for stamp, key, name, sent in (
        (now, "wrong", "main", body),
        (now, other.key, "main", body),
        (now, gate.key, "side", body),
        (now, gate.key, "nowhere", body),
        (now, gate.key, "main", body + b" "),
        (now, gate.key, "main", b"no JSON"),  # nobody learns more without a signature
        (now - 301, gate.key, "main", body),
        (now + 301, gate.key, "main", body),
        ("now", gate.key, "main", body),
        ("9" * 30, gate.key, "main", body),
        ("", gate.key, "main", body),
    ):
        signature = sign(key, str(stamp), body)
        answer = await gate.post(sent, str(stamp), signature, name)
        assert (answer.status, answer.code) == (401, "unauthenticated"), (stamp, name)
    for signature in ("", "ü", "0" * 64):
        assert (await gate.post(body, str(now), signature)).status == 401
    assert await service.books() == before

    for off in (-299, 0, 299):
        stamp = str(now + off)
        answer = await gate.post(body, stamp, sign(gate.key, stamp, body).upper())
        assert answer.status == 200
    health = (await service.anonymous.get("//readyz")).body
    # By whole seconds, of which a slow machine takes some.
    assert re.fullmatch(r"clock off by 29\d s", health["troubles"].pop("gates.main"))
    assert health["troubles"] == {}
    stamp = str(now)
    await gate.post(b'{"events":[]}', stamp, sign(gate.key, stamp, b'{"events":[]}'))
    assert "gates.main" not in (await service.anonymous.get("//readyz")).body.get("troubles", {})


async def test_a_batch_accepts_each_valid_event_once_and_refuses_the_others(
    service: Living, gate: Gate
) -> None:
    reader, stranger = await service.reader(), service.stranger()
    good = gate.event(reader, "in", student_no=f" {reader.number} ")
    batch: list[Any] = [
        good,
        good,
        gate.event(stranger, "in"),
        gate.event(reader, "in", direction="sideways"),
        gate.event(reader, "in", at="08:06"),
        gate.event(reader, "in", at=MONDAY_8.replace(tzinfo=None)),
        gate.event(reader, "in", extra=1),
        {"id": 7},
        None,
        gate.event(reader, "in") | {"at": "0001-01-01T00:00:00+08:00"},
        gate.event(reader, "in") | {"at": "9999-12-31T23:59:59-08:00"},
    ]
    answer = await gate.send(batch)
    assert answer.status == 200
    assert (answer.body["accepted"], answer.body["duplicates"]) == (2, 1)
    refused = [(r["id"], r["code"]) for r in answer.body["rejected"]]
    assert refused == [
        ("3", "malformed"),
        ("4", "in_the_future"),
        ("5", "malformed"),
        ("6", "malformed"),
        ("", "malformed"),
        ("", "malformed"),
        ("7", "malformed"),
        ("8", "malformed"),
    ]
    assert (await gate.send([], complete_until="0001-01-01T00:00:00+08:00")).status == 400
    again = await gate.send(batch[:3])
    assert (again.body["accepted"], again.body["duplicates"]) == (0, 3)
    (record,) = (await reader.ok("GET", "/gate-records"))["items"]
    assert (record["gate"], record["direction"], record["method"]) == ("正门闸机", "in", "card")
    assert record["effect"] == "none" and record["at"].startswith(f"{service.today}T08:00")
    # The same event of another gate is another one.
    side = await gate_of(service, "side")
    assert (await side.send([good])).body["accepted"] == 1

    documents = await service.all_documents()
    assert stranger.number not in documents and reader.number not in documents, (
        "kept aside, and sealed"
    )
    too_many = await gate.send([gate.event(reader, "in", at="07:50") for _ in range(501)])
    assert too_many.status == 400


async def test_gate_passages_check_in_leave_and_return_through_a_day(
    service: Living, gate: Gate
) -> None:
    reader = await service.reader()
    await reader.accept("CHECKED_IN", "LEAVE")
    made = await reader.reserve(start="09:00", end="12:00")
    await service.move("08:40")
    await gate.pass_(reader, "in")
    now = await one(reader, made)
    assert (now["state"], now["state_text"]) == ("in_use", "使用中·待确认")
    assert now["assisted"]["kind"] == "check_in" and now["assisted"]["confirmed_at"] is None
    assert "confirm" in now["actions"] and now["history"][-1]["by"] == "gate"
    await service.settle()
    (message,) = await reader.messages()
    assert message["template"] == "CHECKED_IN"
    text = (await reader.ok("GET", "/messages"))["items"][0]["text"]
    assert "请在“我的预约”中确认" in text

    confirmed = await reader.ok("POST", f"/reservations/{made['id']}/confirm")
    assert confirmed["state_text"] == "使用中" and "confirm" not in confirmed["actions"]
    await reader.refused("409 nothing_to_confirm", "POST", f"/reservations/{made['id']}/confirm")

    await service.move("10:00")
    await gate.pass_(reader, "out")
    now = await one(reader, made)
    assert (now["state"], now["state_text"]) == ("away", "暂离·待确认")
    assert now["return_by"][11:16] == "10:30"
    await service.settle()
    assert (await reader.messages())[-1]["template"] == "LEAVE"
    await service.move("10:20")
    await gate.pass_(reader, "in")
    now = await one(reader, made)
    assert (now["state"], now["returned_at"][11:16]) == ("in_use", "10:20")
    await service.settle()
    assert "已返回" in (await reader.ok("GET", "/messages"))["items"][0]["text"]

    # Out with a friend's card, so to say: the kiosk's code brings one back all the same.
    await gate.pass_(reader, "out")
    back = await reader.ok("POST", f"/reservations/{made['id']}/return", {"qr": await service.qr()})
    assert back["state_text"] == "使用中"
    effects = [r["effect"] for r in (await reader.ok("GET", "/gate-records"))["items"]]
    assert effects == ["leave", "return", "leave", "check_in"]
    other = await service.reader()
    assert (await other.ok("GET", "/gate-records"))["total"] == 0


@pytest.mark.parametrize("of_venue", [False, True])
async def test_a_reader_inside_is_checked_in_when_the_check_in_window_opens(
    service: Living, gate: Gate, of_venue: bool
) -> None:
    if of_venue:
        own = {VenueId("library"): {"check_in_before_minutes": 30}}
        await rules(service, check_in_before_minutes=1, venues=own)
    inside, gone, books_later = [await service.reader() for _ in range(3)]
    for number, reader in enumerate((inside, gone, books_later)):
        await gate.pass_(reader, "in")
        if reader is not books_later:
            await reader.reserve(f"2f-hall-06{number}", "10:00", "12:00")
    await service.move("09:20")
    await gate.pass_(gone, "out")
    await service.move("09:31")
    (now,) = (await inside.ok("GET", "/reservations"))["items"]
    assert (now["state"], now["checked_in_at"][11:16]) == ("in_use", "09:30")
    (now,) = (await gone.ok("GET", "/reservations"))["items"]
    assert now["state"] == "reserved"
    # A seat for now is the seat of somebody who stands before it.
    await books_later.reserve("2f-hall-064", "now", "11:00")
    await service.settle()
    (now,) = (await books_later.ok("GET", "/reservations"))["items"]
    assert now["state"] == "in_use"


async def test_a_gate_check_in_waits_for_the_end_of_another_stay(
    service: Living, gate: Gate
) -> None:
    reader = await service.reader()
    await reader.reserve("2f-hall-061", "09:00", "10:00")
    second = await reader.reserve("2f-hall-062", "10:00", "11:00")
    await service.move("08:45")
    await gate.pass_(reader, "in")
    await service.move("09:50")
    assert (await one(reader, second))["state"] == "reserved"
    await service.move("10:01")
    now = await one(reader, second)
    assert (now["state"], now["checked_in_at"][11:16]) == ("in_use", "10:00")


async def test_a_late_passage_waives_the_violation_without_restoring_the_seat(
    service: Living, gate: Gate
) -> None:
    reader, passer_by = await service.reader(), await service.reader()
    made = await reader.reserve(start="09:00", end="12:00")
    await service.move("09:41")
    assert (await one(reader, made))["state"] == "no_show"
    await service.settle()
    assert (await reader.ok("GET", "/violations"))["window"]["count"] == 1
    theirs = await passer_by.reserve(start="now", end="11:00")
    await gate.pass_(reader, "in", "09:05")
    assert (await one(reader, made))["state"] == "no_show", "the seat has another reader now"
    assert (await one(passer_by, theirs))["state"] == "reserved"
    (record,) = (await reader.ok("GET", "/gate-records"))["items"]
    assert record["effect"] == "late"
    violations = await reader.ok("GET", "/violations")
    assert violations["window"]["count"] == 0 and violations["items"][0]["waived"] is True
    # Out, told late: they may be back by now.
    in_use = await passer_by.ok(
        "POST", f"/reservations/{theirs['id']}/check-in", {"qr": await service.qr()}
    )
    await service.move("10:00")
    await gate.pass_(passer_by, "out", "09:45")
    assert (await one(passer_by, theirs))["rev"] == in_use["rev"]


async def test_a_late_passage_lifts_the_suspension_that_it_proves_wrong(
    service: Living, gate: Gate
) -> None:
    reader = await service.reader()
    for day in range(3):
        await reader.reserve(start="09:00", end="12:00")
        await service.move("09:31")
        came = service.clock.now() - timedelta(minutes=20)
        await service.settle()
        if day < 2:
            await service.move(timedelta(hours=22, minutes=40))
            reader = await _again(service, reader)
    assert (await reader.ok("GET", "/me"))["suspended_until"] is not None
    await gate.send([gate.event(reader, "in", came)])
    me = await reader.ok("GET", "/me")
    assert (me["suspended_until"], me["violations_count"]) == (None, 2)
    await reader.reserve(start="11:00", end="12:00")


async def test_a_passage_of_yesterday_waives_its_violation_and_is_settled(
    service: Living, gate: Gate
) -> None:
    """The gate was disconnected overnight; no event stays open."""
    reader = await service.reader()
    made = await reader.reserve(start="21:00", end="22:30")
    came = MONDAY_8.replace(hour=21, minute=5)
    await service.move("22:00")
    await service.settle()
    await service.move(timedelta(hours=10))
    await _again(service, reader)
    assert (await reader.ok("GET", "/violations"))["window"]["count"] == 1
    await gate.send([gate.event(reader, "in", came), gate.event(reader, "out", came)])
    violations = await reader.ok("GET", "/violations")
    assert violations["window"]["count"] == 0 and violations["items"][0]["waived"]
    assert (await one(reader, made))["state"] == "no_show"
    assert await service.db["gate_events"].count_documents({"open": True}) == 0


async def _again(service: Living, reader: Client) -> Client:
    """The reader with a new session on the next day."""
    issued = await service.sessions.open_wx(reader.openid, None, service.clock.now())
    reader.token = issued.token
    return reader


async def test_deadlines_wait_a_bounded_time_for_a_gate_with_unsent_events(
    service: Living, gate: Gate
) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="09:00", end="12:00")
    await service.move("09:29")
    reported_at = service.clock.now().isoformat()
    await gate.send([], complete_until=reported_at)
    await service.move("09:34")
    assert (await one(reader, made))["state"] == "reserved", "the gate may have seen them"
    await gate.send(
        [gate.event(reader, "in", "09:30")], complete_until=service.clock.now().isoformat()
    )
    now = await one(reader, made)
    assert (now["state"], now["checked_in_at"][11:16]) == ("in_use", "09:30")
    # Nobody waits for ever.
    late = await service.reader()
    made = await late.reserve("2f-hall-064", start="now", end="12:00")
    await service.move(timedelta(minutes=29))
    await gate.send([], complete_until=service.clock.now().isoformat())
    await service.move(timedelta(minutes=5))
    assert (await one(late, made))["state"] == "reserved"
    await service.move(timedelta(minutes=7))
    assert (await one(late, made))["state"] == "no_show"
