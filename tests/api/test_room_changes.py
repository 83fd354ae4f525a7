"""A booking of a room gets another time or room, with those who take part; and past ones."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.api.browsing import Browser
from tests.api.changes import suspended, with_visit
from tests.api.console import librarian
from tests.api.rooms import (
    GROUP,
    HALL,
    SEMINAR,
    SMALL,
    book,
    confirm,
    state,
    taken,
    with_room,
)
from tests.living import Client, Living


async def change(reader: Client, booking: Any, **to: Any) -> Any:
    return await reader.ok("POST", f"/room-bookings/{booking['id']}/change", to)


async def notices(service: Living, reader: Client) -> str:
    """The reader's messages, after the jobs have run."""
    await service.settle()
    return str((await Browser(await service.web_reader(reader)).get("/notices")).body)


async def test_a_booking_gets_another_time_and_room_and_its_people_learn_it(
    service: Living,
) -> None:
    asker, friend, other = [await service.reader() for _ in range(3)]
    booking = await book(service, asker)
    await confirm(booking, friend)
    first = await change(asker, booking, start="15:00", end="17:00")
    assert (first["id"], first["start"][11:16], first["end"][11:16]) == (
        *(booking["id"], "15:00", "17:00"),
    )
    assert (first["check_in_from"][11:16], first["check_in_until"][11:16]) == ("14:30", "15:30")
    assert await taken(other, SMALL) == ["15:00-17:00"]
    moved = await change(asker, booking, room_id=GROUP, date=service.tomorrow)
    assert (moved["room"]["id"], moved["date"], moved["state"]) == (
        *(GROUP, service.tomorrow, "reserved"),
    )
    assert (moved["people"], moved["confirm_by"][11:16]) == (2, "14:00")
    assert await taken(other, SMALL) == []
    again = {"room_id": GROUP, "date": service.tomorrow, "start": "15:00", "end": "17:00"}
    assert await change(asker, booking, **again) == moved, "sent once more"
    # The time of those who have confirmed moved along.
    await friend.reserve("2f-hall-030", "14:00", "16:00")
    busy = {"seat_id": "2f-hall-030", "date": service.tomorrow, "start": "15:00", "end": "16:00"}
    await friend.refused("409 own_overlap", "POST", "/reservations", busy)
    news = "研修间201，9月7日 14:00–16:00 的预约，预约人已改到 研修间301，9月8日 15:00–17:00。"
    assert (await notices(service, friend)).count(news) == 1, "one message for both"
    assert "预约人已改到" not in await notices(service, asker)
    assert await state(friend, booking) == "reserved"
    history = (await friend.ok("GET", f"/room-bookings/{booking['id']}"))["history"]
    assert [entry["event"] for entry in history] == ["reserve", "change", "change"]


async def test_a_request_stays_one_and_an_approved_booking_becomes_only_shorter(
    service: Living,
) -> None:
    asker, desk = await service.reader(), await librarian(service)
    request = await book(service, asker, SEMINAR)
    later = await change(asker, request, start="16:00", end="18:00", purpose="组会")
    assert (later["state"], later["answer_by"][11:16], later["purpose"]) == (
        *("requested", "15:00", "组会"),
    )
    (waiting,) = (await desk.ok("GET", "/staff/room-requests"))["items"]
    assert (waiting["start"][11:16], waiting["purpose"]) == ("16:00", "组会")
    await desk.ok("POST", f"/staff/room-requests/{request['id']}/approve")
    path = f"/room-bookings/{request['id']}/change"
    for to in ({"end": "19:00"}, {"date": service.tomorrow}, {"purpose": "聚会"}):
        no = await asker.refused("422 approval_needed", "POST", path, to)
        assert "请先取消这次预约，再重新申请" in no.body["error"]["message"]
    shorter = await change(asker, request, start="16:30", end="17:30")
    assert (shorter["state"], shorter["answer_by"]) == ("reserved", later["answer_by"])
    assert await taken(asker, SEMINAR) == ["16:30-18:00"]
    # Where nobody answers, a request is a booking.
    other = await service.reader()
    hall = await book(service, other, HALL, date=service.tomorrow)
    assert hall["state"] == "requested"
    here = await change(other, hall, room_id=SMALL)
    assert (here["state"], here["answer_by"]) == ("reserved", None)
    path = f"/room-bookings/{hall['id']}/change"
    await other.refused("422 approval_needed", "POST", path, {"room_id": SEMINAR})


