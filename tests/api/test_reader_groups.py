"""Reader groups over HTTP: memberships by campus, list and staff, and reserved areas."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from models.identity.roles import Role
from models.library.entities import AreaId
from models.policy.entities import PolicyOverride
from tests.api.browsing import Browser
from tests.api.cas_sign_in import begun, granted
from tests.api.changes import rules, with_rules
from tests.api.console import log, post, staff
from tests.api.display_board import rows
from tests.api.reader_groups import HALL, ROOM, SEAT, base, enter, group
from tests.api.rules_page import ask
from tests.living import Client, Living


async def place(who: Client, seat: str = SEAT, day: str = "") -> Any:
    """The seat on the reader's own plan."""
    query = f"?date={day}" if day else ""
    seats = (await who.ok("GET", f"/areas/{seat[:7]}/map{query}"))["seats"]
    return next(s for s in seats if s["id"] == seat)


def wish(service: Living, day: str = "", **other: str) -> dict[str, str]:
    usual = {"seat_id": SEAT, "date": day or service.today, "start": "09:00", "end": "11:00"}
    return usual | other


async def test_an_area_is_open_to_group_members_until_their_membership_ends(
    service: Living,
) -> None:
    admin, member, other = (
        await staff(service, Role.ADMINISTRATOR),
        await service.reader(),
        await service.reader(),
    )
    before = await other.get(f"/areas/{ROOM}/map")
    assert "reserved_for" not in str(before.body)
    id = await group(service, admin, shown_name="研究生读者")
    assert (await enter(service, admin, member, id, last=service.today)).status == 303
    # The plan, the list and the seat say whose it is, to who is not in the group.
    barred = await place(other)
    assert (barred["status"], barred["reserved_for"]) == ("disabled", ["研究生读者"])
    assert (await place(member))["status"] == "free"
    assert "reserved_for" not in await place(member)
    areas = {a["id"]: a for a in (await other.ok("GET", "/areas"))["items"]}
    assert (areas[ROOM]["seats_free"], areas[ROOM]["reserved_for"]) == (0, ["研究生读者"])
    assert "reserved_for" not in areas[HALL]
    own = {a["id"]: a for a in (await member.ok("GET", "/areas"))["items"]}
    assert own[ROOM]["seats_free"] > 0
    assert (await other.ok("GET", f"/seats/{SEAT}/times"))["starts"] == []
    assert (await other.ok("GET", f"/seats/{SEAT}"))["reserved_for"] == ["研究生读者"]
    # Booking, moving there and waiting are refused with the group's name; the desk is told too.
    refused = await other.refused("422 group_only", "POST", "/reservations", wish(service))
    assert refused.details == {"groups": ["研究生读者"]}
    assert "研究生读者" in refused.body["error"]["message"]
    elsewhere = await other.reserve("2f-hall-010", "14:00", "15:00")
    change = f"/reservations/{elsewhere['id']}/change"
    await other.refused("422 group_only", "POST", change, {"seat_id": SEAT})
    line = {"area_id": ROOM, "seats": [], "date": service.today, "start": "14:00", "end": "15:00"}
    await other.refused("422 group_only", "POST", "/waitlist", line)
    here = f"/console/readers/{other.reader_id}/book"
    times = {"date": service.today, "start": "09:00", "end": "10:00"}
    desk = await post(service, admin, here, area=ROOM, no="056", **times)
    assert desk.status == 422 and "仅限研究生读者" in desk.body
    made = await member.ok("POST", "/reservations", wish(service))
    # The membership's last day is today: tomorrow's seats are not theirs.
    assert (await place(member, day=service.tomorrow))["status"] == "disabled"
    await member.refused("422 group_only", "POST", "/reservations", wish(service, service.tomorrow))
    assert made["state"] == "reserved"
    web = Browser(await service.web_reader(other))
    page = (await web.get(f"/areas/{ROOM}?seat={SEAT}")).body
    assert "本区域仅限研究生读者预约" in page and "该座位仅限研究生读者预约" in page
    assert 'aria-label="056号 仅限研究生读者' in page
    assert "仅限研究生读者" in (await web.get("/")).body
    # The hall's screen does not call the room full: it is not everybody's.
    await with_rules(service, hall_display=True)
    assert (await rows(service))["二层东区"] == ["仅限研究生读者"]


