"""The manual's examples over HTTP, with the clock moved."""

from __future__ import annotations

from datetime import timedelta

from tests.api.cas_sign_in import sign_in
from tests.living import Living


async def test_a_reader_binds_books_checks_in_leaves_and_finishes(service: Living) -> None:
    student = service.stranger()
    await sign_in(student)
    code = (await student.ok("POST", "/activation-codes", {}, Origin=service.base))["code"]
    again = await student.ok("POST", "/activation-codes", {}, Origin=service.base)
    assert again["code"] == code, "a reload shows the same code"
    student.session.cookie_jar.clear()

    login = await student.ok("POST", "/wx/login", {"code": f"demo-{student.name}-1"})
    assert login["bound"] is False and login["reader"] is None
    student.token = login["token"]
    assert (await student.get("/reservations")).code == "not_bound"
    bound = await student.ok("POST", "/bindings", {"activation_code": code})
    assert bound["reader"]["student_no_masked"] == "21****" + student.number[-2:]
    await student.accept("RESERVED", "CHECK_IN_REMINDER", "NO_SHOW")
    await student.accept("CHECKED_IN", "ENDING_SOON", "ENDED")
    await student.accept("LEAVE", "LEAVE_REMINDER", "LEAVE_TIMEOUT")

    venue, other = (await student.ok("GET", "/venues"))["items"]
    assert venue["name"] == "图书馆" and [d["bookable"] for d in venue["dates"]] == [True, True]
    areas = (await student.ok("GET", "/areas?venue=library"))["items"]
    assert len(areas) == 18 and other["name"] == "Juridicum"
    assert [(a["name"], a["seats_total"], a["seats_free"]) for a in areas[:3]] == [
        ("二层东区", 222, 222),
        ("二层中厅", 68, 68),
        ("二层保留区", 96, 96),
    ]
    seat = "2f-hall-065"
    times = await student.ok("GET", f"/seats/{seat}/times")
    assert times["starts"][0] == {"value": "now", "label": "现在"} and times["proposed"] == "now"
    assert times["starts"][-1]["value"] == "22:00"
    ends = await student.ok("GET", f"/seats/{seat}/times?start=14:00")
    assert [e["value"] for e in ends["ends"]] == ["15:00", "16:00", "17:00", "18:00"]
    assert [ends[f"check_in_{at}"][11:16] for at in ("from", "until")] == ["13:30", "14:30"]

    made = await student.reserve(seat, "14:00", "16:00")
    path = f"/reservations/{made['id']}"
    assert made["seat"]["label"] == "图书馆2层二层中厅065号"
    assert (made["state"], made["state_text"]) == ("reserved", "已预约")
    assert made["check_in_from"].endswith("T13:30:00+08:00")
    assert made["actions"] == ["cancel", "change"]

    await service.move("14:05")
    checked_in = await student.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    assert checked_in["state"] == "in_use" and checked_in["actions"] == [
        "leave",
        "shorten",
        "finish",
        "report",
    ]
    assert checked_in["leave_minutes"] == 30
    assert checked_in["extend_from"] == f"{service.today}T15:00:00+08:00"
    plan = await student.ok("GET", "/areas/2f-hall/map")
    assert {s["status"] for s in plan["seats"] if s["id"] == seat} == {"mine"}

    left = await student.ok("POST", f"{path}/leave")
    assert left["state_text"] == "暂离" and left["return_by"].startswith(f"{service.today}T14:35")
    await service.move("14:26")
    returned = await student.ok("POST", f"{path}/return", {"qr": await service.qr("3f-north")})
    assert returned["state"] == "in_use"

    await service.move("15:30")
    longer = [e["value"] for e in (await student.ok("GET", f"{path}/extensions"))["ends"]]
    assert longer == ["17:00", "18:00", "19:00"]
    assert (await student.ok("POST", f"{path}/extend", {"end": "17:00"}))["end"].endswith(
        "T17:00:00+08:00"
    )
    await service.move("16:10")
    finished = await student.ok("POST", f"{path}/finish")
    assert (finished["state"], finished["state_text"]) == ("finished", "结束使用")
    assert finished["actions"] == [] and finished["extend_from"] is None
    await service.settle()

    detail = await student.ok("GET", path)
    assert [h["event"] for h in detail["history"]] == [
        "reserve",
        "check_in",
        "leave",
        "return",
        "extend",
        "finish",
    ]
    templates = [m["template"] for m in await student.messages()]
    assert templates == [
        "RESERVED",
        "CHECK_IN_REMINDER",
        "CHECKED_IN",
        "LEAVE",
        "LEAVE_REMINDER",
        "ENDED",
    ]
    inbox = await student.ok("GET", "/messages?unread=true")
    assert [m["title"] for m in reversed(inbox["items"])] == [
        *("座位预约成功", "预约签到提醒", "签到成功", "暂离登记", "暂离即将超时"),
        # In the app alone: the phone has used up its consent.
        *("返回登记", "结束时间已更改", "使用结束"),
    ]
    await student.ok("POST", "/messages/read", {"ids": [m["id"] for m in inbox["items"]]})
    assert (await student.ok("GET", "/messages?unread=true"))["total"] == 0


async def test_the_manuals_example_bookings_have_the_documented_outcome(service: Living) -> None:
    """Three bookings from 现在 are cancelled, the fourth is accepted: at 15:48, 15:50, 16:05 and
    16:38."""
    student = await service.reader()
    for clock, end in (("15:48", "16:00"), ("15:50", "16:00"), ("16:05", "17:00")):
        await service.move(clock)
        made = await student.reserve(start="now", end=end)
        assert made["start"].endswith(f"T{clock}:00+08:00")
        cancelled = await student.ok("POST", f"/reservations/{made['id']}/cancel")
        assert cancelled["state_text"] == "已取消"
    await service.move("16:08")
    times = await student.ok("GET", "/seats/2f-hall-065/times")
    assert [s["value"] for s in times["starts"]] == ["now"] + [f"{h}:00" for h in range(17, 23)]
    ends = await student.ok("GET", "/seats/2f-hall-065/times?start=now")
    assert [e["value"] for e in ends["ends"]] == ["17:00", "18:00", "19:00", "20:00"]
    await service.move("16:38")
    fourth = await student.reserve(start="now", end="17:00")
    assert fourth["state"] == "reserved"
    rows = (await student.ok("GET", "/reservations"))["items"]
    assert [r["state_text"] for r in rows] == ["已预约", "已取消", "已取消", "已取消"]


async def test_the_third_missed_booking_suspends_the_reader(service: Living) -> None:
    student = await service.reader()
    await student.accept("NO_SHOW", "SUSPENDED")
    for day in range(3):
        await student.reserve(start="10:00", end="12:00")
        await service.move("10:31")
        standing = (await student.ok("GET", "/violations"))["window"]
        assert standing["count"] == (day + 1) % 3
        await service.move(timedelta(hours=21, minutes=30))
    assert (
        await student.post(
            "/reservations",
            {"seat_id": "2f-hall-001", "date": service.today, "start": "14:00", "end": "15:00"},
        )
    ).code == "suspended"
    templates = [m["template"] for m in await student.messages()]
    assert templates == ["NO_SHOW", "SUSPENDED"]  # one consent each
    me = await student.ok("GET", "/me")
    assert me["violations_count"] == 0 and me["suspended_until"] is not None
    await service.move(timedelta(days=7))
    assert await student.reserve(start="14:00", end="15:00")
