"""Actions of staff for single readers: booking for them, and confidential accommodations."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from models.identity.roles import Role
from models.readers.accommodations import Accommodation
from tests.api.audit_log import facts
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.living import Client, Living

# --- booking in their place -----------------------------------------------------------------------


async def test_staff_book_a_seat_for_a_reader(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    path = f"/console/readers/{reader.reader_id}/book"
    form = {"area": "2f-hall", "no": "010", "date": service.tomorrow, "start": "09:00"}
    assert (await post(service, desk, path, **form, end="11:00")).status == 303
    (mine,) = (await reader.ok("GET", "/me"))["active"]
    assert mine["seat"]["id"] == "2f-hall-010"
    detail = await reader.ok("GET", f"/reservations/{mine['id']}")
    assert detail["history"][0]["by"] == "librarian"
    await service.settle()
    assert (await reader.ok("GET", "/messages"))["items"][0]["template"] == "RESERVED"
    (_, after, outcome), *_ = await facts(service, "book")
    assert outcome == "done" and after["seat"] == "2f-hall-010"
    # The reader's rules stand: what is refused stands on the page, with what was typed.
    before = await service.books()
    for changed, status, words in (
        ({"end": "11:00"}, 409, "已有"),
        ({"start": "13:00", "end": "22:00"}, 422, "最多"),
        ({"start": "", "end": "22:00"}, 422, ""),
        ({"no": "999", "end": "11:00"}, 400, "没有这个座位"),
        ({"end": "11:00", "reason": ""}, 400, "请写明原因"),
    ):
        answer = await post(service, desk, path, **form | changed)
        assert answer.status == status and words in answer.body, (changed, answer.body[:3000])
        assert 'role="alert"' in answer.body and f'value="{(form | changed)["no"]}"' in answer.body
    assert await service.books() == before


# --- accommodations -------------------------------------------------------------------------------


async def granted(service: Living, desk: Browser, reader: Client, **form: str) -> None:
    here = f"/console/readers/{reader.reader_id}"
    base = await accommodation_base(desk, here)
    assert (await post(service, desk, f"{here}/allow", base=base, **form)).status == 303


async def accommodation_base(desk: Browser, here: str) -> str:
    match = re.search(r'name="base" value="(\w+)"', (await desk.get(here)).body)
    assert match is not None
    return match[1]


async def test_extra_minutes_apply_to_the_granted_reader_only(service: Living) -> None:
    desk, reader, other = await staff(service), await service.reader(), await service.reader()
    await granted(service, desk, reader, check_in_minutes="20", leave_minutes="15")
    mine = await reader.reserve("2f-hall-010", "09:00", "12:00")
    theirs = await other.reserve("2f-hall-011", "09:00", "12:00")
    assert mine["check_in_until"][11:16] == "09:50" and theirs["check_in_until"][11:16] == "09:30"
    await service.move("09:45")
    assert (await other.ok("GET", f"/reservations/{theirs['id']}"))["state"] == "no_show"
    qr = {"qr": await service.qr()}
    await reader.ok("POST", f"/reservations/{mine['id']}/check-in", qr)
    away = await reader.ok("POST", f"/reservations/{mine['id']}/leave")
    assert away["return_by"][11:16] == "10:30"
    await service.move("09:50")
    # Taken back, a leave is as everybody's.
    await reader.ok("POST", f"/reservations/{mine['id']}/check-in", {"qr": await service.qr()})
    await granted(service, desk, reader)
    away = await reader.ok("POST", f"/reservations/{mine['id']}/leave")
    assert away["return_by"][11:16] == "10:20"


async def test_the_second_of_two_changes_of_an_accommodation_is_a_conflict(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    here = f"/console/readers/{reader.reader_id}"
    stale = await accommodation_base(desk, here)
    await granted(service, desk, reader, accessible="on")
    late = await post(service, desk, f"{here}/allow", base=stale, check_in_minutes="10")
    assert late.status == 409 and 'value="10"' in late.body
    stands = service.inside.reference.accommodation_of(reader.reader_id)
    assert stands == Accommodation(accessible=True)


async def accessible_seat(service: Living) -> str:
    """Reserves accessible seats for granted readers. Returns one such seat."""
    inside = service.inside
    policy = replace(
        inside.reference.policy, version=inside.reference.policy.version + 1, accessible_only=True
    )
    await inside.reference.publish(policy, service.clock.now())
    return next(seat.id for seat in inside.reference.catalog.seats.values() if seat.accessible)


async def test_accessible_seats_are_for_readers_who_need_them(service: Living) -> None:
    desk, reader, other = await staff(service), await service.reader(), await service.reader()
    seat_id = await accessible_seat(service)
    area = service.inside.reference.catalog.seats[seat_id].area_id  # type: ignore[index]
    wish = {"seat_id": seat_id, "date": service.today, "start": "09:00", "end": "11:00"}

    async def status_for(who: Client) -> str:
        seats = (await who.ok("GET", f"/areas/{area}/map"))["seats"]
        return next(str(s["status"]) for s in seats if s["id"] == seat_id)

    await reader.refused("422 seat_kept", "POST", "/reservations", wish)
    assert await status_for(reader) == "disabled"
    assert (await reader.ok("GET", f"/seats/{seat_id}/times"))["starts"] == []
    await granted(service, desk, reader, accessible="on", until=service.today)
    assert await status_for(reader) == "free" and await status_for(other) == "disabled"
    assert (await reader.ok("GET", f"/seats/{seat_id}/times"))["starts"] != []
    made = await reader.ok("POST", "/reservations", wish)
    await other.refused("422 seat_kept", "POST", "/reservations", wish)
    assert await status_for(other) == "disabled", "nor that somebody has it"
    moved = await other.reserve("2f-hall-010", "14:00", "15:00")
    await other.refused(
        "422 seat_kept", "POST", f"/reservations/{moved['id']}/change", {"seat_id": seat_id}
    )
    line = {"area_id": area, "seats": [seat_id], "start": "14:00", "end": "15:00"}
    waiting = await service.reader()
    await waiting.ok("POST", "/waitlist", line | {"date": service.today})
    await service.settle()
    assert (await waiting.ok("GET", "/waitlist"))["items"][0]["offer"] is None
    # Only up to its day.
    await reader.refused(
        "422 seat_kept", "POST", "/reservations", wish | {"date": service.tomorrow}
    )
    assert made["state"] == "reserved"


async def test_an_accommodation_is_visible_to_librarians_only(service: Living) -> None:
    desk, reader, viewer = (
        await staff(service),
        await service.reader(),
        await staff(service, Role.VIEWER),
    )
    why = "视力障碍"
    await granted(service, desk, reader, accessible="on", check_in_minutes="37", reason=why)
    here = f"/console/readers/{reader.reader_id}"
    assert "37" in (await desk.get(here)).body
    seen = (await viewer.get(here)).body
    assert "特别关照" not in seen and 'value="37"' not in seen
    ((before, after, _),) = await facts(service, "allow")
    assert (before, after) == ({"granted": False}, {"granted": True})
    for query in ("", "?action=allow", f"?reader={reader.reader_id}"):
        assert why not in (await viewer.get(f"/console/audit{query}")).body
        assert why in (await desk.get(f"/console/audit{query}")).body
    # At rest it is sealed.
    (stored,) = await service.db["accommodations"].find().to_list(None)
    assert set(stored) == {"_id", "reader", "allowance"}
    sealer = service.settings.sealer
    assert json.loads(sealer.decrypt(stored["allowance"], "allowance"))[1] == 37
    accommodation = (await service.inside.stored.accommodations.all())[reader.reader_id]
    assert accommodation == Accommodation(True, 37, 0)
    for form in ({"check_in_minutes": "241"}, {"leave_minutes": "-1"}, {"until": "2020-01-01"}):
        base = await accommodation_base(desk, here)
        answer = await post(service, desk, f"{here}/allow", base=base, **form)
        assert answer.status == 400 and 'role="alert"' in answer.body, form
    assert (await service.inside.stored.accommodations.all())[reader.reader_id] == accommodation