async def test_readers_with_the_same_groups_share_one_cached_plan(service: Living) -> None:
    """Without reserved seats in the area, readers without groups get the same bytes as all others;
    readers with the same groups share theirs."""
    admin = await staff(service, Role.ADMINISTRATOR)
    one, two, other = await service.reader(), await service.reader(), await service.reader()

    async def plan(who: Client, area: str) -> tuple[Any, str]:
        answer = await who.get(f"/areas/{area}/map")
        return answer.body, answer.headers["ETag"]

    hall = await plan(other, HALL)
    id = await group(service, admin)
    club = await group(service, admin, name="读书会", **{f"area-{ROOM}": ""}, max_minutes="60")
    await enter(service, admin, one, id)
    await enter(service, admin, two, id)
    await enter(service, admin, two, club)
    assert await plan(one, HALL) == await plan(two, HALL) == await plan(other, HALL) == hall
    assert await plan(one, ROOM) == await plan(two, ROOM)
    theirs, etag = await plan(other, ROOM)
    mine, own = await plan(one, ROOM)
    assert etag != own and theirs != mine
    conditional = await other.get(f"/areas/{ROOM}/map", **{"If-None-Match": etag})
    assert conditional.status == 304
    assert (await one.get(f"/areas/{ROOM}/map", **{"If-None-Match": etag})).status == 200


async def test_the_most_generous_limits_of_a_readers_groups_apply(service: Living) -> None:
    admin, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    nothing = {f"area-{ROOM}": ""}
    week = await group(service, admin, **nothing, max_minutes="480", booking_window_days="3")
    short = await group(service, admin, name="校外", **nothing, max_minutes="60")
    long = wish(service, start="09:00", end="16:00")
    await reader.refused("422 too_long", "POST", "/reservations", long)
    await enter(service, admin, reader, short)
    too_long = wish(service, start="09:00", end="11:00")
    refused = await reader.refused("422 too_long", "POST", "/reservations", too_long)
    assert refused.details == {"max_minutes": 60}
    ends = (await reader.ok("GET", f"/seats/{SEAT}/times?start=09:00"))["ends"]
    assert [end["value"] for end in ends] == ["10:00"]
    await enter(service, admin, reader, week)
    assert (await reader.ok("POST", "/reservations", long))["state"] == "reserved"
    # Three days ahead: on the plan, in the list of days, and to be booked; a day later not.
    day = (service.clock.now() + timedelta(days=3)).date()
    later = day + timedelta(days=1)
    (venue, *_) = (await reader.ok("GET", "/venues"))["items"]
    assert venue["dates"][-1]["date"] == day.isoformat() and len(venue["dates"]) == 4
    assert (await place(reader, day=day.isoformat()))["status"] == "free"
    await reader.ok("POST", "/reservations", wish(service, day.isoformat()))
    await reader.refused(
        "422 outside_horizon", "POST", "/reservations", wish(service, later.isoformat())
    )
    await reader.refused("422 outside_horizon", "GET", f"/areas/{ROOM}/map?date={later}")
    other = await service.reader()
    await other.refused(
        "422 outside_horizon", "POST", "/reservations", wish(service, day.isoformat())
    )
    limits = {a["id"]: a["max_minutes"] for a in (await reader.ok("GET", "/areas"))["items"]}
    usual = {a["id"]: a["max_minutes"] for a in (await other.ok("GET", "/areas"))["items"]}
    assert (limits[HALL], usual[HALL]) == (480, 240)
    assert await service.inside.stored.policies.farthest_horizon() == 3, "for the statistics"


