"""Presence proofs: an action that stops a deadline needs one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from yarl import URL

from tests.api.browsing import FORM, Browser
from tests.api.cas_sign_in import begun, granted
from tests.api.console import librarian
from tests.api.gate import gate_of
from tests.api.kiosk import kiosk
from tests.api.seat_reports import holder, one, report
from tests.living import SEAT, Client, Living


async def test_an_occupied_seat_report_without_presence_proof_stops_no_deadline(
    service: Living,
) -> None:
    reader, comes = await service.reader(), await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    other = await comes.reserve("2f-hall-061", "now", "12:00")
    path, taken = f"/reservations/{made['id']}", {"kind": "occupied"}
    for who, one_of in ((reader, made), (comes, other)):
        answer = await who.ok("POST", f"/reservations/{one_of['id']}/report", taken)
        assert not answer["deadline_stopped"]
    await reader.refused("409 wrong_state", "POST", f"{path}/report", taken)
    await reader.refused("409 wrong_state", "POST", f"{path}/change", {"start": "now"})
    desk = await librarian(service)
    listed = (await desk.ok("GET", "/staff/reports"))["items"]
    assert [row["deadline_stopped"] for row in listed] == [False, False]
    assert (await report(comes, other))["deadline_stopped"]
    await service.move("08:31")
    assert (await one(reader, made))["state"] == "no_show"
    assert (await reader.ok("GET", "/violations"))["total"] == 1
    assert (await one(comes, other))["state"] == "reserved"
    # Past the time to check in nothing is cancelled any more; the seat is theirs, or the desk's.
    await comes.refused("409 wrong_state", "POST", f"/reservations/{other['id']}/cancel")


async def test_a_gate_passage_proves_presence_for_an_occupied_seat_report(service: Living) -> None:
    by_gate, gate = await service.reader(), await gate_of(service)
    first = await by_gate.reserve("2f-hall-061", "now", "12:00")
    now = service.clock.now()
    await service.move(timedelta(minutes=5))
    await gate.send([gate.event(by_gate, "in", now + timedelta(minutes=4))])
    # Through the gate is checked in already; who had come before is known to be there, too.
    assert (await one(by_gate, first))["state"] == "in_use"
    body = {"kind": "occupied"}
    answer = await by_gate.ok("POST", f"/reservations/{first['id']}/report", body)
    assert answer["deadline_stopped"]


async def test_the_third_occupied_seat_report_of_a_day_stops_no_deadline(service: Living) -> None:
    reader = await service.reader()
    for hour in range(9, 13):
        seat = f"2f-hall-{20 + hour:03d}"
        made = await reader.reserve(seat, f"{hour:02}:00", f"{hour + 1:02}:00")
        await service.move(f"{hour:02}:05")
        answer = await report(reader, made)
        assert answer["deadline_stopped"] is (hour < 11)
        if hour < 11:
            near = answer["nearest"][0]["id"]
            await reader.ok("POST", f"/reservations/{made['id']}/change", {"seat_id": near})
            await service.move(timedelta(seconds=15))
            scan = {"qr": await service.qr()}
            await reader.ok("POST", f"/reservations/{made['id']}/check-in", scan)
            await reader.ok("POST", f"/reservations/{made['id']}/finish")


async def test_a_report_rejected_by_staff_restarts_the_check_in_deadline(service: Living) -> None:
    reader = await service.reader()
    await reader.accept("CHECK_IN_REMINDER")
    made = await reader.reserve(start="09:00", end="12:00")
    await service.move("09:20")
    await report(reader, made)
    await service.move("09:50")
    desk = await librarian(service)
    path = f"/staff/reports/{made['id']}/reject"
    await reader.refused("403 forbidden", "POST", path)
    rejected = await desk.ok("POST", path)
    assert rejected["check_in_until"][11:16] == "10:05"
    await desk.refused("409 wrong_state", "POST", path)
    await service.settle()
    text = (await reader.ok("GET", "/messages"))["items"][0]["text"]
    assert "座位没有被占" in text and "10:05" in text
    await service.move("10:06")
    assert (await one(reader, made))["state"] == "no_show"
    assert (await reader.ok("GET", "/violations"))["total"] == 1


async def test_a_booking_cancelled_after_its_start_counts_towards_the_daily_limit(
    service: Living,
) -> None:
    """A reader would otherwise keep a seat all day by booking and cancelling again and again."""
    reader = await service.reader()
    for _ in range(5):
        made = await reader.reserve(start="now", end="12:00")
        await service.move(timedelta(minutes=29))
        await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    wish = {"seat_id": SEAT, "date": service.today, "start": "now", "end": "12:00"}
    await reader.refused("422 daily_limit", "POST", "/reservations", wish)
    # Before its start it costs nothing, and the librarian's cancel never does.
    other, desk = await service.reader(), await librarian(service)
    for _ in range(6):
        made = await other.reserve(SEAT, "20:00", "21:00")
        await other.ok("POST", f"/reservations/{made['id']}/cancel")
    assert (await desk.ok("GET", "/me"))["reader"]


async def test_one_scan_carries_a_reader_over_to_one_following_booking(service: Living) -> None:
    """Four adjacent bookings whose reader leaves after the first."""
    reader = await service.reader()
    made = [
        await reader.reserve(start=f"{hour:02}:00", end=f"{hour + 1:02}:00") for hour in (9, 10, 11)
    ]
    await service.move("09:00")
    path = f"/reservations/{made[0]['id']}"
    await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    await service.move("10:01")
    second = await one(reader, made[1])
    assert (second["state"], second["presence_wanted"]) == ("in_use", True)
    await service.move("11:01")
    assert (await one(reader, made[2]))["state"] == "reserved"
    await service.move("11:31")
    assert (await one(reader, made[2]))["state"] == "no_show"


async def test_a_reader_without_a_phone_checks_in_by_card_through_a_day(service: Living) -> None:
    """The card also renews, reports an occupied seat and requests a presence check."""
    owner, key, card = await service.reader(), await kiosk(service), {"card": "0012345678"}
    await service.inside.stored.cards.put(card["card"], owner.reader_id)
    made = [
        await owner.reserve(start=f"{hour:02}:00", end=f"{hour + 1:02}:00") for hour in (9, 10, 11)
    ]
    sits, theirs = await holder(service, "2f-hall-061")

    async def at_kiosk() -> Client:
        here = await service.anonymous.ok("POST", "/kiosks/2f-south/touch", card, **key)
        client = service.stranger()
        client.token = here["token"]
        return client

    async def touch(r: dict[str, Any]) -> Any:
        body = {"reservation_id": r["id"]}
        return await (await at_kiosk()).ok("POST", "/kiosks/2f-south/check-in", body, **key)

    await service.move("09:05")
    assert (await touch(made[0]))["state"] == "in_use"
    await service.move("10:30")
    assert (await touch(made[1]))["presence_wanted"] is False
    await service.move("11:01")
    assert (await one(owner, made[2]))["state"] == "in_use"
    assert await (await at_kiosk()).ok("POST", "/seats/2f-hall-061/report") == {"asked": True}
    assert (await one(sits, theirs))["presence_wanted"]
    path, body = f"/reservations/{made[2]['id']}", {"kind": "occupied"}
    answer = await (await at_kiosk()).ok("POST", f"{path}/report", body)
    assert answer["deadline_stopped"] and answer["nearest"]
    near = {"seat_id": answer["nearest"][0]["id"]}
    moved = await (await at_kiosk()).ok("POST", f"{path}/change", near)
    assert (moved["state"], moved["seat"]["id"]) == ("in_use", near["seat_id"])
    # The session is of its kiosk.
    await service.move("11:20")
    north = await kiosk(service, "4f-north")
    await (await at_kiosk()).refused(
        "403 forbidden", "POST", "/kiosks/4f-north/check-in", {"reservation_id": made[2]["id"]},
        **north,
    )  # fmt: skip


async def test_a_scan_note_is_bound_to_its_session_and_expires(service: Living) -> None:
    """In another browser or too late, the note checks no reader in."""
    reader = await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    own = Browser(await service.web_reader(reader))
    code = (await service.qr()).removeprefix(service.base)
    note = (await own.get(code)).headers["Set-Cookie"].partition("seat_proof=")[2].partition(";")[0]
    for number in range(2):
        other = await service.reader()
        theirs = await other.reserve(f"2f-hall-{20 + number:03d}", "now", "12:00")
        browser = Browser(await service.web_reader(other))
        form = {"csrf": await browser.token(), "reservation": theirs["id"]}
        browser.cookie = {"Cookie": f"{browser.cookie['Cookie']}; seat_proof={note}"}
        answer = await browser.post("/k/2f-south/check-in", form, service.base)
        assert answer.status == 422, "bound to the session that has scanned"
    await service.move(timedelta(seconds=91))
    form = {"csrf": await own.token(), "reservation": made["id"]}
    late = await own.post("/k/2f-south/check-in", form, service.base)
    assert late.status == 422 and (await one(reader, made))["state"] == "reserved"


async def test_an_anonymous_scan_note_is_taken_by_the_first_sign_in(service: Living) -> None:
    phone, reader = service.stranger(), await service.reader()
    phone.number = reader.number
    made = await reader.reserve(start="now", end="12:00")
    code = (await service.qr()).removeprefix(service.base)
    assert (await phone.get("/" + code)).status == 303
    (note,) = [c.value for c in phone.session.cookie_jar if c.key == "seat_proof"]
    # Taken elsewhere, it is good for a sign-in that begins within a minute of the scan.
    copy = service.stranger()
    copy.session.cookie_jar.update_cookies({"seat_proof": note}, URL(service.base))
    target = await begun(phone)
    await service.move(timedelta(minutes=4))  # the sign-on is slow
    late = await granted(service, copy, await begun(copy))
    assert (await copy.get("/" + late)).status == 302
    back = await granted(service, phone, target)
    assert (await phone.get("/" + back)).status == 302
    for browser, status in ((copy, 422), (phone, 303)):
        page = await browser.get("//k/2f-south/check-in")
        token = re.search(r'name="csrf" value="([^"]+)"', (await browser.get("//activation")).body)
        assert token is not None and page.status == (200 if browser is phone else 422)
        form = urlencode({"csrf": token[1], "reservation": made["id"]}).encode()
        sent = await browser.call(
            "POST", "//k/2f-south/check-in", form, **FORM, Origin=service.base
        )
        assert sent.status == status
    assert (await one(reader, made))["state"] == "in_use"


async def test_a_reader_who_has_scanned_can_report_the_seat_occupied(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    browser = Browser(await service.web_reader(reader))
    code = (await service.qr()).removeprefix(service.base)
    await browser.get(code)
    page = await browser.get("/k/2f-south/check-in")
    assert "座位被别人占了" in page.body
    form = {"csrf": await browser.token(), "reservation": made["id"], "kind": "noisy"}
    assert (await browser.post("/k/2f-south/report", form, service.base)).status == 400
    sent = await browser.post("/k/2f-south/report", form | {"kind": "occupied"}, service.base)
    assert sent.headers["Location"] == f"/reservations/{made['id']}?done=report"
    await service.move("09:00")
    assert (await one(reader, made))["state"] == "reserved", "no deadline runs"
    # Past those of a day that stop one, the page promises nothing.
    desk = await librarian(service)
    for said in ("报告后时限停止", "时限照常"):
        await desk.ok("POST", f"/staff/reports/{made['id']}/resolve")
        await browser.get((await service.qr()).removeprefix(service.base))
        assert said in (await browser.get("/k/2f-south/check-in")).body
        sent = await browser.post("/k/2f-south/report", form | {"kind": "occupied"}, service.base)
        assert sent.status == 303
    assert sent.headers["Location"].endswith("?done=report_desk")
