"""Roles granted in the console: for a venue, for some days, revoked at once."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from handlers.http.keys import service_key
from models.identity.api_tokens import ApiToken
from models.identity.roles import Role, StaffDirectory
from models.kernel.ids import ReaderId
from models.library.entities import Area, AreaId, Seat, SeatId, Venue, VenueId
from models.library.rooms import RoomId
from models.staff.grants import StaffGrants
from tests.api.browsing import Browser
from tests.api.cas_sign_in import begun, granted
from tests.api.console import WHEREFORE, log, post, staff
from tests.living import Client, Living
from tests.second_venue import LESESAAL, retire_second_venue

BRANCH, ROOM = VenueId("branch"), AreaId("branch-room")
THERE = SeatId("branch-room-001")


async def branch(service: Living) -> None:
    """A second venue with one area of two seats."""
    seats = tuple(Seat(SeatId(f"{ROOM}-00{n}"), ROOM, f"00{n}", 60 * n, 0) for n in (1, 2))
    area = Area(ROOM, BRANCH, "分馆阅览室", 1, 99, 400, 400, seats, ())
    await service.inside.stored.catalogs.add_missing([Venue(BRANCH, "分馆")], [area], [])
    await service.inside.reference.refresh()


async def give(service: Living, admin: Browser, number: str, **fields: str) -> Any:
    return await post(service, admin, "/console/staff", number=number, **fields)


async def colleague(service: Living, admin: Browser, role: str = "administrator") -> Client:
    """A person with this role in the branch only, signed in at the campus."""
    person = service.stranger()
    person.number = "21075001"
    await person.get("/" + await granted(service, person, await begun(person)))
    fields = {"role": role, "where": "some", f"venue-{BRANCH}": "1"}
    assert (await give(service, admin, person.number, **fields)).status == 303
    return person


def browser_of(person: Client) -> Browser:
    person.token = next(c.value for c in person.session.cookie_jar if c.key == "seat_sid")
    return Browser(person)


async def again(service: Living, person: Client) -> Browser:
    """A client of this person after typing the password again."""
    await person.get("/" + await granted(service, person, await begun(person, "?renew=1")))
    return browser_of(person)


async def test_a_role_in_one_venue_shows_and_changes_that_venue_only(service: Living) -> None:
    await branch(service)
    admin, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    person = await colleague(service, admin)
    before = browser_of(person)
    assert (await before.get("/console")).headers["Location"].startswith("/login?next=")
    desk = await again(service, person)
    here = await reader.reserve(THERE, "09:00", "11:00")
    main = await reader.reserve("2f-hall-010", "14:00", "16:00")

    # What is shown is the venue's.
    page = (await desk.get("/console")).body
    assert "分馆阅览室" in page and "二层中厅" not in page and "管理员 分馆" in page
    assert "二层中厅" not in (await desk.get("/console/seats")).body
    pages = ("/console/plans", "/console/devices?paired=2f-south", "/console/seat-history")
    for path in (*pages, "/console/statistics/seats?area=2f-hall", "/console/faults"):
        body = (await desk.get(path)).body
        assert "二层中厅" not in body and "选座机 2" not in body, path
    assert (await desk.get(f"/console/reservations/{here['id']}")).status == 200
    for path in (
        "/console/seats?area=2f-hall",
        "/console/plans/2f-hall",
        "/console/plans/2f-hall.json",
        "/console/plans/2f-hall.csv",
        "/console/plans/2f-hall/labels",
        "/console/plans/2f-hall/poster",
        "/console/plans/2f-hall/settings",
        "/console/plans/2f-hall/picture/0123456789abcdef",
        "/console/devices/kiosk/2f-south/poster",
        "/console/devices/kiosk/2f-south/pairing",
        f"/console/reservations/{main['id']}",
    ):
        refused = await desk.get(path)
        assert refused.status == 403 and "只限于自己的场馆" in refused.body, path

    # So is what is done; a refusal leaves everything as it was.
    await service.settle()
    books = await service.books()
    at = f"/console/readers/{reader.reader_id}"
    times = {"date": service.today, "start": "11:00", "end": "12:00"}
    for path, form in {
        f"/console/reservations/{main['id']}/cancel": {},
        f"/console/reservations/{main['id']}/finish": {"reason": ""},
        f"/console/reservations/{here['id']}/move": {"seat": "2f-hall-011"},
        f"/console/reports/{main['id']}/resolve": {},
        f"{at}/book": {"area": "2f-hall", "no": "020", **times},
        "/console/seat-history": {
            **{"area": "2f-hall", "no": "010", "date": service.today, "start": "07:30"}
        },
        "/console/plans/2f-hall": {"plan": "{}"},
        "/console/plans": {"id": "new-area", "venue": "library", "name": "x", "floor": "1"},
        "/console/devices": {
            **{"device": "kiosk", "kind": "seat_kiosk", "id": "new-kiosk"},
            **{"name": "x", "venue": "library"},
        },
        "/console/devices/kiosk/2f-south/key": {},
        "/console/devices/kiosk/2f-south": {
            **{"name": "x", "venue": BRANCH, "was_name": "选座机 2", "was_venue": "library"},
        },
        "/console/devices/kiosk/2f-south/retire": {"was_name": "x", "was_venue": "library"},
        "/console/devices/kiosk/2f-south/delete": {},
        "/console/devices/kiosk/2f-south/pairing": {"code": "000000"},
        "/console/devices/kiosk/2f-south/pair": {"screen": "x", "base": "0"},
        "/console/plans/2f-hall/settings": {"base": "0", "name": "x", "floor": "2"},
        "/console/plans/2f-hall/retire": {"base": "0"},
        "/console/plans/2f-hall/restore": {"base": "0"},
        "/console/plans/2f-hall/delete": {"base": "0"},
        "/console/plans/2f-hall/picture/remove": {"version": ""},
        "/console/seats/2f-hall-010/outage": {"reason": "x"},
        "/console/staff": {"number": person.number, "role": "administrator", "where": "all"},
    }.items():
        refused = await post(service, desk, path, **form)
        assert refused.status == 403 and "只限于自己的场馆" in refused.body, (path, refused.body)
    ways = {f"{source}@{BRANCH}": "1" for source in ("kiosk", "gate", "desk")}
    for base, outcome in {"library:0": 409, f"{BRANCH}:0": 303}.items():
        ways |= {"base": base, "seat_label@library": "1"}
        assert (await post(service, desk, "/console/devices/venues", **ways)).status == outcome
    assert await service.books() == books
    done = await post(service, desk, f"{at}/book", area=ROOM, no="002", **times)
    assert done.status == 303
    gone = await post(service, desk, f"/console/reservations/{here['id']}/cancel")
    assert gone.status == 303
    entry = (await log(service))[-1]
    assert entry == ("cancel", f"reservation:{here['id']}", "done")


def floors_of_round(page: str) -> list[str]:
    """The floors on the patrol page."""
    (nav,) = re.findall(r'aria-label="楼层">(.*?)</nav>', page)
    return re.findall(r">([^<]+)</a>", nav)


async def test_an_administrator_of_one_venue_reorders_its_floors_only(service: Living) -> None:
    """The other venue has floors of the same numbers."""
    await branch(service)
    admin = await staff(service, Role.ADMINISTRATOR)
    desk = await again(service, await colleague(service, admin))
    page = f"/console/plans/{ROOM}/settings"
    fields = {"base": "0", "name": "大阅览室", "floor": "2", "place": "0"}
    assert (await post(service, desk, page, **fields)).status == 303
    body = (await desk.get(page)).body
    assert "大阅览室" in body and "二层中厅" not in body
    # On the round the floors are those of one venue.
    floors = floors_of_round((await admin.get("/console/seats?area=2f-hall")).body)
    assert floors == ["二层", "三层", "四层"]
    assert floors_of_round((await desk.get("/console/seats")).body) == ["二层"]


async def test_the_staff_api_lists_and_settles_items_of_granted_venues_only(
    service: Living,
) -> None:
    await branch(service)
    admin, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    person = await colleague(service, admin, "librarian")
    await again(service, person)
    person.token = next(c.value for c in person.session.cookie_jar if c.key == "seat_sid")
    desk = person
    ids = []
    for seat, start, end in ((THERE, "09:00", "10:00"), ("2f-hall-010", "10:00", "11:00")):
        made = await reader.reserve(seat, start, end)
        ids.append(made["id"])
        report = {
            "report": {"kind": "taken", "seat": seat, "at": service.clock.now(), "open": True}
        }
        report["report"]["desk"] = True
        await service.db["reservations"].update_one({"_id": made["id"]}, {"$set": report})
    reports = await desk.ok("GET", "/staff/reports")
    assert [item["seat"]["id"] for item in reports["items"]] == [THERE] and reports["total"] == 1
    assert "2f-hall" not in (await browser_of(desk).get("/console/reports")).body
    desk.token = next(c.value for c in person.session.cookie_jar if c.key == "seat_sid")
    await desk.refused("403 other_venue", "POST", f"/staff/reports/{ids[1]}/resolve")
    body = {"from": "2026-09-01T00:00:00+08:00", "to": "2026-09-02T00:00:00+08:00"}
    await desk.refused("403 other_venue", "POST", "/staff/violations/waive", body | {"reason": "x"})
    assert (await desk.ok("GET", "/staff/appeals"))["total"] == 0
    there = replace(service.inside.reference.room("r402"), id=RoomId("there"), venue_id=BRANCH)
    await service.inside.stored.rooms.put([there])
    await service.inside.reference.refresh()
    asked = {"date": service.today, "start": "14:00", "end": "15:00", "purpose": "x"}
    for room in ("r402", "there"):
        other = await service.reader()
        ids.append((await other.ok("POST", "/room-bookings", asked | {"room_id": room}))["id"])
    requests = (await desk.ok("GET", "/staff/room-requests"))["items"]
    assert [request["room"]["id"] for request in requests] == ["there"]
    await desk.refused("403 other_venue", "POST", f"/staff/room-requests/{ids[2]}/approve")
    await desk.ok("POST", f"/staff/room-requests/{ids[3]}/approve")


async def test_a_revoked_grant_ends_at_once_and_a_dated_one_after_its_last_day(
    service: Living,
) -> None:
    await service.move("23:40")
    admin = await staff(service, Role.ADMINISTRATOR)
    person = service.stranger()
    person.number = "21075002"
    await person.get("/" + await granted(service, person, await begun(person)))
    done = await give(
        service, admin, person.number, role="librarian", where="all", last=service.today
    )
    assert done.status == 303
    desk = await again(service, person)
    assert (await desk.get("/console")).status == 200
    page = (await admin.get("/console/staff")).body
    match = re.search(r'action="(/console/staff/[0-9a-f]+/[0-9a-f]+/end)"', page)
    assert "API 令牌" not in page.split("在这里授予的权限")[1]
    row = await service.db["readers"].find_one({"staff_grants.0": {"$exists": True}})
    assert row is not None
    until = service.clock.now() + timedelta(days=9)
    for name in ("一层大厅屏幕", "旧的报表"):
        made = ApiToken(name, name, frozenset(), 60, ReaderId(row["_id"]), until, until)
        assert await service.inside.stored.api_tokens.insert(name, made)
    await service.inside.stored.api_tokens.revoke("旧的报表", service.clock.now())
    staff_page = (await admin.get("/console/staff")).body.split("在这里授予的权限")[1]
    assert "不随权限失效：一层大厅屏幕</span>" in staff_page, "they go on when the role has ended"
    assert match is not None and f"到 {service.today}" in page
    assert (await post(service, admin, match[1])).status == 303
    assert (await desk.get("/console")).status == 403, "at once, in the same session"
    assert "没有。" in (await admin.get("/console/staff")).body
    await give(service, admin, person.number, role="librarian", where="all", last=service.today)
    assert (await desk.get("/console")).status == 200, "the sign-in still counts"
    await service.move(timedelta(minutes=19))
    assert (await desk.get("/console")).status == 200
    await service.move(timedelta(minutes=1))
    assert (await desk.get("/console")).status == 403, "its last day is over"
    assert [entry[0] for entry in await log(service)] == ["grant"] * 3


async def test_invalid_grants_and_removing_the_last_administrator_are_refused(
    service: Living,
) -> None:
    admin = await staff(service, Role.ADMINISTRATOR)
    for fields, words in (
        ({"number": "21999999", "role": "viewer", "where": "all"}, "还没有登录过"),
        ({"number": admin.client.number, "role": "king", "where": "all"}, "请选择角色"),
        ({"number": admin.client.number, "role": "viewer", "where": "some"}, "请选择场馆"),
        (
            {"number": admin.client.number, "role": "viewer", "where": "all", "last": "2026-09-01"},
            "结束日期应不早于今天",
        ),
    ):
        refused = await post(service, admin, "/console/staff", **fields)
        assert refused.status == 400 and words in refused.body, words
        assert WHEREFORE in refused.body, "nothing that was typed is lost"
    # Without administrators in the settings the last one cannot be taken away.
    configured = service.app[service_key(StaffGrants)]
    configured._configured = StaffDirectory({}, {})
    done = await give(service, admin, admin.client.number, role="administrator", where="all")
    assert done.status == 303
    page = (await admin.get("/console/staff")).body
    match = re.search(r'action="(/console/staff/[0-9a-f]+/[0-9a-f]+/end)"', page)
    assert match is not None
    refusal = await post(service, admin, match[1])
    assert refusal.status == 409 and "最后一位全馆管理员" in refusal.body
    assert match[1] in (await admin.get("/console/staff")).body


async def test_areas_are_listed_under_their_venues_in_the_order_of_venues(service: Living) -> None:
    """By floor within a venue. A library with a single venue has no such headings."""
    head, paths = await staff(service, Role.ADMINISTRATOR), ["/console", "/console/plans"]
    paths += ["/console/calendar", "/console/groups/new", "/console/seat-history"]
    first, second = [rf'(?:>|label="){name}(?:<|").*?' for name in ("图书馆", "Juridicum")]
    order = re.compile(f"{first}二层中厅.*?{second}0层 A区.*?1层 Lesesaal A", re.DOTALL)
    for path in paths:
        page = (await head.get(path)).body
        assert order.search(page.partition("<main")[2]), path
    rules = (await head.get("/console/rules")).body
    assert 0 < rules.find("图书馆 二层中厅") < rules.find("Juridicum 0层 A区")
    here = (await head.get(f"/console/seats?area={LESESAAL}")).body
    chips = re.findall(r'href="/console/seats\?area=[\w-]+"[^>]*>([^<]+)<', here)
    assert (
        chips == ["图书馆", "Juridicum", "零层", "一层"] and "巡视 Juridicum 1层 Lesesaal A" in here
    )

    await retire_second_venue(service.app)
    for path in [*paths, "/console/seats"]:
        page = (await head.get(path)).body
        assert "二层中厅" in page and 'class="venue"' not in page and "<optgroup" not in page, path
        assert 'aria-label="场馆"' not in page, path