async def test_a_booking_window_from_a_date_on_applies_to_readers_without_groups(
    service: Living,
) -> None:
    admin, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    await group(service, admin, booking_window_days="2", **{f"area-{ROOM}": ""})
    today = date.fromisoformat(service.today)
    longer = PolicyOverride("考试周", today, today + timedelta(days=9), {"booking_window_days": 5})
    await rules(service, rule_sets=(longer,))
    day = today + timedelta(days=5)
    (venue, *_) = (await reader.ok("GET", "/venues"))["items"]
    assert venue["dates"][-1]["date"] == day.isoformat()
    assert (await reader.ok("POST", "/reservations", wish(service, day.isoformat())))["id"]


async def test_members_have_the_library_s_numbers_where_theirs_are_a_minimum(
    service: Living,
) -> None:
    admin, member, fixed = (
        await staff(service, Role.ADMINISTRATOR),
        await service.reader(),
        await service.reader(),
    )
    numbers = {"max_minutes": "300", "booking_window_days": "3", f"area-{ROOM}": ""}
    minimum = {"max_minutes_at_least": "on", "booking_window_days_at_least": "on"}
    id = await group(service, admin, **numbers, **minimum)
    await enter(service, admin, member, id)
    replacing = await group(service, admin, name="校外", **numbers)
    await enter(service, admin, fixed, replacing)

    async def days(who: Client) -> int:
        (venue, *_) = (await who.ok("GET", "/venues"))["items"]
        return len(venue["dates"])

    async def longest(who: Client) -> int:
        areas = (await who.ok("GET", "/areas"))["items"]
        return int(next(area["max_minutes"] for area in areas if area["id"] == HALL))

    assert (await days(member), await longest(member)) == (4, 300), "more than the library's"
    await with_rules(service, booking_window_days=5, max_minutes=360)
    assert (await days(member), await longest(member)) == (6, 360)
    assert (await days(fixed), await longest(fixed)) == (4, 300)
    day = (service.clock.now() + timedelta(days=5)).date().isoformat()
    long = wish(service, day, start="09:00", end="15:00")
    assert (await place(member, day=day))["status"] == "free"
    await fixed.refused("422 outside_horizon", "GET", f"/areas/{ROOM}/map?date={day}")
    await fixed.refused("422 outside_horizon", "POST", "/reservations", long)
    assert (await member.ok("POST", "/reservations", long))["state"] == "reserved"
    # The form shows the choice, and the audit log its change.
    page = (await admin.get(f"/console/groups/{id}")).body
    assert page.count('value="on" selected>至少') == 2
    fields = {"name": "研究生", "base": "0"} | numbers
    assert (await post(service, admin, f"/console/groups/{id}", **fields)).status == 303
    assert await days(member) == 4
    assert "≥ 300" in (await admin.get(f"/console/audit?target=group:{id}")).body


async def test_a_shorter_library_maximum_affects_only_readers_outside_the_group(
    service: Living,
) -> None:
    admin, member, other = (
        await staff(service, Role.ADMINISTRATOR),
        await service.reader(),
        await service.reader(),
    )
    id = await group(service, admin, max_minutes="480", **{f"area-{ROOM}": ""})
    await enter(service, admin, member, id)
    booking = await member.reserve("2f-hall-010", "09:00", "13:00", service.tomorrow)
    lost = await other.reserve("2f-hall-011", "09:00", "13:00", service.tomorrow)
    preview = await ask(service, admin, max_minutes="120", reason="名额紧张")
    assert "<b>1</b> 个预约" in preview.body, preview.body
    done = await ask(
        *(service, admin), max_minutes="120", reason="名额紧张", confirmed="yes", bookings="cancel"
    )
    assert done.status == 303
    for who, made, state in ((member, booking, "reserved"), (other, lost, "cancelled")):
        assert (await who.ok("GET", f"/reservations/{made['id']}"))["state"] == state


