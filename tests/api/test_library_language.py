"""Screens and printed sheets follow the library's language, not that of a browser."""

from __future__ import annotations

import json
import re

from models.identity.roles import Role
from models.staff.audit import AuditQuery
from tests.api.changes import with_rules
from tests.api.console import post, staff
from tests.api.kiosk import kiosk
from tests.api.left_over import left_over
from tests.api.library_profile import save
from tests.living import Living

CHINESE_BROWSER = {"Accept-Language": "de-DE,zh;q=0.5"}


async def sheets(service: Living) -> dict[str, str]:
    """All screens and sheets, as a browser that prefers Chinese gets them."""
    head = await staff(service, Role.ADMINISTRATOR)
    pages = {}
    for path in ("/kiosk", "/kiosk/2f-south", "/kiosk/2f-north", "/display/library"):
        page = (await service.anonymous.get(f"/{path}", **CHINESE_BROWSER)).body
        pages[path] = re.sub(r"</b>[^<]*</li>", "", page)  # titles of notices
    poster = re.compile(r'<section class="poster".*?</section>', re.DOTALL)
    for path in ("/console/devices/kiosk/2f-south/poster", "/console/plans/2f-hall/poster"):
        pages[path] = "<body" + poster.findall((await head.get(path)).body)[0]
    labels = (await head.get("/console/plans/2f-hall/labels?seats=065")).body
    pages["labels"] = "<body" + "".join(re.findall(r"<li><p>.*?</li>", labels, re.DOTALL))
    return pages


async def test_screens_and_sheets_are_in_the_librarys_language(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    await with_rules(service, hall_display=True, public_occupancy=True)
    chinese = await sheets(service)
    assert "扫码签到 / 返回" in chinese["/kiosk/2f-south"]
    refused = await save(service, head, language="xx")
    assert refused.status == 400 and "没有这种语言" in refused.body
    assert (await save(service, head, language="en")).status == 303
    assert service.inside.reference.profile.language == "en"
    (entry, *_), _total = await service.inside.stored.audit_log.page_of(AuditQuery(), 0, 1)
    assert entry.before is not None and entry.before["language"] == "zh"
    assert entry.after is not None and entry.after["language"] == "en"
    english = await sheets(service)
    for path, words in (
        ("/kiosk", "Pair this screen"),
        ("/kiosk/2f-south", "Free now"),
        ("/kiosk/2f-north", "Scan to check in or return"),
        ("/display/library", "Open today 07:00–22:30"),
        ("/console/devices/kiosk/2f-south/poster", "Check in here"),
        ("/console/plans/2f-hall/poster", "Scan to book a seat here"),
        ("labels", "Scan to check in"),
    ):
        assert chinese[path] != english[path] and words in english[path], (path, english[path])
        assert left_over(english[path]) == [], path
    # One tap: the other language.
    assert 'data-language="zh">中文</button>' in english["/kiosk/2f-south"]
    other = await service.anonymous.get("//kiosk/2f-south?language=zh")
    assert "扫码签到 / 返回" in other.body and 'data-home="en"' in other.body
    # What the screens read is in the same language, and says which it is.
    board = (await service.anonymous.get("//display/library/board", **CHINESE_BROWSER)).body
    assert ".en." in board["assets"] and "Open today" in board["html"]
    code = await service.anonymous.ok("GET", "/kiosks/2f-south/code", **await kiosk(service))
    public = await service.anonymous.ok("GET", "/public/occupancy")
    manifest = json.loads((await service.anonymous.get("//manifest.webmanifest")).body)
    assert code["language"] == public["language"] == manifest["lang"] == "en"


async def test_screen_and_console_say_the_same_check_word(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    assert (await save(service, head, language="en")).status == 303
    english = {"Accept-Language": "en"}
    screen = await service.anonymous.ok("POST", "/kiosk-pairings", {}, **english)
    word, path = screen["check_word"], "/console/devices/kiosk/2f-south/pairing"
    assert word.isascii()
    assert f">{word}</b>" in (await post(service, head, path, code=screen["code"])).body
