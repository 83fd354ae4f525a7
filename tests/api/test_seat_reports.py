"""座位被占 and 监督: occupied-seat reports and presence checks."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.api.browsing import Browser
from tests.api.console import librarian
from tests.api.seat_reports import holder, one, report
from tests.living import SEAT, Client, Living


async def test_early_unproven_and_foreign_occupied_seat_reports_are_refused(
    service: Living,
) -> None:
    reader, other = await service.reader(), await service.reader()
    made = await reader.reserve(start="09:00", end="12:00")
    path, body = f"/reservations/{made['id']}/report", {"kind": "occupied"}
    await reader.refused("422 too_early", "POST", path, body)
    await service.move("08:30")
    await reader.refused("422 qr_invalid", "POST", path, body | {"qr": "x"})
    late = {"qr": await service.qr()}
    await service.move(timedelta(minutes=1))
    await reader.refused("422 qr_expired", "POST", path, body | late)
    await other.refused("404 not_found", "POST", path, body)
    await reader.refused("400 malformed", "POST", path, {"kind": "noisy"})
    assert "report" in (await one(reader, made))["actions"]
    await report(reader, made)
    assert "report" not in (await one(reader, made))["actions"]
    await reader.refused("409 wrong_state", "POST", path, body)
    await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    await reader.refused("409 wrong_state", "POST", path, body)


async def test_exchanging_an_occupied_seat_does_not_count_towards_the_daily_limit(
    service: Living,
) -> None:
    reader = await service.reader()
    for hour in range(14, 18):
        await reader.reserve("3f-east-001", f"{hour}:00", f"{hour + 1}:00")
    made = await reader.reserve(start="09:00", end="12:00")  # the fifth of the day
    await service.move("09:10")
    answer = await report(reader, made, "belongings")
    near = [seat["id"] for seat in answer["nearest"]]
    assert len(near) == 3 and SEAT not in near
    # No deadline runs meanwhile.
    await service.move("09:40")
    assert (await one(reader, made))["state"] == "reserved"
    desk = await librarian(service)
    (listed,) = (await desk.ok("GET", "/staff/reports"))["items"]
    assert (listed["seat"]["id"], listed["kind"]) == (SEAT, "belongings")
    path = f"/reservations/{made['id']}/change"
    await reader.refused("409 seat_taken", "POST", path, {"seat_id": SEAT})
    moved = await reader.ok("POST", path, {"seat_id": near[0]})
    assert (moved["seat"]["id"], moved["end"][11:16]) == (near[0], "12:00")
    assert moved["start"][11:16] == "09:40" and moved["check_in_until"][11:16] == "10:10"
    # The reader is helped, and somebody still sits on their old seat.
    (still,) = (await desk.ok("GET", "/staff/reports"))["items"]
    assert still["seat"]["id"] == SEAT
    resolved = await desk.ok("POST", f"/staff/reports/{made['id']}/resolve")
    assert resolved["check_in_until"] == moved["check_in_until"]
    assert (await desk.ok("GET", "/staff/reports"))["total"] == 0
    plan = (await reader.ok("GET", "/areas/2f-hall/map"))["seats"]
    assert {s["id"]: s["status"] for s in plan if s["id"] in (SEAT, near[0])} == {
        SEAT: "free",
        near[0]: "mine",
    }
    await reader.refused("409 wrong_state", "POST", path, {"seat_id": near[1]})
    await service.move("10:11")
    assert (await one(reader, made))["state"] == "no_show", "the deadlines run again"
    assert not await service.inside.stored.reservations.find_double_bookings()


async def test_a_reader_changes_from_an_occupied_seat_during_the_stay(service: Living) -> None:
    reader, rival = await service.reader(), await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await service.move("09:20")
    path = f"/reservations/{made['id']}/change"
    await reader.refused("409 wrong_state", "POST", path, {"seat_id": "2f-hall-064"})
    near = (await report(reader, made))["nearest"]
    await rival.reserve(near[0]["id"], "10:00", "11:00")
    before = await one(reader, made)
    await reader.refused("409 seat_taken", "POST", path, {"seat_id": near[0]["id"]})
    assert await one(reader, made) == before
    moved = await reader.ok("POST", path, {"seat_id": near[1]["id"]})
    assert (moved["state"], moved["seat"]["id"]) == ("in_use", near[1]["id"])
    assert moved["checked_in_at"] == before["checked_in_at"] and moved["end"] == before["end"]
    await (await service.reader()).reserve(SEAT, "now", "11:00")
    with pytest.raises(AssertionError):
        await (await service.reader()).reserve(near[1]["id"], "now", "11:00")
    await reader.ok("POST", f"/reservations/{made['id']}/leave")
    assert not await service.inside.stored.reservations.find_double_bookings()


async def test_staff_free_an_occupied_seat(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="09:00", end="12:00")
    await service.move("09:20")
    await report(reader, made)
    await service.move("09:35")
    desk = await librarian(service)
    await reader.refused("403 forbidden", "POST", f"/staff/reports/{made['id']}/resolve")
    freed = await desk.ok("POST", f"/staff/reports/{made['id']}/resolve")
    assert freed["check_in_until"][11:16] in ("09:44", "09:45")
    await desk.refused("409 wrong_state", "POST", f"/staff/reports/{made['id']}/resolve")
    await desk.refused("404 not_found", "POST", "/staff/reports/nothing/resolve")
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    entry = (await one(reader, made))["history"][-2]
    assert (entry["event"], entry["by"], entry["via"]) == ("resolve", "librarian", "desk")


@pytest.mark.whole
async def test_an_open_occupied_seat_report_stops_the_return_deadline_of_a_leave(
    service: Living,
) -> None:
    (reader, made), watcher = await holder(service), await watching(service)
    await report(reader, made)
    # It looks empty because somebody else has taken it: nobody has to show anything.
    assert await watcher.ok("POST", f"/seats/{SEAT}/report") == {"asked": False}
    await service.move("08:30")
    assert (await one(reader, made))["state"] == "in_use"
    left = await reader.ok("POST", f"/reservations/{made['id']}/leave")
    assert left["return_by"][11:16] == "09:00"
    await service.move("09:20")
    assert (await one(reader, made))["state"] == "away"
    freed = await (await librarian(service)).ok("POST", f"/staff/reports/{made['id']}/resolve")
    assert (freed["state"], freed["return_by"][11:16]) == ("away", "09:50")
    await service.settle()
    await reader.ok("POST", f"/reservations/{made['id']}/return", {"qr": await service.qr()})


@pytest.mark.whole
async def test_a_presence_check_stops_when_the_reader_reports_the_seat_occupied(
    service: Living,
) -> None:
    (reader, made), watcher = await holder(service), await watching(service)
    assert await watcher.ok("POST", f"/seats/{SEAT}/report") == {"asked": True}
    await report(reader, made)
    await service.move("09:00")
    reservation = await one(reader, made)
    assert reservation["state"] == "in_use" and "change" in reservation["actions"]


@pytest.mark.whole
async def test_an_occupied_seat_report_keeps_no_seat_beyond_the_bookings_end(
    service: Living,
) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="09:00", end="10:00")
    await service.move("09:20")
    await report(reader, made)
    await service.move("10:01")
    assert (await one(reader, made))["state"] == "no_show"
    assert (await reader.ok("GET", "/violations"))["total"] == 0
    desk = await librarian(service)
    assert (await desk.ok("GET", "/staff/reports"))["total"] == 0


# --- 监督 -----------------------------------------------------------------------------------------


async def watching(service: Living) -> Client:
    """A reader who is checked in in the same venue."""
    return (await holder(service, "2f-hall-010"))[0]


async def test_an_unanswered_presence_check_sets_the_stay_away(service: Living) -> None:
    (sits, made), watcher = await holder(service), await watching(service)
    await sits.accept("CHECK_IN_REMINDER")
    await service.move("09:00")
    await watcher.refused("409 not_in_use", "POST", "/seats/2f-hall-001/report")
    await watcher.refused("404 not_found", "POST", "/seats/nowhere/report")
    await sits.refused("409 not_in_use", "POST", f"/seats/{SEAT}/report")
    assert await watcher.ok("POST", f"/seats/{SEAT}/report") == {"asked": True}
    assert await watcher.ok("POST", f"/seats/{SEAT}/report") == {"asked": False}
    await service.settle()
    assert (await sits.messages())[-1]["template"] == "CHECK_IN_REMINDER"
    text = (await sits.ok("GET", "/messages"))["items"][0]["text"]
    assert "无人使用" in text and "09:20" in text
    assert watcher.name not in str(await one(sits, made))
    await service.move("09:19")
    assert (await one(sits, made))["state"] == "in_use"
    await service.move("09:21")
    gone = await one(sits, made)
    assert (gone["state"], gone["left_at"][11:16], gone["return_by"][11:16]) == (
        *("away", "09:20"),
        "09:50",
    )
    await service.move("09:51")
    assert (await one(sits, made))["state"] == "away_expired"
    assert (await sits.ok("GET", "/violations"))["total"] == 0


@pytest.mark.whole
async def test_a_presence_check_answered_by_a_scan_is_not_repeated_that_day(
    service: Living,
) -> None:
    (sits, made), watcher = await holder(service), await watching(service)
    await service.move("09:00")
    await watcher.ok("POST", f"/seats/{SEAT}/report")
    await service.move("09:10")
    proved = await sits.ok(
        "POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()}
    )
    assert proved["state"] == "in_use"
    history = [e["event"] for e in (await one(sits, made))["history"]]
    assert history == ["reserve", "check_in", "doubt", "prove"]
    await service.move("09:30")
    assert (await one(sits, made))["state"] == "in_use"
    # Once a day, also at another seat.
    another, _ = await holder(service, "2f-hall-011")
    assert await another.ok("POST", f"/seats/{SEAT}/report") == {"asked": False}
    await sits.ok("POST", f"/reservations/{made['id']}/finish")
    second = await sits.reserve("2f-hall-001", "now", "12:00")
    await sits.ok(
        "POST", f"/reservations/{second['id']}/check-in", {"qr": await service.qr("2f-north")}
    )
    assert await another.ok("POST", "/seats/2f-hall-001/report") == {"asked": False}


async def test_an_answered_presence_check_counts_towards_the_requesters_limit(
    service: Living,
) -> None:
    watcher = await watching(service)
    for number in range(20, 26):
        seat = f"2f-hall-{number:03d}"
        sits, made = await holder(service, seat)
        if number == 25:
            await watcher.refused("429 too_many_attempts", "POST", f"/seats/{seat}/report")
            break
        assert await watcher.ok("POST", f"/seats/{seat}/report") == {"asked": True}
        await service.move(timedelta(seconds=15))
        scan = {"qr": await service.qr()}
        await sits.ok("POST", f"/reservations/{made['id']}/check-in", scan)


@pytest.mark.whole
async def test_an_unanswered_presence_check_does_not_count_towards_the_limit(
    service: Living,
) -> None:
    watcher = await watching(service)
    for number in range(20, 26):
        sits, made = await holder(service, f"2f-hall-{number:03d}")
        await sits.accept("CHECK_IN_REMINDER")
        assert await watcher.ok("POST", f"/seats/2f-hall-{number:03d}/report") == {"asked": True}
        await service.settle()
        await service.move(timedelta(minutes=21))
        assert (await one(sits, made))["state"] == "away"


async def test_only_a_reader_present_in_the_venue_can_request_a_presence_check(
    service: Living,
) -> None:
    """The requester must be checked in in that venue with a proof of presence."""
    (_, made), afar = await holder(service), await service.reader()
    await afar.refused("422 not_there", "POST", f"/seats/{SEAT}/report")
    booked = await afar.reserve("2f-hall-020", "now", "12:00")
    await afar.refused("422 not_there", "POST", f"/seats/{SEAT}/report")
    await afar.ok("POST", f"/reservations/{booked['id']}/check-in", {"qr": await service.qr()})
    await afar.ok("POST", f"/reservations/{booked['id']}/leave")
    await afar.refused("422 not_there", "POST", f"/seats/{SEAT}/report")
    assert (await one(afar, made | booked))["state"] == "away"


@pytest.mark.whole
async def test_a_presence_check_without_a_delivered_message_goes_to_the_staff(
    service: Living,
) -> None:
    """A reader who received no push is not set away."""
    (sits, made), watcher = await holder(service), await watching(service)
    await watcher.ok("POST", f"/seats/{SEAT}/report")
    await service.settle()
    await service.move("09:00")
    reservation = await one(sits, made)
    assert (reservation["state"], reservation["presence_wanted"]) == ("in_use", True)
    desk = await librarian(service)
    (case,) = (await desk.ok("GET", "/staff/patrol"))["items"]
    assert (case["reservation_id"], case["seat"]["id"]) == (made["id"], SEAT)
    # Seen by the staff, or by a scan: the case is closed.
    await sits.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    assert (await desk.ok("GET", "/staff/patrol"))["total"] == 0
    history = [e["event"] for e in (await one(sits, made))["history"]]
    assert history[-3:] == ["doubt", "unreached", "prove"]
    await service.move("11:00")
    assert (await one(sits, made))["state"] == "in_use"


async def test_an_occupied_seat_is_reported_and_exchanged_on_the_pages(service: Living) -> None:
    (sits, made), watcher = await holder(service), await watching(service)
    browser = Browser(await service.web_reader(sits))
    path = f"/reservations/{made['id']}"
    assert "座位被占" in (await browser.get(path)).body
    form = {"csrf": await browser.token(f"{path}/report"), "key": "k", "kind": "noisy"}
    assert (await browser.post(f"{path}/report", form, service.base)).status == 400
    sent = await browser.post(f"{path}/report", form | {"kind": "belongings"}, service.base)
    assert sent.headers["Location"] == f"{path}?done=report"
    page = (await browser.get(f"{path}?done=report")).body
    near = re.search(r'name="seat_id" value="([^"]+)"', page)
    assert near is not None and "换到附近的空位" in page
    wish = {"seat_id": near[1], "date": service.today, "start": "now", "end": "12:00"}
    token = {"csrf": await browser.token(path), "key": "k2"}
    moved = await browser.post(f"{path}/change", wish | token, service.base)
    assert moved.headers["Location"] == f"{path}?done=change"
    assert (await one(sits, made))["seat"]["id"] == near[1]

    other = Browser(await service.web_reader(watcher))
    plan = f"/areas/2f-hall?seat={near[1]}"
    assert "座位上没有人" in (await other.get(plan)).body
    question = f"/seats/{near[1]}/report"
    token = {"csrf": await other.token(question)}
    assert (await other.post(question, token, service.base)).status == 303
    assert (await one(sits, made))["history"][-1]["event"] == "doubt"
    assert "已请该座位的读者确认" in (await other.get(f"{plan}&thanks=1")).body
    refused = await other.post("/seats/2f-hall-001/report", token, service.base)
    assert refused.status == 409 and "没有人签到" in refused.body