async def test_campus_memberships_are_updated_at_each_sign_in(service: Living) -> None:
    admin = await staff(service, Role.ADMINISTRATOR)
    id = await group(service, admin, patterns="userType=grad*")
    browser = service.stranger()
    browser.number = "S21070001"
    first = await granted(service, browser, await begun(browser))
    assert (await browser.get("/" + first)).status == 302
    stored = service.inside.stored
    (reader_id,) = (await stored.readers.by_numbers([browser.number])).values()
    reader = await stored.readers.get(reader_id)
    assert reader is not None
    assert [(m.group_id, m.source) for m in reader.memberships] == [(id, "campus")]
    page = await admin.get(f"/console/readers/{reader_id}")
    assert "统一身份认证" in page.body and "随登录更新" in page.body
    # By hand, too; then the campus does not name them any more.
    browser.reader_id = reader_id
    await enter(service, admin, browser, id)
    changed = await post(
        service,
        admin,
        f"/console/groups/{id}",
        name="研究生",
        patterns="userType=staff",
        base="0",
        **{f"area-{ROOM}": "on"},
    )
    assert changed.status == 303
    again = await granted(service, browser, await begun(browser, "?renew=1"))
    assert (await browser.get("/" + again)).status == 302
    reader = await stored.readers.get(reader_id)
    assert reader is not None and [m.source for m in reader.memberships] == ["desk"]
    # Nothing has changed since: nothing is written at a sign-in.
    entry = await service.db["readers"].find_one({"_id": reader_id})
    third = await granted(service, browser, await begun(browser, "?renew=1"))
    await browser.get("/" + third)
    now = await service.db["readers"].find_one({"_id": reader_id})
    assert entry is not None and now is not None and now["memberships"] == entry["memberships"]


async def test_a_list_of_members_is_previewed_line_by_line_before_it_is_saved(
    service: Living,
) -> None:
    admin, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    id = await group(service, admin)
    here, number = f"/console/groups/{id}/members", reader.number
    dated = "21079001,2026-09-31\n21079002,2026-09-09,2026-09-08"
    wrong = f"学号,开始,结束\n{number}\n?!\n{number}\n{dated}"
    before = await service.books()
    refused = await post(service, admin, here, list=wrong)
    assert refused.status == 400 and "4 行有误" in refused.body
    for line in ("第 3 行", "与第 2 行重复", "第 5 行", "结束日期早于开始日期"):
        assert line in refused.body, line
    assert "21079002" in refused.body, "nothing that was typed is lost"
    good = f"学号,开始,结束\n{number.lower()}\n21079001，2026/09/08，2026-12-31"
    preview = await post(service, admin, here, list=good)
    assert (
        preview.status == 200
        and "<b>2</b> 人将加入" in preview.body
        and "<b>1</b> 人还没有登录过" in preview.body
    )
    assert await service.books() == before
    done = await post(service, admin, here, list=good, confirmed="yes")
    assert done.headers["Location"].endswith("?done=members-2")
    assert (await place(reader))["status"] == "free"
    # Who signs in for the first time finds the membership.
    late = service.stranger()
    late.number = "21079001"
    await late.get("/" + await granted(service, late, await begun(late)))
    (reader_id,) = (await service.inside.stored.readers.by_numbers([late.number])).values()
    stored_reader = await service.inside.stored.readers.get(reader_id)
    assert stored_reader is not None and stored_reader.name and stored_reader.category == "student"
    assert [(m.source, str(m.first), str(m.last)) for m in stored_reader.memberships] == [
        ("file", "2026-09-08", "2026-12-31")
    ]
    assert number not in await service.all_documents(), "numbers are sealed"
    actions = [action for action, _, _ in await log(service)]
    assert actions == ["group", "members"]


