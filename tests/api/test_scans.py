"""A kiosk code that opens the mini-program: its scan note outlives login and binding."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.api.seat_labels import label
from tests.living import SEAT, Client, Living


async def noted(client: Client, text: str) -> str:
    return str((await client.ok("POST", "/scans", {"qr": text}))["note"])


async def logged_in(service: Living, client: Client, note: str) -> str | None:
    """Logs in with the note. Returns the note of the session."""
    code = f"demo-{client.name}-{uuid4().hex[:8]}"
    entered = await service.anonymous.ok("POST", "/wx/login", {"code": code, "scan_note": note})
    client.token = entered["token"]
    return None if entered["scan_note"] is None else str(entered["scan_note"])


async def test_a_scan_note_checks_its_reader_in_for_ninety_seconds(service: Living) -> None:
    reader, other = await service.reader(), await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    theirs = await other.reserve("2f-hall-001", "now", "12:00")
    path, code = f"/reservations/{made['id']}/check-in", await service.qr()
    note, late = await noted(reader, code), await noted(other, code)
    await service.move(timedelta(seconds=80))
    await reader.refused("422 qr_expired", "POST", path, {"qr": code})
    await other.refused(
        "422 qr_expired", "POST", f"/reservations/{theirs['id']}/check-in", {"qr": note}
    )
    assert (await reader.ok("POST", path, {"qr": note}))["state"] == "in_use"
    await service.move(timedelta(seconds=11))
    path = f"/reservations/{theirs['id']}/check-in"
    await other.refused("422 qr_expired", "POST", path, {"qr": late})


async def test_the_first_login_takes_the_scan_note_and_keeps_it_through_binding(
    service: Living,
) -> None:
    person, phone = await service.web_reader(), service.stranger()
    made = await person.reserve(start="now", end="12:00")
    free = await noted(phone, await service.qr())
    await service.move(timedelta(seconds=50))
    note = await logged_in(service, phone, free)
    assert note is not None
    digits = (await person.ok("POST", "/activation-codes", {}))["code"]
    await service.move(timedelta(minutes=3))
    await phone.ok("POST", "/bindings", {"activation_code": digits})
    path = f"/reservations/{made['id']}/check-in"
    await phone.refused("422 qr_expired", "POST", path, {"qr": free})
    assert (await phone.ok("POST", path, {"qr": note}))["state"] == "in_use"


@pytest.mark.whole
async def test_a_scan_note_of_an_unbound_phone_lasts_five_minutes(service: Living) -> None:
    person, phone = await service.web_reader(), await service.wx_user()
    made = await person.reserve(start="now", end="12:00")
    note = await noted(phone, await service.qr())
    digits = (await person.ok("POST", "/activation-codes", {}))["code"]
    await service.move(timedelta(minutes=4, seconds=50))
    await phone.ok("POST", "/bindings", {"activation_code": digits})
    await service.move(timedelta(seconds=11))
    path = f"/reservations/{made['id']}/check-in"
    await phone.refused("422 qr_expired", "POST", path, {"qr": note})


@pytest.mark.whole
async def test_a_login_takes_no_expired_invalid_or_foreign_scan_note(service: Living) -> None:
    free = await noted(service.stranger(), await service.qr())
    held = await noted(await service.reader(), await service.qr())
    first, second = service.stranger(), service.stranger()
    assert await logged_in(service, first, held) is None
    assert await logged_in(service, first, "note:1:bm8=") is None
    await service.move(timedelta(seconds=61))
    assert await logged_in(service, second, free) is None


async def test_a_scan_note_shared_by_two_readers_checks_one_in(service: Living) -> None:
    first, second = await service.reader(), await service.reader()
    made = [
        await first.reserve(start="now", end="12:00"),
        await second.reserve("2f-hall-001", "now", "12:00"),
    ]
    free = await noted(service.stranger(), await service.qr())
    for client, r, expected in ((first, made[0], 200), (second, made[1], 422)):
        note = await logged_in(service, client, free)
        answer = await client.post(f"/reservations/{r['id']}/check-in", {"qr": note})
        assert answer.status == expected, answer.body
    assert answer.code == "qr_used"


async def test_a_note_or_an_expired_or_invalid_code_gets_no_scan_note(service: Living) -> None:
    """A note of a note would extend its life."""
    anybody, reader = service.stranger(), await service.reader()
    old, label = await service.qr(), f"{service.base}/s/{SEAT}?c=wrong"
    for client in (anybody, reader):
        note = await noted(client, old)
        await client.refused("422 qr_invalid", "POST", "/scans", {"qr": note})
    await service.move(timedelta(seconds=45))
    for client in (anybody, reader):
        await client.refused("422 qr_expired", "POST", "/scans", {"qr": old})
        for text in (label, "https://elsewhere.example/k/2f-south?c=12345678"):
            await client.refused("422 qr_invalid", "POST", "/scans", {"qr": text})


async def test_refused_seat_labels_get_no_scan_note(service: Living) -> None:
    """A label where labels are not accepted, a label of a removed seat, and guessed codes."""
    reader, path = await service.reader(), "/scans"
    await reader.refused("422 presence_method_off", "POST", path, {"qr": label(service)})
    gone = {"qr": label(service, "2f-hall-999")}
    await reader.refused("404 not_found", "POST", path, gone)
    for _ in range(20):
        await reader.refused("422 qr_invalid", "POST", path, {"qr": "x"})
    right = {"qr": await service.qr()}
    await reader.refused("429 too_many_attempts", "POST", path, right)
