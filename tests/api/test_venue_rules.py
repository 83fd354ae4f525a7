"""Rules of one venue: exam weeks with longer stays, permanent values, and what readers read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from handlers.texts.wording import PLACEHOLDER_NAMES
from miniapp_server.cli.library import library_of
from models.identity.roles import Role
from models.library.entities import AreaId, Venue, VenueId
from models.staff.audit import AuditQuery
from models.transfer.library_file import to_text
from models.transfer.rules import check_library
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.api.reader_groups import ROOM, group
from tests.api.rules_page import PATH, ask
from tests.living import Client, Living
from tests.second_venue import JURIDICUM, LESESAAL

HERE, THERE = "2f-hall-010", "jur-a-1-01"
ANNEX = VenueId("altbau")
ENGLISH = {"Accept-Language": "en"}


def wish(seat: str, day: str, start: str = "09:00", end: str = "15:00") -> dict[str, str]:
    return {"seat_id": seat, "date": day, "start": start, "end": end}


async def dates_of(reader: Client) -> dict[str, int]:
    """The number of days that can be booked in each venue."""
    return {v["id"]: len(v["dates"]) for v in (await reader.ok("GET", "/venues"))["items"]}


async def stays_on(reader: Client, day: str, venue: str) -> set[int]:
    listed = await reader.ok("GET", f"/areas?date={day}&venue={venue}")
    return {area["max_minutes"] for area in listed["items"]}


async def test_exam_weeks_of_one_venue_hold_there_and_then_only(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    tomorrow = date.fromisoformat(service.tomorrow)
    far, last = (tomorrow + timedelta(days=n) for n in (9, 13))
    for seat in (HERE, THERE):
        await reader.refused("422 too_long", "POST", "/reservations", wish(seat, service.tomorrow))

    exams = {"operation": "add", "name": "Klausurwochen", "place": f"v:{JURIDICUM}"}
    exams |= {"first": service.tomorrow, "last": last.isoformat()}
    longer = {"set.max_minutes": "480", "set.booking_window_days": "14"}
    before = await service.books()
    for said, wrong in (
        ("违约统计只能对全馆规定", longer | {"set.violations_window_days": "9"}),
        ("最长时长", {"set.min_minutes": "300"}),
        ("请选择范围", longer | {"place": "v:gone"}),
        ("至少填写一个", {}),
    ):
        refused = await ask(service, head, **exams | wrong, confirmed="yes")
        assert refused.status == 400 and said in refused.body, said
        assert f'value="v:{JURIDICUM}" selected' in refused.body or "place" in wrong
    assert await service.books() == before
    preview = await ask(service, head, **exams, **longer)
    assert "Juridicum：单次最长时长 480 分钟，可提前预约 14 天" in preview.body
    assert (await ask(service, head, **exams, **longer, confirmed="yes")).status == 303
    ((entry,), _) = await service.inside.stored.audit_log.page_of(AuditQuery(action="rules"), 0, 1)
    assert entry.after is not None and "Juridicum：单次最长时长" in str(entry.after["change"])

    # During the weeks: longer and further ahead there, as before in the other house and today.
    booked = await reader.ok("POST", "/reservations", wish(THERE, service.tomorrow))
    await reader.ok("POST", "/reservations", wish(THERE, far.isoformat()))
    for code, seat, day in (
        ("422 too_long", HERE, service.tomorrow),
        ("422 too_long", THERE, service.today),
        ("422 outside_horizon", HERE, far.isoformat()),
        ("422 outside_horizon", THERE, (last + timedelta(days=1)).isoformat()),
    ):
        await reader.refused(code, "POST", "/reservations", wish(seat, day))
    assert await dates_of(reader) == {"library": 2, JURIDICUM: 15}
    assert await stays_on(reader, service.tomorrow, JURIDICUM) == {480}
    assert await stays_on(reader, service.today, JURIDICUM) == {240}
    assert await stays_on(reader, service.tomorrow, "library") == {240, 360}
    ends = await reader.ok("GET", f"/seats/{THERE}/times?date={far}&start=15:00")
    assert ends["ends"][-1]["value"] == "22:30"
    for path, status in (
        (f"/areas?date={far}&venue={JURIDICUM}", 200),
        (f"/areas?date={far}&venue=library", 422),
        (f"/areas?date={far}", 200),
        (f"/areas/jur-lesesaal/map?date={far}", 200),
        (f"/areas/2f-hall/map?date={far}", 422),
        (f"/seats/{HERE}/times?date={far}", 422),
        (f"/proposal?date={far}&venue={JURIDICUM}", 200),
    ):
        assert (await reader.get(path)).status == status, path
    web = Browser(await service.web_reader(reader))
    assert "Lesesaal A" in (await web.get(f"/?date={far}&venue={JURIDICUM}")).body
    moved = await web.get(f"/?date={far}&venue=library")
    assert (moved.status, moved.headers["Location"]) == (
        303,
        f"/?date={service.today}&venue=library",
    )
    words = f"{service.tomorrow} 至 {last}（Klausurwochen）Juridicum：单次最长时长 480 分钟"
    assert words in (await web.get("/rules")).body
    words = (
        f"{service.tomorrow} to {last} (Klausurwochen): Juridicum, at most 480 minutes at a time"
    )
    assert words in (await web.get("/rules", **ENGLISH)).body

    # After them, all is as it was; the booking made meanwhile keeps its time.
    await service.leap(timedelta(days=15))
    assert await dates_of(reader) == {"library": 2, JURIDICUM: 2}
    assert await stays_on(reader, service.tomorrow, JURIDICUM) == {240}
    await reader.refused("422 too_long", "POST", "/reservations", wish(THERE, service.tomorrow))
    assert "Klausurwochen" not in (await web.get("/rules")).body
    stored = await reader.ok("GET", f"/reservations/{booked['id']}")
    assert (stored["start"][11:16], stored["end"][11:16]) == ("09:00", "15:00")


async def test_permanent_values_of_a_venue_hold_there_until_they_are_removed(
    service: Living,
) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    reference = service.inside.reference
    own = {"set.check_in_before_minutes@juridicum": "10", "set.booking_window_days@juridicum": "5"}
    own |= {"set.hall_display@juridicum": "yes", "set.public_occupancy@juridicum": "yes"}
    own |= {"set.accessible_only@juridicum": "yes"}
    longer = {"max_minutes": "300", "booking_window_days": "3", f"area-{ROOM}": ""}
    await group(service, head, **longer)
    wider = await ask(service, head, **own, **{"set.max_minutes@juridicum": "480"})
    for words in (
        "单次最长时长仍是 300 分钟，比Juridicum的 480 分钟少",
        "可提前预约仍是 3 天，比Juridicum的 5 天少",
    ):
        assert words in wider.body and wider.body.count("反而更受限") == 2
    dated = {"operation": "add", "name": "x", "first": service.tomorrow, "last": service.tomorrow}
    dated |= {"place": f"v:{JURIDICUM}", "set.max_minutes": "480", "set.booking_window_days": "4"}
    wider = await ask(service, head, **dated)
    assert "比Juridicum的 4 天少" in wider.body, "a dated longest stay holds for all groups"
    assert wider.body.count("反而更受限") == 1
    preview = await ask(service, head, **own)
    assert "Juridicum 开始前可签到：同全馆 → 10 分钟" in preview.body
    assert (await ask(service, head, **own, confirmed="yes")).status == 303
    assert await dates_of(reader) == {"library": 2, JURIDICUM: 6}
    opening = own | {"set.booking_opens_at@juridicum": "20:00"}
    assert (await ask(service, head, **opening, confirmed="yes")).status == 303
    days = {v["id"]: v["dates"][1:] for v in (await reader.ok("GET", "/venues"))["items"]}
    assert [day["bookable"] for day in days["library"]] == [True]
    # From 20:00 five days before: all but the last day have opened.
    assert [day["bookable"] for day in days[JURIDICUM]] == [True] * 4 + [False]
    assert days[JURIDICUM][-1]["opens_at"] == f"{service.today}T20:00:00+08:00"
    fifth = wish(THERE, days[JURIDICUM][-1]["date"], end="10:00")
    await reader.refused("422 not_open_yet", "POST", "/reservations", fifth)
    shown: list[Any] = [(await reader.get(path)).status for path in DISPLAYS]
    assert shown == [404, 200, 404, 200]
    everywhere = await reader.ok("GET", "/public/occupancy")
    assert {area["venue_id"] for area in everywhere["items"]} == {JURIDICUM}

    await service.move("08:00")
    other = await service.reader()
    early = await reader.reserve(THERE, "09:00", "10:00", service.today)
    there = await other.reserve(HERE, "09:00", "10:00", service.today)
    await service.move("08:45")
    for who, r, actions in ((reader, early, False), (other, there, True)):
        now = await who.ok("GET", f"/reservations/{r['id']}")
        assert ("check_in" in now["actions"]) is actions
    catalogs, room = service.inside.stored.catalogs, reference.catalog.areas[LESESAAL]
    *others, carrel = room.seats
    seats = (*others, replace(carrel, accessible=True))
    assert await catalogs.replace_area(replace(room, seats=seats, rev=room.rev + 1))
    await reference.refresh()
    kept = wish(carrel.id, service.today, "14:00", "15:00")
    await reader.refused("422 seat_kept", "POST", "/reservations", kept)
    states = (await reader.ok("GET", "/areas/jur-lesesaal/map"))["seats"]
    assert [seat["status"] for seat in states][-2:] == ["free", "disabled"]
    hall = reference.catalog.areas[AreaId("2f-hall")].seats
    there = next(seat.id for seat in hall if seat.accessible)
    await reader.ok("POST", "/reservations", kept | {"seat_id": there})
    # The page of rules lists the venue's numbers, in both languages.
    web = Browser(await service.web_reader(reader))
    chinese, english = (await web.get("/rules")).body, (await web.get("/rules", **ENGLISH)).body
    assert "Juridicum：开始前可签到 10 分钟，可提前预约 5 天，无障碍座位只供登记的" in chinese
    assert "读者，放号时间 20:00。" in chinese
    assert (
        "Juridicum: check-in from 10 minutes before the start, booking up to 5 days ahead"
        in english
    )
    # The form shows them; without them the venue follows the library again.
    page = (await head.get("/console/rules")).body
    assert 'name="set.check_in_before_minutes@juridicum" min="0" max="240" value="10"' in page
    gone = dict.fromkeys(opening, "")
    assert (await ask(service, head, **gone, confirmed="yes")).status == 303
    assert service.inside.reference.policy.venues == {}
    assert await dates_of(reader) == {"library": 2, JURIDICUM: 2}


DISPLAYS = (
    "/public/occupancy?venue=library",
    "/public/occupancy?venue=juridicum",
    "//display/library",
    "//display/juridicum",
)


async def test_rules_of_a_retired_or_deleted_venue_apply_nowhere(service: Living) -> None:
    await service.inside.stored.catalogs.add_missing([Venue(ANNEX, "Altbau", order=7)], [], [])
    await service.inside.reference.refresh()
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    exams = {"operation": "add", "name": "Klausuren", "place": f"v:{ANNEX}", "last": ""}
    exams |= {"first": service.tomorrow, "set.meal_times": "12:00-13:00"}
    assert (await ask(service, head, **exams, confirmed="yes")).status == 303
    own = {"set.booking_window_days@altbau": "5", "set.public_occupancy@altbau": "yes"}
    assert (await ask(service, head, **own, confirmed="yes")).status == 303
    assert await dates_of(reader) == {"library": 2, JURIDICUM: 2, ANNEX: 6}

    reference, day = service.inside.reference, date.fromisoformat(service.tomorrow)
    for operation, days, published in (
        ("retire", 1, 404),
        ("restore", 5, 200),
        ("retire", 1, 404),
        ("remove", 1, 404),
    ):
        rev = reference.catalog.venues[ANNEX].rev
        form = {"operation": operation, "name": "Altbau", "base": str(rev)}
        assert (await post(service, head, f"/console/venues/{ANNEX}", **form)).status == 303
        assert reference.policy_on(day, ANNEX).booking_window_days == days
        assert (await reader.get("/public/occupancy")).status == published
        assert ("Klausuren" in (await head.get(PATH)).body) is (operation != "remove")
        assert ("场馆已停用" in (await head.get(PATH)).body) is (operation == "retire")
    # Its file has nothing of it, and other changes of the rules leave all as it is.
    assert (await ask(service, head, max_minutes="120", confirmed="yes")).status == 303
    assert ANNEX in reference.policy.venues
    library = await library_of(service.resources.repositories, reference)
    assert f'"{ANNEX}"' not in to_text(library)
    check_library(library, reference.profile, PLACEHOLDER_NAMES, 2026)
