"""A refused console form keeps all input and marks the wrong field."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from handlers.reader_groups.console.groups import LONGEST_NAME
from models.identity.roles import Role
from tests.api.console import post, staff
from tests.living import Living

Attributes = dict[str, str | None]
LONG: Final = "长" * 300


@dataclass
class Control:
    """A form control as the page shows it, with its value or choice."""

    name: str
    attributes: Attributes
    values: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """The controls of each form by its address, and texts of elements by id."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.forms: dict[str, list[Control]] = {}
        self.words: dict[str, str] = {}
        self.alerts: list[str] = []
        self._form: list[Control] = []
        self._at = ""
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        if tag == "form":
            self._form = self.forms.setdefault(of.get("action") or "", [])
        if of.get("id"):
            self.words[of["id"] or ""] = ""
        name, kind = of.get("name") or "", of.get("type")
        if tag in ("input", "select", "textarea") and name:
            self._form.append(Control(name, of))
        if tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in of):
            self._form[-1].values.append(of.get("value", "on") or "")
        if tag == "option" and "selected" in of:
            self._form[-1].values.append(of.get("value") or "")
        self._at = tag if tag == "textarea" else (of.get("id") or of.get("role") or "")

    def handle_data(self, data: str) -> None:
        if self._at == "textarea":
            self._form[-1].values.append(data)
        elif self._at == "alert":
            self.alerts.append(data)
        elif self._at in self.words:
            self.words[self._at] = data
        self._at = ""


REFUSED: Final = [
    ("/console/venues", {"name": LONG}, "name"),
    ("/console/venues", {"name": "图书馆"}, "name"),
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


def lost(page: Page, path: str, typed: dict[str, str], wrong: str) -> list[str]:
    """Everything that the page lacks: mark and message of the wrong field, and typed values."""
    controls = page.forms.get(path, [])
    at = [c for form in page.forms.values() for c in form if "aria-invalid" in c.attributes]
    problems = [] if [c.name for c in at] == [wrong] and at[0] in controls else [f"at {at}"]
    for c in at:
        if "autofocus" not in c.attributes or c.attributes["aria-describedby"] != "wrong-here":
            problems.append(f"not described: {c}")
    said = page.words.get("wrong-here")
    if not said or page.alerts != [said]:
        problems.append(f"said {said}, {page.alerts}")
    for name, text in typed.items():
        values = [value for c in controls if c.name == name for value in c.values]
        if text not in (values or [""]):
            problems.append(f"{name}: {values}")
    return problems


async def test_a_refused_form_marks_the_wrong_field_and_keeps_all_input(service: Living) -> None:
    desk, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    before, problems = await service.books(), []
    for address, form, wrong in REFUSED:
        path = address.format(reader=reader.reader_id)
        answer = await post(service, desk, path, **form)
        if answer.status not in (400, 409, 422):
            problems.append((path, form, [f"{answer.status} {answer.headers.get('Location')}"]))
        elif missing := lost(Page(answer.body), path, form, wrong):
            problems.append((path, form, missing))
    assert problems == [], "\n".join(str(row)[:400] for row in problems)
    assert await service.books() == before
