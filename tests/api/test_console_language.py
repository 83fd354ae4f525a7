"""The console in English: its pages and answers hold no Chinese that nobody typed."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import date
from typing import Any, Final

import pytest

from models.identity.roles import Role
from models.library.entities import AreaId
from models.policy.entities import PolicyOverride
from tests.api.browsing import Browser
from tests.api.calendar_page import ask as ask_calendar
from tests.api.changes import rules
from tests.api.console import WHEREFORE, post, staff
from tests.api.counted_days import remember
from tests.api.floor_files import upload
from tests.api.floor_plans import exported, send
from tests.api.known_reader import ASKED, reader_with_data
from tests.api.reader_groups import enter, group
from tests.api.refused_forms import LONG, REFUSED
from tests.api.rules_page import ask as ask_rules
from tests.api.violations import WHY
from tests.api.webhook_console import endpoint
from tests.living import Client, Living, living
from tests.receiver import NewReceiver, Receiver

CHINESE: Final = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")
TYPED: Final = (
    *("张三", "林静怡", "李四", "当天没有故障", "不亮", "门口屏", "馆长办公会", "消防检修", "台灯"),
    *(WHEREFORE, WHY, ASKED, LONG, "长" * 40),
    *{text for _, form, _ in REFUSED for text in form.values() if CHINESE.search(text)},
)
"""What people typed into the pages and forms of this test, and an example of a Chinese name."""
_OWN: Final = (
    re.compile(r'<textarea name="plans?" hidden[^>]*>.*?</textarea>', re.S),
    re.compile(r'<textarea name="rules_text".*?</textarea>|<code>{[^<]*}</code>', re.S),
    re.compile(r'<input name="running_line"[^>]*>'),
    re.compile(r'<span lang="zh-CN">[^<]*</span>'),
)
"""Parts of pages that are in Chinese on purpose: a form's hidden data, and the library's
wording with the names of its placeholders, and what a label says in a second language."""
FILES: Final = re.compile(r"\.(csv|xlsx|json|png)$")
COLUMNS: Final = "area,floor,seat,row,column"
FAULTY: Final = f"{COLUMNS},lamp,power\nSaal,x,A-1,1,1,,q\n,2,A-1,,1,,ja\nSaal,2,A-1,1,1,,\n"
HALL: Final = AreaId("2f-hall")


async def in_latin(service: Living) -> None:
    """Gives everything in the library a name without Chinese, and English posters and labels."""
    for kind in ("venues", "areas", "kiosks", "gates", "rooms"):
        for number, document in enumerate(await service.db[kind].find().to_list(None)):
            name = f"{kind.title()} {number}"
            await service.db[kind].update_one({"_id": document["_id"]}, {"$set": {"name": name}})
    await service.db["rooms"].update_many({}, {"$set": {"equipment": ["Board"]}})
    await service.db["versions"].update_one({"_id": "library"}, {"$inc": {"number": 1}})
    names = {"name": "Library", "title": "Seats", "campus_app": "App", "contact": ["desk@lib.test"]}
    names |= {"audience": "", "mini_program": "Seats", "menu": "Seats", "language": "en"}
    await service.db["profile"].update_many({}, {"$set": names})
    await service.db["notices"].delete_many({})
    await service.inside.reference.refresh()


def chinese_in(body: str) -> list[str]:
    """The Chinese texts of a page, its attributes included, that nobody typed."""
    for part in _OWN:
        body = part.sub("", body)
    pieces = {html.unescape(p) for p in re.split(r"<[^>]*>", body) + re.findall('="([^"]*)"', body)}
    for typed in sorted(TYPED, key=len, reverse=True):
        pieces = {piece.replace(typed, "") for piece in pieces}
    return sorted({p.strip() for p in pieces if CHINESE.search(p)} - {"中文"})


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service with this machine's address allowed for webhooks."""
    async with living(mongo_url, redis_url, WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8") as running:
        yield running


def kind_of(link: str) -> str:
    """The page that the link leads to, with ``{id}`` for the ids in its address."""
    path, _, query = link.partition("?")
    path = re.sub(r"/(?:[0-9a-f]{24}|[1-9][a-z0-9]*-[a-z0-9-]+)(?=/|$)", "/{id}", path)
    return path + "?" + "&".join(sorted(part.partition("=")[0] for part in query.split("&")))


async def filled(service: Living, reader: Client, program: Receiver) -> Browser:
    """Fills the console's pages. Returns an administrator's browser."""
    head = await staff(service, Role.ADMINISTRATOR)
    desk, here = await staff(service), f"/console/readers/{reader.reader_id}"
    await remember(service, 40)
    numbers: dict[str, Any] = {"max_minutes": 120, "accessible_only": True, "meal_times": ()}
    exams = PolicyOverride("Exams", date(2026, 12, 1), None, numbers)
    hall = PolicyOverride("Hall", date(2026, 12, 1), date(2026, 12, 2), {"max_minutes": 60}, HALL)
    await rules(service, rule_sets=(exams, hall), areas={HALL: {"max_minutes": 180}})
    id = await group(service, head, name="PhD", shown_name="Doctoral", max_minutes="60")
    await enter(service, head, reader, id, last="2027-12-31")
    hook = await endpoint(service, program)
    await hook.operate("disable")
    for path, form in {
        "/console/notices": {"title": "Hours", "body": "**.**", "published_at": "2026-09-07T08:00"},
        "/console/canned-answers": {"title": "Passed on", "text": "Thanks."},
        "/console/staff": {"number": reader.number, "role": "librarian", "where": "all"},
        "/console/devices/gate/main/retire": {"was_name": "Gates 0", "was_venue": "library"},
        "/console/seats/2f-hall-044/outage": {"was": "||", "reason": "Broken"},
        f"{here}/suspend": {"was": "", "forever": "on"},
    }.items():
        answer = await post(service, head, path, **{"reason": "Because"} | form)
        assert answer.status == 303, (path, answer.body)
    taken = await (await service.reader()).reserve("2f-hall-020", "now", "13:00")
    await post(service, desk, f"/console/reservations/{taken['id']}/check_in")
    asker = await service.reader()
    for room, start, end in (("r201", "14:00", "16:00"), ("r401", "16:00", "18:00")):
        when = {"date": service.today, "start": start, "end": end, "purpose": "Seminar"}
        await asker.ok("POST", "/room-bookings", {"room_id": room, **when})
    watcher = await service.reader()
    booked = await watcher.reserve("2f-hall-021", "now", "12:00")
    await watcher.ok("POST", f"/reservations/{booked['id']}/report", {"kind": "occupied"})
    closing = {"first": service.tomorrow, "bookings": "keep", "confirmed": "yes"}
    assert (await ask_calendar(service, head, **closing)).status == 303
    return head


async def answers_of_forms(service: Living, head: Browser, reader: Client) -> dict[str, str]:
    """The pages with which forms are answered: previews, questions, results, refusals."""
    here, plan = f"/console/readers/{reader.reader_id}", await exported(head)
    plan["seats"] = [s for s in plan["seats"] if s["no"] not in ("002", "003")]
    plan["seats"][3]["no"] += "X"
    base = service.inside.reference.catalog.areas[HALL].rev
    nobody = {"first": service.tomorrow, "last": service.tomorrow}
    token = {"name": "Screen", "days": "90", "per_minute": "60", "catalog:read": "1"}
    booking = {"area": HALL, "no": "001", "date": service.today, "end": "23:00"}
    past = {"area": HALL, "no": "065", "date": service.today, "start": "09:00", "end": "10:00"}
    (id,) = re.findall(r"/console/groups/([0-9a-f]{24})", (await head.get("/console/groups")).body)
    about = {"begin": f"{service.today}T09:00", "until": f"{service.today}T20:00", "area": HALL}
    answers = {
        "rules": await ask_rules(service, head, max_minutes="300", violations_limit="9"),
        "a week": await ask_calendar(service, head, operation="week", at=f"a:{HALL}"),
        "an exception": await ask_calendar(
            service, head, kind="open", opens="08:00", closes="02:00"
        ),
        "a closure": await ask_calendar(service, head, first=service.today, bookings=""),
        "a plan": await send(service, head, plan, base=base),
        "a file": await upload(service, head, f"{COLUMNS}\nSaal,0,A-1,1,1\n"),
        "a faulty file": await upload(service, head, FAULTY),
        "no table": await upload(service, head, b"\x00\x01"),
        "a group": await post(service, head, "/console/groups", name="X", **{f"area-{HALL}": "1"}),
        "an outage": await post(
            service, head, "/console/seats/2f-hall-002/outage", was="||", reason="Broken"
        ),
        "a token": await post(service, head, "/console/api-tokens", **token),
        "a visitor": await post(service, head, "/console/readers/visitors", name="N", **nobody),
        "a booking": await post(service, head, f"{here}/book", **booking),
        "a number": await post(service, head, f"{here}/number"),
        "a seat's past": await post(service, head, "/console/seat-history", **past),
        "readers": await head.get("/console/readers?q=2"),
        "a message": await post(
            service, head, "/console/announcements", operation="look", title="T", text="X", **about
        ),
        "no members": await post(service, head, f"/console/groups/{id}/members", list="x"),
    }
    for path, form, _ in REFUSED:
        path = path.format(reader=reader.reader_id)
        answers[f"{path} {form}"] = await post(service, head, path, **form)
    return {name: str(answer.body) for name, answer in answers.items()}


async def test_the_console_in_english_holds_no_chinese_that_nobody_typed(
    service: Living, receiver: NewReceiver
) -> None:
    """Every page that the menu and its pages lead to, and the pages that forms answer with."""
    await in_latin(service)
    reader = await reader_with_data(service)
    head = await filled(service, reader, await receiver())
    head.cookie |= {"Accept-Language": "en"}
    pages = dict[str, str]()
    seen, waiting = set[str](), ["/console", "/console/alerts"]
    while waiting:
        path = waiting.pop()
        answer = await head.get(path)
        assert answer.status == 200 and '<html lang="en">' in answer.body, (path, answer.status)
        pages[path] = answer.body
        for link in re.findall(r'href="(/console[^"#]*)', answer.body):
            here = html.unescape(link)
            if (kind := kind_of(here)) not in seen and not FILES.search(here.partition("?")[0]):
                seen.add(kind)
                waiting.append(here)
    assert 'href="/language/zh?back=/console"' in pages["/console"]
    pages |= await answers_of_forms(service, head, reader)
    pages["log"] = (await head.get("/console/audit?kind=")).body
    left = {name: texts for name, body in pages.items() if (texts := chinese_in(body))}
    assert not left, "\n".join(f"{name}: {text}" for name, texts in left.items() for text in texts)