async def test_reserving_an_area_asks_about_bookings_of_other_readers(service: Living) -> None:
    admin, other = await staff(service, Role.ADMINISTRATOR), await service.reader()
    made = await other.reserve(SEAT, "14:00", "16:00")
    form = {"name": "研究生", f"area-{ROOM}": "on"}
    preview = await post(service, admin, "/console/groups", **form)
    assert preview.status == 200 and "<b>1</b> 个预约不再符合新的专用范围" in preview.body
    assert service.inside.reference.groups.by_id == {}
    saved = await post(service, admin, "/console/groups", **form, confirmed="y", bookings="keep")
    assert saved.status == 303
    assert (await other.ok("GET", f"/reservations/{made['id']}"))["state"] == "reserved"
    assert (await place(other))["status"] == "mine" or (await place(other))["reserved_for"]
    page = (await admin.get(f"/console/readers/{other.reader_id}")).body
    assert "有 1 个当前预约的座位已不供该读者" in page
    # What was kept is asked about no more; what a seat takes in addition is.
    second = await other.reserve("2f-hall-010", "17:00", "18:00")
    (id,) = service.inside.reference.groups.by_id
    more = form | {"base": "0", f"seats-{HALL}": "008-012"}
    preview = await post(service, admin, f"/console/groups/{id}", **more)
    assert "<b>1</b> 个预约" in preview.body and "010号" in preview.body
    gone = await post(
        service, admin, f"/console/groups/{id}", **more, confirmed="y", bookings="cancel"
    )
    assert gone.status == 303
    assert (await other.ok("GET", f"/reservations/{second['id']}"))["state"] == "cancelled"
    assert (await other.ok("GET", f"/reservations/{made['id']}"))["state"] == "reserved"


async def test_reservations_for_a_group_survive_the_retirement_of_the_area(service: Living) -> None:
    admin, other = await staff(service, Role.ADMINISTRATOR), await service.reader()
    id = await group(service, admin, **{f"seats-{HALL}": "010", f"area-{ROOM}": "on"})
    for area, verb in ((ROOM, "retire"), (HALL, "retire")):
        page = f"/console/plans/{area}/{verb}"
        done = await post(service, admin, page, base="0", confirmed="yes", bookings="keep")
        assert done.status == 303
    saved = await post(service, admin, f"/console/groups/{id}", name="博士生", base="0")
    assert saved.status == 303, saved.body
    for area in (ROOM, HALL):
        page = f"/console/plans/{area}/restore"
        assert (await post(service, admin, page, base="1")).status == 303
    for seat in (SEAT, "2f-hall-010"):
        assert (await place(other, seat))["reserved_for"] == ["博士生"], seat
    assert "reserved_for" not in await place(other, "2f-hall-011")


async def test_a_free_group_seat_is_offered_to_group_members_only(service: Living) -> None:
    admin, owner = await staff(service, Role.ADMINISTRATOR), await service.reader()
    outside, member = await service.reader(), await service.reader()
    made = await owner.reserve(SEAT, "14:00", "15:00")
    line = {
        **{"area_id": ROOM, "seats": [SEAT], "date": service.today},
        **{"start": "14:00", "end": "15:00"},
    }
    await outside.ok("POST", "/waitlist", line)
    await member.ok("POST", "/waitlist", line)
    form = {f"area-{ROOM}": "", f"seats-{ROOM}": "056", "confirmed": "y", "bookings": "keep"}
    id = await group(service, admin, **form)
    await enter(service, admin, member, id)
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    assert (await outside.ok("GET", "/waitlist"))["items"][0]["offer"] is None
    offer = (await member.ok("GET", "/waitlist"))["items"][0]["offer"]

    # Who is taken out of the group meanwhile cannot take the seat any more.
    here, shown_base = f"/console/readers/{member.reader_id}/membership", await base(admin, member)
    out = await post(service, admin, here, group=id, source="desk", remove="1", base=shown_base)
    assert out.status == 303
    accept = f"/reservations/{offer['id']}/accept"
    await member.refused("422 group_only", "POST", accept)
    await enter(service, admin, member, id)
    assert (await member.ok("POST", accept))["state"] == "reserved"