async def test_a_change_is_refused_by_the_rules_of_a_booking(service: Living) -> None:
    asker, other, friend = [await service.reader() for _ in range(3)]
    booking = await book(service, asker)
    await confirm(booking, friend)
    theirs = await book(service, other, start="17:00", end="18:00")
    path = f"/room-bookings/{booking['id']}/change"
    await friend.reserve("2f-hall-031", "19:00", "20:00")
    await asker.reserve("2f-hall-030", "20:00", "21:00")
    soon = {"room_id": HALL, "start": "09:00", "end": "10:00", "purpose": "x"}
    for to, refusal, words in (
        ({"start": "17:30", "end": "18:30"}, "409 room_taken", "研修间在这段时间已有预约"),
        ({"start": "18:00", "end": "19:30"}, "409 people_busy", "确认参加的人里有人"),
        ({"start": "20:00", "end": "21:00"}, "409 own_overlap", "您在这段时间已有其他预约"),
        ({"room_id": "nowhere"}, "404 not_found", "没有找到"),
        ({"start": "07:00"}, "422 in_the_past", "开始时间已过"),
        ({"date": "2026-09-15"}, "422 outside_horizon", "这个研修间目前只能预约到 2026-09-14"),
        ({"date": "0001-01-01"}, "422 in_the_past", "开始时间已过"),
        ({"end": "23:00", "start": "22:00"}, "422 closed", "研修间这段时间不开放"),
        ({"start": "14:10"}, "422 off_grid", "以 30 分钟为一格"),
        ({"start": "now", "end": "08:20"}, "422 too_short", "这个研修间一次至少 30 分钟"),
        ({"end": "18:30"}, "422 too_long", "这个研修间一次最多 240 分钟"),
        ({"start": "18:00"}, "422 end_before_start", "结束时间要晚于开始时间"),
        ({"room_id": SEMINAR, "purpose": " "}, "400 malformed", "请写明用途"),
        ({"room_id": SEMINAR, "purpose": "x"}, "422 approval_needed", "重新审批"),
        (soon, "422 request_too_late", "要先申请"),
        ({"room_id": ""}, "400 malformed", "请求内容有误"),
    ):
        no = await asker.refused(refusal, "POST", path, to)
        assert words in no.body["error"]["message"], (to, no.body)
    await friend.refused("404 not_found", "POST", path, {"end": "15:00"})
    await suspended(service, asker, True)
    await asker.refused("422 suspended", "POST", path, {"end": "15:00"})
    await suspended(service, asker, False)
    await with_visit(service, asker, date(2026, 9, 6))
    await asker.refused("422 not_admitted", "POST", path, {"end": "15:00"})
    people = [await service.reader() for _ in range(4)]
    large = await book(service, other, GROUP, start="10:00", end="11:00")
    await confirm(large, *people)
    no = await other.refused(
        "409 room_full", "POST", f"/room-bookings/{large['id']}/change", {"room_id": SMALL}
    )
    assert no.details == {"most": 4}
    await with_room(service, SMALL, confirm_minutes=60)
    lacking = await book(service, other, start="12:00", end="13:00")
    await service.jump("11:00")
    path = f"/room-bookings/{lacking['id']}/change"
    await other.refused("422 too_late", "POST", path, {"end": "12:30"})
    await service.jump("17:00")
    path = f"/room-bookings/{theirs['id']}/change"
    await other.refused("409 wrong_state", "POST", path, {"end": "17:30"})


