"""What the staff do for single readers: finding them, booking for them, suspensions,
accommodations that nobody else sees, and visitors."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from models.identity.roles import Role
from models.kernel.ids import ReaderId
from models.readers.accommodations import Accommodation
from models.readers.entities import Visit
from models.staff.audit import AuditQuery
from models.staff.review_access import LIFETIME
from models.storage.mongo import new_id
from tests.api.test_pages import Browser
from tests.api.test_staff_console import post, staff
from tests.living import Client, Living


async def find(desk: Browser, sought: str) -> Any:
    return await desk.get(f"/console/readers?{urlencode({'q': sought})}")


async def facts(service: Living, action: str) -> list[tuple[Any, Any, str]]:
    rows, _ = await service.inside.stored.audit_log.page_of(AuditQuery(action=action), 0, 10)
    return [(e.before, e.after, e.outcome) for e in rows]


# --- finding --------------------------------------------------------------------------------------


async def test_readers_are_found_by_number_card_and_whole_name(service: Living) -> None:
    desk = await staff(service)
    one = await service.web_reader()
    await service.inside.stored.readers.upsert_from_login(
        one.number, "欧阳若兰", "student", service.clock.now()
    )
    await service.inside.stored.cards.put("A1B2C3D4", one.reader_id)
    here = f"/console/readers/{one.reader_id}"
    for sought in (one.number, one.number.lower(), "A1B2C3D4", "欧阳若兰", " 欧阳若兰 "):
        answer = await find(desk, sought)
        assert answer.status == 303 and answer.headers["Location"] == here, sought
    for sought in ("欧阳兰", "A1B2", f"{one.number}0", "🦉🦉"):
        answer = await find(desk, sought)
        assert answer.status == 404 and "没有找到" in answer.body, sought
    two = await service.web_reader()
    await service.inside.stored.readers.upsert_from_login(
        two.number, "欧阳若兰", "student", service.clock.now()
    )
    listed = (await find(desk, "欧阳若兰")).body
    assert "2 位读者" in listed and one.number not in listed, "numbers are masked"


# --- booking in their place -----------------------------------------------------------------------


async def test_a_seat_is_booked_in_the_readers_place(service: Living) -> None:
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
        ({"date": "x", "end": "11:00"}, 400, "请填写日期"),
        ({"start": "9", "end": "11:00"}, 400, "不是时间"),
        ({"end": "11:00", "reason": ""}, 400, "请写明原因"),
    ):
        answer = await post(service, desk, path, **form | changed)
        assert answer.status == status and words in answer.body, (changed, answer.body[:3000])
        assert 'role="alert"' in answer.body and f'value="{(form | changed)["no"]}"' in answer.body
    assert await service.books() == before


# --- suspension -----------------------------------------------------------------------------------


async def test_a_suspension_is_set_changed_and_lifted(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    here = f"/console/readers/{reader.reader_id}"
    wish = {"seat_id": "2f-hall-010", "date": service.today, "start": "14:00", "end": "15:00"}

    async def was() -> str:
        found = re.search(r'name="was" value="([^"]*)"', (await desk.get(here)).body)
        assert found is not None
        return found[1]

    until = f"{service.tomorrow}T12:00"
    stood = await was()
    assert (await post(service, desk, f"{here}/suspend", was=stood, until=until)).status == 303
    await reader.refused("422 suspended", "POST", "/reservations", wish)
    # Somebody who still sees the page of before is told.
    late = await post(service, desk, f"{here}/suspend", was=stood, release="1")
    assert late.status == 409 and 'role="alert"' in late.body
    await reader.refused("422 suspended", "POST", "/reservations", wish)
    messages = [m["title"] for m in (await reader.ok("GET", "/messages"))["items"]]
    assert messages == ["暂停预约"]
    for odd in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2026-09-07", "x"):
        answer = await post(service, desk, f"{here}/suspend", was=odd, release="1")
        assert answer.status == 400, odd
    for wrong in (
        "2020-01-01T00:00",
        f"{date.fromisoformat(service.today).year + 3}-01-01T00:00",
        "x",
        "",  # to leave it out releases nobody
    ):
        answer = await post(service, desk, f"{here}/suspend", was=await was(), until=wrong)
        assert answer.status == 400, wrong
    assert "解除暂停" in (await desk.get(here)).body
    ended = await post(service, desk, f"{here}/suspend", was=await was(), release="1")
    assert (ended.status, ended.headers["Location"]) == (303, f"{here}?done=release")
    page = (await desk.get(f"{here}?done=release")).body
    assert "已办理：解除暂停" in page and "更改暂停" not in page and "更改或解除" not in page
    await reader.ok("POST", "/reservations", wish)
    for action, over in (("suspend", False), ("release", True)):
        [(before, after)] = [(b, a) for b, a, end in await facts(service, action) if end == "done"]
        assert (after["suspended_until"] is None) is over
        assert (before["suspended_until"] is None) is not over


# --- accommodations -------------------------------------------------------------------------------


async def granted(service: Living, desk: Browser, reader: Client, **form: str) -> None:
    here = f"/console/readers/{reader.reader_id}"
    base = await accommodation_base(desk, here)
    assert (await post(service, desk, f"{here}/allow", base=base, **form)).status == 303


async def accommodation_base(desk: Browser, here: str) -> str:
    found = re.search(r'name="base" value="(\w+)"', (await desk.get(here)).body)
    assert found is not None
    return found[1]


async def test_minutes_more_are_the_readers_alone(service: Living) -> None:
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


async def test_who_saw_another_accommodation_is_told(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    here = f"/console/readers/{reader.reader_id}"
    stale = await accommodation_base(desk, here)
    await granted(service, desk, reader, accessible="on")
    late = await post(service, desk, f"{here}/allow", base=stale, check_in_minutes="10")
    assert late.status == 409 and 'value="10"' in late.body
    stands = service.inside.reference.accommodation_of(reader.reader_id)
    assert stands == Accommodation(accessible=True)


async def kept(service: Living) -> str:
    """Accessible seats are for who needs them from now on. One of them."""
    inside = service.inside
    policy = replace(
        inside.reference.policy, version=inside.reference.policy.version + 1, accessible_only=True
    )
    await inside.reference.publish(policy, service.clock.now())
    return next(seat.id for seat in inside.reference.catalog.seats.values() if seat.accessible)


async def test_accessible_seats_are_for_readers_who_need_them(service: Living) -> None:
    desk, reader, other = await staff(service), await service.reader(), await service.reader()
    seat_id = await kept(service)
    area = service.inside.reference.catalog.seats[seat_id].area_id  # type: ignore[index]
    wish = {"seat_id": seat_id, "date": service.today, "start": "09:00", "end": "11:00"}

    async def shown(who: Client) -> str:
        seats = (await who.ok("GET", f"/areas/{area}/map"))["seats"]
        return next(str(s["status"]) for s in seats if s["id"] == seat_id)

    await reader.refused("422 seat_kept", "POST", "/reservations", wish)
    assert await shown(reader) == "disabled"
    assert (await reader.ok("GET", f"/seats/{seat_id}/times"))["starts"] == []
    await granted(service, desk, reader, accessible="on", until=service.today)
    assert await shown(reader) == "free" and await shown(other) == "disabled"
    assert (await reader.ok("GET", f"/seats/{seat_id}/times"))["starts"] != []
    made = await reader.ok("POST", "/reservations", wish)
    await other.refused("422 seat_kept", "POST", "/reservations", wish)
    assert await shown(other) == "disabled", "nor that somebody has it"
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


async def test_nobody_else_is_told_of_an_accommodation(service: Living) -> None:
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
    found = (await service.inside.stored.accommodations.all())[reader.reader_id]
    assert found == Accommodation(True, 37, 0)
    for form in ({"check_in_minutes": "241"}, {"leave_minutes": "-1"}, {"until": "2020-01-01"}):
        base = await accommodation_base(desk, here)
        answer = await post(service, desk, f"{here}/allow", base=base, **form)
        assert answer.status == 400 and 'role="alert"' in answer.body, form
    assert (await service.inside.stored.accommodations.all())[reader.reader_id] == found


# --- visitors -------------------------------------------------------------------------------------


async def test_a_visitor_books_on_their_days_only(service: Living) -> None:
    desk = await staff(service)
    form = {"name": "周访客", "first": service.today, "last": service.today, "card": "VC0001"}
    made = await post(service, desk, "/console/readers/visitors", **form)
    assert made.status == 303
    here = made.headers["Location"].partition("?")[0]
    assert (await find(desk, "周访客")).headers["Location"] == here
    assert (await find(desk, "VC0001")).headers["Location"] == here
    seat = {"area": "2f-hall", "no": "010", "start": "14:00", "end": "15:00"}
    assert (await post(service, desk, f"{here}/book", **seat, date=service.today)).status == 303
    late = await post(service, desk, f"{here}/book", **seat, date=service.tomorrow)
    assert late.status == 422 and "来访登记" in late.body
    # Their days are changed, and somebody who saw the old ones overwrites nothing by accident.
    days = {"first": service.today, "last": service.tomorrow}
    days["was"] = f"{service.today}/{service.today}"
    assert (await post(service, desk, f"{here}/stay", **days)).status == 303
    late = await post(service, desk, f"{here}/stay", **days | {"last": service.today})
    assert late.status == 409
    assert (await post(service, desk, f"{here}/book", **seat, date=service.tomorrow)).status == 303
    # The code of their page lets a WeChat user in.
    code = re.search(r'class="digits">(\d{6})<', (await post(service, desk, f"{here}/code")).body)
    assert code is not None
    phone = await service.wx_user()
    await phone.ok("POST", "/bindings", {"activation_code": code[1]})
    assert (await phone.ok("GET", "/me"))["reader"]["name"] == "周访客"


async def test_a_visitor_is_asked_at_the_desk_while_others_guess(service: Living) -> None:
    desk, phone = await staff(service), await service.wx_user()
    form = {"name": "周访客", "first": service.today, "last": service.tomorrow}
    made = await post(service, desk, "/console/readers/visitors", **form)
    here = made.headers["Location"].partition("?")[0]
    until = service.clock.now() + timedelta(minutes=10)
    many = {"_id": "activation:all", "n": 1_000_000, "until": until}
    await service.db["attempt_limits"].insert_one(many)

    async def asked() -> str:
        shown = (await post(service, desk, f"{here}/code")).body
        code = re.search(r'class="digits">(\d{6})<', shown)
        assert code is not None and "<svg" in shown, "a picture to scan, too"
        waits = await phone.post("/bindings", {"activation_code": code[1]})
        assert waits.status == 202
        question = (await post(service, desk, f"{here}/code")).body
        assert f'class="digits">{waits.body["match_number"]}<' in question
        return str(waits.body["id"])

    refused = {"request": await asked(), "theirs": "no"}
    assert (await post(service, desk, f"{here}/binding", **refused)).status == 303
    assert (await phone.ok("GET", "/binding-requests/current"))["state"] == "refused"
    late = await post(service, desk, f"{here}/binding", **refused | {"theirs": "yes"})
    assert late.status == 409 and (await phone.ok("GET", "/me"))["reader"] is None
    await post(service, desk, f"{here}/binding", request=await asked(), theirs="yes")
    assert (await phone.ok("GET", "/me"))["reader"]["name"] == "周访客"
    kept = await service.db["audit"].find({"action": {"$in": ["bind", "refuse_binding"]}}).to_list()
    assert [(row["action"], row["outcome"]) for row in kept][::2] == [
        ("refuse_binding", "done"),
        ("bind", "done"),
    ]
    student = f"/console/readers/{(await service.web_reader()).reader_id}"
    answer = await post(service, desk, f"{student}/binding", **refused)
    assert answer.status == 404, "a student answers on their own page"


async def test_a_review_code_lets_one_wechat_user_in(service: Living) -> None:
    desk, first, second = await staff(service), await service.wx_user(), await service.wx_user()
    form = {"name": "审核人员", "first": service.today, "last": service.tomorrow}
    made = await post(service, desk, "/console/readers/visitors", **form)
    here = made.headers["Location"].partition("?")[0]

    async def issued() -> str:
        shown = (await post(service, desk, f"{here}/review-code")).body
        code = re.search(r'class="big review-code">([\w-]{22})<', shown)
        assert code is not None and "<svg" in shown, "a picture to scan, too"
        return code[1]

    replaced, code = await issued(), await issued()
    stored = await service.all_documents()
    assert code not in stored and replaced not in stored
    page = (await desk.get(here)).body
    assert code not in page and "还没有使用" in page, "it is shown once"
    invalid = "422 activation_code_invalid"
    for path in ("/bindings", "/bindings/preview"):
        await first.refused(invalid, "POST", path, {"activation_code": replaced})
    whose = await first.ok("POST", "/bindings/preview", {"activation_code": code})
    assert whose["name_masked"] == "审*"
    # Weeks later it still is one; six digits never live longer than ten minutes.
    digits = await post(service, desk, f"{here}/code")
    number = re.search(r'class="digits">(\d{6})<', digits.body)
    assert number is not None
    await service.move(timedelta(minutes=11))
    await first.refused(invalid, "POST", "/bindings", {"activation_code": number[1]})
    await first.ok("POST", "/bindings", {"activation_code": code})
    assert (await first.ok("GET", "/me"))["reader"]["name"] == "审核人员"
    await second.refused(invalid, "POST", "/bindings", {"activation_code": code})
    assert "已使用" in (await desk.get(here)).body
    # Another one, for the next version, is taken back before anybody comes.
    await post(service, desk, f"{here}/unbind")
    third = await issued()
    revoke = f"{here}/review-code/revoke"
    assert (await post(service, desk, revoke)).status == 303
    assert (await post(service, desk, revoke)).status == 404
    await second.refused(invalid, "POST", "/bindings", {"activation_code": third})
    kept = await service.db["audit"].find({"action": {"$regex": "review_code"}}).to_list()
    assert [(row["action"], row["role"], row["outcome"]) for row in kept] == [
        ("review_code", "librarian", "done"),
        ("review_code", "librarian", "done"),
        ("use_review_code", "reader", "done"),
        ("review_code", "librarian", "done"),
        ("revoke_review_code", "librarian", "done"),
        ("revoke_review_code", "librarian", "not_found"),
    ]
    log = (await desk.get("/console/audit?action=use_review_code")).body
    assert "使用审核访问码" in log and "读者" in log


async def test_a_review_code_ends_after_thirty_days(service: Living) -> None:
    stored, now = service.inside.stored, service.clock.now()
    id, code = ReaderId(new_id()), "r" * 22
    days = Visit(now.date(), now.date() + timedelta(days=60))
    await stored.readers.admit_visitor(id, "审核人员", days, now)
    end = now + LIFETIME
    assert timedelta(days=30) == LIFETIME
    assert await stored.review_codes.issue(id, code, now, end)
    assert await stored.review_codes.redeem(code, end) is None
    assert await stored.review_codes.prune(end) == 0
    assert await stored.review_codes.reader_of(code, end - timedelta(seconds=1)) == id
    assert await stored.review_codes.prune(end + timedelta(days=1)) == 1


async def test_what_is_no_visitor(service: Living) -> None:
    desk, student = await staff(service), await service.web_reader()
    form = {"name": "周访客", "first": service.today, "last": service.tomorrow}
    before = await service.books()
    yesterday = (date.fromisoformat(service.today) - timedelta(days=1)).isoformat()
    for wrong in (
        {"name": ""},
        {"name": "x" * 41},
        {"name": "a\u202eb"},
        {"first": "x"},
        {"first": yesterday, "last": yesterday},
        {"first": service.tomorrow, "last": service.today},
        {"last": "2099-01-01"},
        {"card": "汉字"},
        {"reason": ""},
    ):
        answer = await post(service, desk, "/console/readers/visitors", **form | wrong)
        assert answer.status == 400 and 'role="alert"' in answer.body, wrong
        assert await service.books() == before, wrong
    here = f"/console/readers/{student.reader_id}"
    for page in ("code", "review-code", "review-code/revoke"):
        assert (await post(service, desk, f"{here}/{page}")).status == 404, "not a student's code"
    assert (await post(service, desk, f"{here}/stay", **form)).status == 404


@pytest.mark.parametrize("role", [Role.VIEWER, None])
async def test_who_may_not(service: Living, role: Role | None) -> None:
    who, reader = await staff(service, role), await service.reader()
    here = f"/console/readers/{reader.reader_id}"
    before = await service.books()
    for path, form in (
        (f"{here}/book", {"area": "2f-hall", "no": "010", "date": service.today, "end": "11:00"}),
        (f"{here}/suspend", {"until": f"{service.tomorrow}T12:00", "was": ""}),
        (f"{here}/allow", {"accessible": "on"}),
        (f"{here}/stay", {"first": service.today, "last": service.today}),
        (f"{here}/code", {}),
        (f"{here}/review-code", {}),
        (f"{here}/review-code/revoke", {}),
        (f"{here}/binding", {"request": "1", "theirs": "yes"}),
        ("/console/readers/visitors", {"name": "x", "first": service.today, "last": service.today}),
    ):
        assert (await post(service, who, path, **form)).status == 403, path
    assert await service.books() == before
