"""Console forms with a value that is refused."""

from __future__ import annotations

from typing import Final

from handlers.reader_groups.console.groups import LONGEST_NAME

LONG: Final = "长" * 300
ROOM: Final = {
    **{"venue": "library", "name": "研修间501", "floor": "5", "least": "2", "most": "6"},
    **{
        "equipment": "白板、投影仪",
        "min_minutes": "30",
        "max_minutes": "240",
        "step_minutes": "30",
    },
    **{"days_ahead": "7", "bookings_a_week": "3", "buffer_minutes": "30"},
    **{"purpose_wanted": "1", "unanswered": "decline"},
}
"""A study room's form with right values."""
REFUSED: Final[list[tuple[str, dict[str, str], str]]] = [
    ("/console/venues", {"name": LONG}, "name"),
    ("/console/venues", {"name": "图书馆"}, "name"),
    ("/console/room-settings", {**ROOM, "name": LONG}, "name"),
    ("/console/room-settings", {**ROOM, "floor": "500"}, "floor"),
    ("/console/room-settings", {**ROOM, "least": "9"}, "least"),
    ("/console/room-settings", {**ROOM, "most": "x"}, "most"),
    ("/console/room-settings", {**ROOM, "opens": "21:00"}, "closes"),
    ("/console/room-settings", {**ROOM, "equipment": "、".join("板" * 21)}, "equipment"),
    ("/console/room-settings", {**ROOM, "step_minutes": "45"}, "step_minutes"),
    ("/console/room-settings", {**ROOM, "bookings_a_week": "0"}, "bookings_a_week"),
    ("/console/room-settings", {**ROOM, "confirm_minutes": "99999"}, "confirm_minutes"),
    ("/console/plans", {"id": "5F", "venue": "library", "name": "五层", "floor": "5"}, "id"),
    ("/console/plans", {"id": "2f-hall", "venue": "library", "name": "五层", "floor": "5"}, "id"),
    ("/console/plans", {"id": "5f", "venue": "library", "name": "五层", "floor": "500"}, "floor"),
    ("/console/plans/2f-hall/settings", {"name": "中厅", "floor": "x", "base": "0"}, "floor"),
    (
        "/console/plans/2f-hall/settings",
        {"name": "中厅", "floor": "2", "base": "0", "reason": LONG},
        "reason",
    ),
    (
        "/console/devices",
        {"device": "gate", "id": "main", "name": "北门", "venue": "library"},
        "id",
    ),
    (
        "/console/devices",
        {"device": "kiosk", "id": "5f", "name": "五层", "venue": "library", "code": "1"},
        "kind",
    ),
    ("/console/devices/gate/main", {"name": LONG, "venue": "library"}, "name"),
    ("/console/devices/kiosk/2f-south/key", {"reason": LONG}, "reason"),
    ("/console/devices/gate/main/retire", {"reason": LONG}, "reason"),
    ("/console/devices/venues", {"base": "library:0 juridicum:0", "reason": LONG}, "reason"),
    ("/console/devices/kiosk/2f-south/pairing", {"code": "12"}, "code"),
    (
        "/console/staff",
        {"number": "9", "role": "viewer", "where": "all", "last": "2026-12-31"},
        "number",
    ),
    ("/console/staff", {"number": "9", "role": "viewer", "where": "some"}, "where"),
    ("/console/api-tokens", {"name": LONG, "days": "180", "per_minute": "60"}, "name"),
    (
        "/console/api-tokens",
        {"name": "屏幕", "days": "180", "per_minute": "0", "catalog:read": "1"},
        "per_minute",
    ),
    ("/console/webhooks", {"url": "https://10.0.0.1/", "description": "门口屏"}, "event"),
    (
        "/console/webhooks",
        {"url": "https://10.0.0.1/", "description": "屏", "event": "area.closed"},
        "url",
    ),
    (
        "/console/notices",
        {"title": "国庆", "body": "", "published_at": "2026-09-07T08:00", "pinned": "on"},
        "body",
    ),
    (
        "/console/notices",
        {
            "title": "国庆",
            "body": "闭馆。\n再见。",
            "published_at": "2026-09-07T08:00",
            "until": "2026-09-07T07:00",
        },
        "until",
    ),
    (
        "/console/announcements",
        {
            "title": "检修",
            "text": "噪音",
            "begin": "2026-09-07T08:00",
            "until": "",
            "area": "2f-hall",
        },
        "until",
    ),
    ("/console/canned-answers", {"title": LONG, "text": "已转后勤"}, "title"),
    ("/console/canned-answers", {"title": "报修", "text": "长" * 1001}, "text"),
    (
        "/console/groups",
        {
            "name": "研" * (LONGEST_NAME + 1),
            "area-2f-east": "on",
            "seats-2f-hall": "001-003",
            "max_minutes": "480",
            "default": "on",
        },
        "name",
    ),
    ("/console/groups", {"name": "研究生", "seats-2f-hall": "x"}, "seats-2f-hall"),
    ("/console/groups", {"name": "研究生", "patterns": "a=b\nx"}, "patterns"),
    (
        "/console/readers/visitors",
        {"name": "李四", "first": "2026-09-08", "last": "2026-09-07", "card": "A1B2"},
        "last",
    ),
    ("/console/readers/{reader}/number", {"reason": LONG}, "reason"),
    ("/console/readers/{reader}/unbind", {"reason": LONG}, "reason"),
    (
        "/console/readers/{reader}/book",
        {"area": "2f-hall", "no": "001", "date": "2026-09-07", "start": "9", "end": "10:00"},
        "start",
    ),
    (
        "/console/readers/{reader}/book",
        {"area": "2f-hall", "no": "001", "date": "2026-09-07", "end": "23:30"},
        "start",
    ),
    ("/console/readers/{reader}/suspend", {"until": "2026-09-01T08:00"}, "until"),
    (
        "/console/readers/{reader}/allow",
        {"accessible": "on", "check_in_minutes": "999", "leave_minutes": "10"},
        "check_in_minutes",
    ),
    (
        "/console/seat-history",
        {"area": "2f-hall", "no": "001", "date": "2026-09-07", "start": "07:30", "end": "07:00"},
        "end",
    ),
    (
        "/console/violations/waive",
        {"from": "2026-09-07T08:00", "to": "2026-09-07T07:00"},
        "to",
    ),
    (
        "/console/library",
        {"name": "示例", "contact": "", "base": "1", "rules_text": "规则。"},
        "contact",
    ),
]
"""The form's address, what is typed, and the field that the page marks."""