async def test_a_change_counts_once_in_its_week(service: Living) -> None:
    asker = await service.reader()
    await with_room(service, SMALL, days_ahead=14, bookings_a_week=2)
    first = await book(service, asker)
    second = await book(service, asker, start="17:00", end="18:00")
    await change(asker, first, date=service.tomorrow)
    week = (date.fromisoformat(service.today) + timedelta(days=7)).isoformat()
    moved = await change(asker, first, date=week)
    for hour in ("18:00", "20:00"):
        last = await book(service, asker, start=hour, end=f"{hour[:2]}:30", date=service.tomorrow)
        if hour == "18:00":
            await change(asker, last, date=week)
    path = f"/room-bookings/{second['id']}/change"
    no = await asker.refused("422 weekly_limit", "POST", path, {"date": week})
    assert no.details == {"limit": 2} and moved["date"] == week
    with_hall = {"room_id": HALL, "date": service.tomorrow, "purpose": "x", "start": "10:00"}
    await with_room(service, HALL, bookings_a_week=1, purpose_wanted=True)
    no = await asker.refused("422 weekly_limit", "POST", path, with_hall | {"end": "11:00"})
    assert no.details == {"limit": 1}, "of the new room"


async def test_a_stay_in_use_is_extended_while_the_room_is_free(service: Living) -> None:
    asker, friend, other = [await service.reader() for _ in range(3)]
    booking = await book(service, asker, start="09:00", end="10:00")
    await confirm(booking, friend)
    await book(service, other, start="11:00", end="12:00")
    await service.move("08:50")
    here = f"/room-bookings/{booking['id']}"
    await asker.ok("POST", f"{here}/check-in", {"qr": await service.qr()})
    longer = await change(asker, booking, end="11:00")
    assert (longer["state"], longer["end"][11:16]) == ("in_use", "11:00")
    assert await change(asker, booking, end="11:00") == longer, "sent once more"
    for to, refusal in (
        ({"end": "11:30"}, "409 room_taken"),
        ({"end": "10:30"}, "409 wrong_state"),
        ({"start": "10:00", "end": "11:30"}, "409 wrong_state"),
        ({"room_id": GROUP, "end": "11:30"}, "409 wrong_state"),
        ({"end": "11:10"}, "422 off_grid"),
        ({"end": "13:30"}, "422 too_long"),
        ({"end": "08:30"}, "422 end_before_start"),
    ):
        await asker.refused(refusal, "POST", f"{here}/change", to)
    news = "9月7日 09:00–10:00 的预约，预约人已改到 研修间201，9月7日 09:00–11:00。"
    assert news in await notices(service, friend)
    await service.move("10:59")
    assert await state(friend, booking) == "in_use"
    await service.move("11:00")
    assert await state(friend, booking) == "completed"


async def test_past_rooms_are_listed_the_latest_first(service: Living) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    assert (await asker.ok("GET", "/past-room-bookings"))["items"] == []
    old = await book(service, asker, start="09:00", end="10:00")
    await confirm(old, friend)
    gone = await book(service, asker, start="12:00", end="13:00")
    await book(service, asker, start="14:00", end="15:00")
    await asker.ok("POST", f"/room-bookings/{gone['id']}/cancel")
    await service.move("09:40")
    past = await asker.ok("GET", "/past-room-bookings?page_size=1")
    assert (past["items"][0]["id"], past["items"][0]["state"]) == (gone["id"], "cancelled")
    assert (past["total"], past["page"], past["page_size"]) == (2, 1, 1)
    (theirs,) = (await friend.ok("GET", "/past-room-bookings"))["items"]
    assert (theirs["id"], theirs["state"], theirs["purpose"]) == (old["id"], "no_show", "")
    history = (await friend.ok("GET", f"/room-bookings/{old['id']}"))["history"]
    assert [(e["event"], e["by"]) for e in history] == [("reserve", "reader"), ("miss", "system")]
    await asker.refused("400 malformed", "GET", "/past-room-bookings?page=0")