async def test_the_second_of_two_changes_of_a_group_is_a_conflict_and_keeps_its_input(
    service: Living,
) -> None:
    admin, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    id = await group(service, admin)
    first = {"name": "研究生", "shown_name": "硕士生", "base": "0"}
    assert (await post(service, admin, f"/console/groups/{id}", **first)).status == 303
    late = await post(service, admin, f"/console/groups/{id}", **first | {"shown_name": "博士生"})
    assert late.status == 409 and 'value="博士生"' in late.body and "其他人修改过" in late.body
    stale = await base(admin, reader)
    await enter(service, admin, reader, id)
    here = f"/console/readers/{reader.reader_id}/membership"
    refused = await post(service, admin, here, group=id, base=stale, last="2026-12-31")
    assert refused.status == 409 and 'value="2026-12-31"' in refused.body
    twice = await post(service, admin, "/console/groups", name="研究生", max_minutes="9999")
    assert twice.status == 400 and 'value="9999"' in twice.body
    twice = await post(service, admin, "/console/groups", name="研究生")
    assert twice.status == 409 and "已有同名的读者组" in twice.body
    member_base = await base(admin, reader)
    leaving = {"group": id, "source": "desk", "remove": "1", "base": member_base}
    long = await post(service, admin, here, **leaving, reason="长" * 300)
    # Both forms go to one address: the one that was sent is open, with its reason, and no other.
    assert long.status == 400 and long.body.count("<details open>") == 1
    opened = long.body.index("<details open><summary>移出")
    assert opened < long.body.index("长" * 300) < long.body.index("加入读者组，或更改日期")
    out = await post(service, admin, here, **leaving)
    assert out.status == 303
    gone = await post(service, admin, f"/console/groups/{id}/delete", base="1")
    assert gone.status == 303
    area = service.inside.reference.catalog.areas[AreaId(ROOM)]
    assert all(
        service.inside.reference.may_use_seat(seat, None, service.clock.now().date())
        for seat in area.seats
    )


async def test_a_reader_in_two_groups_has_one_daily_limit(service: Living) -> None:
    """The library's daily limit applies once and not for each group."""
    admin, member = await staff(service, Role.ADMINISTRATOR), await service.reader()
    for name, hours in (("研究生", "360"), ("教师", "480")):
        id = await group(service, admin, name=name, max_minutes=hours)
        assert (await enter(service, admin, member, id)).status == 303
    await with_rules(service, daily_booking_limit=2)
    await member.ok("POST", "/reservations", wish(service))
    hall = {"seat_id": f"{HALL}-050", "start": "12:00", "end": "13:00"}
    await member.ok("POST", "/reservations", wish(service, **hall))
    later = wish(service, start="14:00", end="15:00")
    await member.refused("422 daily_limit", "POST", "/reservations", later)


async def test_a_policy_preview_names_groups_with_stricter_limits(service: Living) -> None:
    """The library's number may grow beyond one that replaces it, and takes a minimum along."""
    head = await staff(service, Role.ADMINISTRATOR)
    await group(service, head, booking_window_days="7", max_minutes="60")
    minimum = {"booking_window_days_at_least": "on", "max_minutes_at_least": "on"}
    await group(service, head, name="教师", booking_window_days="7", max_minutes="60", **minimum)
    preview = await ask(service, head, booking_window_days="14")
    assert "“研究生”的可提前预约仍是 7 天，比全馆的 14 天少" in preview.body
    assert "“教师”" not in preview.body
    assert "仍是 60 分钟" not in preview.body, "it is meant, and was so before"
    preview = await ask(service, head, booking_window_days="7")
    assert "比全馆" not in preview.body
    listed = (await head.get("/console/groups")).body
    assert "最长 1 小时（比全馆少）" in listed and "提前 7 天（" not in listed
    assert "最长至少 1 小时 · 提前至少 7 天" in listed
