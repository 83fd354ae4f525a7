"""Responses field by field as documented, and the personal data they leave out."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from tests.living import SEAT, Living

RESERVATION = [
    *("id", "rev", "receipt", "seat", "date", "start", "end", "state", "state_text"),
    *("created_at", "checked_in_at", "usable_from", "left_at", "return_by", "returned_at"),
    *("ended_at", "check_in_from", "check_in_until", "check_in_by", "excused", "reported"),
    *("assisted", "held_until", "presence_wanted", "presence_due_at", "leave_minutes"),
    "extend_from",
    *("actions",),
]
SEAT_OF = ["id", "no", "area_id", "area", "floor", "venue", "label", "floor_name", "labels"]
PLAN = ["area", "width", "height", "seats", "marks", "desks", "faces", "version"]
PLAN_SEAT = [
    *("id", "no", "x", "y", "status", "free_until", "next_free", "power", "window", "computer"),
    *("accessible",),
]
AREA = [
    *("id", "name", "floor", "seats_total", "seats_free", "seats_in_use", "seats_away"),
    *("seats_disabled", "max_minutes", "step_minutes"),
]
TIMES = ["ends", "check_in_from", "check_in_until", "check_in_by", "together"]
LIST = ["items", "page", "page_size", "total"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+08:00")


def keys(value: Any) -> list[str]:
    return list(value)


def all_times(value: Any) -> list[str]:
    """Every string of the answer that looks like an instant."""
    if isinstance(value, dict):
        return [t for part in value.values() for t in all_times(part)]
    if isinstance(value, list):
        return [t for part in value for t in all_times(part)]
    return [value] if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value) else []


async def test_responses_have_exactly_the_documented_fields(service: Living) -> None:
    reader = await service.reader()
    await reader.accept("NO_SHOW", "LEAVE")
    missed = await reader.reserve("2f-hall-060", "09:00", "10:00")
    made = await reader.reserve(start="14:00", end="16:00")
    assert keys(made) == RESERVATION and keys(made["seat"]) == SEAT_OF
    assert made == made | {
        "rev": 1,
        "date": "2026-09-07",
        "start": "2026-09-07T14:00:00+08:00",
        "end": "2026-09-07T16:00:00+08:00",
        "state": "reserved",
        "state_text": "已预约",
        "checked_in_at": None,
        "left_at": None,
        "return_by": None,
        "returned_at": None,
        "ended_at": None,
        "check_in_from": "2026-09-07T13:30:00+08:00",
        "check_in_until": "2026-09-07T14:30:00+08:00",
        "check_in_by": "kiosk",
        "assisted": None,
        "leave_minutes": None,
        "actions": ["cancel", "change"],
    }
    assert made["seat"] == {
        "id": SEAT,
        "no": "065",
        "area_id": "2f-hall",
        "area": "二层中厅",
        "floor": 2,
        "venue": "图书馆",
        "label": "图书馆2层二层中厅065号",
        "floor_name": "",
        "labels": {"en": "图书馆 · Floor 2 · 二层中厅 · no. 065"},
    }
    await service.move("09:31")
    one = await reader.ok("GET", f"/reservations/{missed['id']}")
    assert keys(one) == [*RESERVATION, "history", "kiosks"]
    assert [(keys(h), h["event"], h["by"], h["via"]) for h in one["history"]] == [
        (["at", "event", "by", "via"], "reserve", "reader", "mini"),
        (["at", "event", "by", "via"], "miss", "system", "job"),
    ]
    rows = await reader.ok("GET", "/reservations?page=1&page_size=1")
    assert keys(rows) == LIST and (rows["total"], len(rows["items"])) == (2, 1)
    assert rows["items"][0]["id"] == made["id"]  # the newest first
    no_shows = await reader.ok("GET", "/reservations?state=no_show")
    assert [r["id"] for r in no_shows["items"]] == [missed["id"]]

    me = await reader.ok("GET", "/me")
    assert keys(me) == [
        *("reader", "active", "violations_count", "suspended_until", "suspension", "subscriptions"),
        *("long_term", "reminders_paused", "language"),
    ]
    assert keys(me["reader"]) == ["student_no_masked", "name", "kind"]
    assert [r["id"] for r in me["active"]] == [made["id"]] and me["violations_count"] == 1
    assert (me["subscriptions"]["LEAVE"], me["subscriptions"]["ENDED"]) == (1, 0)
    held = await reader.ok("GET", "/violations")
    assert keys(held) == [*LIST, "window"]
    assert held["window"] == {"count": 1, "limit": 3, "days": 30}
    (violation,) = held["items"]
    assert keys(violation) == [
        *("id", "kind", "at", "counted", "reservation", "waived", "waiver", "appeal")
    ]
    assert violation["reservation"]["id"] == missed["id"] and violation["counted"] is True

    unread_messages = await reader.ok("GET", "/messages?unread=true&page=1")
    assert keys(unread_messages) == LIST
    assert keys(unread_messages["items"][0]) == [
        *("id", "template", "title", "text", "at", "read", "reservation_id"),
    ]
    unread = [m["template"] for m in unread_messages["items"]]
    assert unread == ["NO_SHOW", "CHECK_IN_REMINDER", "RESERVED", "RESERVED"]
    await reader.ok("POST", "/messages/read", {"ids": [unread_messages["items"][0]["id"]]})
    assert (await reader.ok("GET", "/messages?unread=true"))["total"] == 3
    assert (await reader.ok("GET", "/messages"))["total"] == 4

    venues = await reader.ok("GET", "/venues")
    venue, _ = venues["items"]
    assert keys(venue) == ["id", "name", "open", "dates"]
    assert venue["open"] == {"from": "07:00", "to": "22:30"}
    assert [(d["date"], d["label"], d["bookable"], d["opens_at"]) for d in venue["dates"]] == [
        ("2026-09-07", "今天 9月7日", True, None),
        ("2026-09-08", "明天 9月8日", True, None),
    ]
    day = await reader.ok("GET", f"/seats/{SEAT}")
    assert day["taken"] == [{"start": made["start"], "end": made["end"]}]
    starts = (await reader.ok("GET", f"/seats/{SEAT}/times"))["starts"]
    assert starts[:2] == [{"value": "now", "label": "现在"}, {"value": "10:00", "label": "10:00"}]
    assert keys(await reader.ok("GET", f"/seats/{SEAT}/times?start=now")) == TIMES
    for path in ("/reservations", "/me", "/violations", "/messages", "/venues", f"/seats/{SEAT}"):
        times = all_times(await reader.ok("GET", path))
        assert all(TIME.fullmatch(t) for t in times), (path, times)


async def test_areas_and_plans_have_exactly_the_documented_fields(service: Living) -> None:
    owner, other = await service.reader(), await service.reader()
    areas = (await owner.ok("GET", "/areas"))["items"]
    assert all(keys(a) == AREA for a in areas)
    here = (await owner.ok("GET", "/areas?venue=library"))["items"]
    assert {a["floor"]: a["max_minutes"] for a in here} == {2: 240, 3: 360, 4: 360}
    assert here + (await owner.ok("GET", "/areas?venue=juridicum"))["items"] == areas
    assert (await owner.ok("GET", "/areas?venue=none"))["items"] == []

    plain = await other.get("/areas/2f-hall/map")
    assert keys(plain.body) == PLAN
    assert all(keys(s) == PLAN_SEAT for s in plain.body["seats"])
    assert len(plain.body["faces"]) == len(plain.body["seats"]) == 68
    assert keys(plain.body["desks"][0]) == ["x", "y", "w", "h"]
    assert plain.body["marks"] and keys(plain.body["marks"][0]) == ["kind", "x", "y", "w", "h"]
    assert (await owner.get("/areas/2f-hall/map")).headers["ETag"] == plain.headers["ETag"]

    async def status(client: Any, query: str = "") -> tuple[str, str | None, str | None]:
        plan = await client.ok("GET", f"/areas/2f-hall/map?{query}")
        seat = next(s for s in plan["seats"] if s["id"] == SEAT)
        return seat["status"], seat["free_until"], seat["next_free"]

    at = "2026-09-07T{}:00+08:00".format
    made = await owner.reserve(start="now", end="10:00")
    assert await status(owner) == ("mine", None, at("10:00"))
    assert await status(other) == ("occupied", None, at("10:00"))
    assert await status(other, "start=10:00&end=11:00") == ("free", at("22:30"), None)
    assert await status(other, "start=09:00&end=11:00") == ("occupied", None, at("10:00"))
    assert await status(owner, "start=09:00&end=11:00") == ("mine", None, at("10:00"))
    assert (await status(other, f"date={service.tomorrow}"))[0] == "free"
    changed = await other.get("/areas/2f-hall/map", **{"If-None-Match": plain.headers["ETag"]})
    assert changed.status == 200 and changed.headers["ETag"] != plain.headers["ETag"]
    qr = {"qr": await service.qr()}
    await owner.ok("POST", f"/reservations/{made['id']}/check-in", qr)
    await owner.ok("POST", f"/reservations/{made['id']}/leave")
    assert (await status(other))[0] == "away" and (await status(owner))[0] == "mine"
    hall = (await other.ok("GET", "/areas"))["items"][1]
    assert (hall["seats_free"], hall["seats_in_use"], hall["seats_away"]) == (67, 0, 1)

    # The owner's plan is another one, so a shared cache must not keep it.
    mine = await owner.get("/areas/2f-hall/map")
    assert mine.headers["ETag"] != (await other.get("/areas/2f-hall/map")).headers["ETag"]
    assert "private" in mine.headers["Cache-Control"]


async def test_responses_name_no_other_reader(service: Living) -> None:
    owner, other = await service.reader(), await service.reader()
    made = await owner.reserve(start="now", end="10:00")
    secrets = (owner.number, owner.openid, owner.name, str(owner.reader_id), "张三", made["id"])
    paths = ["/areas", "/areas/2f-hall/map", f"/seats/{SEAT}", f"/seats/{SEAT}/times", "/venues"]
    paths += ["//readyz", "//metrics", "/reservations", "/messages", "/violations"]
    for path in paths:
        text = json.dumps((await other.get(path)).body, ensure_ascii=False)
        assert not [s for s in secrets if s in text], path
    wish = {"seat_id": SEAT, "date": service.today, "start": "now", "end": "10:00"}
    lost = await other.refused("409 seat_taken", "POST", "/reservations", wish)
    assert not [s for s in secrets if s in json.dumps(lost.body, ensure_ascii=False)]
    # And the owner sees a number with its middle hidden, never an openid.
    own = json.dumps([(await owner.get(p)).body for p in (*paths, "/me")], ensure_ascii=False)
    assert owner.number not in own and owner.openid not in own and str(owner.reader_id) not in own


async def test_every_response_has_a_request_id_and_the_server_time(service: Living) -> None:
    reader = await service.reader()
    await service.move(timedelta(hours=1))
    for method, path, status in (
        ("GET", "/me", 200),
        ("GET", "/nothing", 404),
        ("POST", "/me", 405),
        ("POST", "/reservations", 400),
        ("DELETE", "/sessions/current", 204),
        ("GET", "/me", 401),
        ("GET", "//", 200),
        ("GET", "//docs", 200),
        ("GET", "//healthz", 200),
        ("GET", "//metrics", 200),
        ("GET", "//static/pages.css", 200),
        ("GET", "//static/none.css", 404),
        ("GET", "//login", 302),
    ):
        answer = await reader.call(method, path)
        assert answer.status == status, path
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"]), path
        assert re.fullmatch(
            r"2026-09-07T09:00:\d\d\.\d{3}\+08:00", answer.headers["X-Server-Time"]
        ), path
