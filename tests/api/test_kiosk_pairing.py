"""Pairing over HTTP: a screen without a key, a code of six digits, and an administrator."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

from models.identity.roles import Role
from models.kiosks.pairing_repository import OF_A_NETWORK
from models.staff.audit import AuditQuery
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.api.kiosk import kiosk
from tests.living import Living, living

HERE = "/console/devices/kiosk/2f-south"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/70.0.3538.0 Safari/537.36"


async def opened_screen(service: Living) -> Any:
    """A screen that has opened /kiosk."""
    return await service.anonymous.ok("POST", "/kiosk-pairings", {}, **{"User-Agent": CHROME})


async def state(service: Living, screen: Any) -> Any:
    return await service.anonymous.ok("POST", "/kiosk-pairings/state", {"secret": screen["secret"]})


async def typed(service: Living, head: Browser, code: str, **form: str) -> Any:
    return await post(service, head, f"{HERE}/pairing", code=code, **form)


def confirming(page: str) -> dict[str, str]:
    """The hidden fields of the page that asks to confirm the screen."""
    return {name: field(page, name) for name in ("screen", "base")}


def field(page: str, name: str) -> str:
    match = re.search(rf'name="{name}"[^>]*? value="([^"]*)"', page)
    assert match is not None, name
    return match[1]


async def works(service: Living, key: str, id: str = "2f-south") -> bool:
    answer = await service.anonymous.get(f"/kiosks/{id}/code", **{"X-Kiosk-Key": key})
    assert answer.status in (200, 401)
    return answer.status == 200


async def test_an_administrator_pairs_a_screen_by_its_code(service: Living) -> None:
    head, screen = await staff(service, Role.ADMINISTRATOR), await opened_screen(service)
    assert re.fullmatch(r"\d{6}", screen["code"])
    assert (await state(service, screen))["kiosk_id"] is None
    assert not await works(service, screen["secret"]), "nobody has confirmed"
    old = (await kiosk(service))["X-Kiosk-Key"]
    assert "2f-south" in (await head.get(f"{HERE}/pairing")).body
    assert "配对屏幕" in (await head.get("/console/devices")).body
    assert "配对屏幕" not in (await (await staff(service)).get("/console/devices")).body

    shown_code = f"{screen['code'][:3]} {screen['code'][3:]}"
    page = (await typed(service, head, shown_code)).body
    for said in (screen["check_word"], "Chrome · Linux", "127.0.0.1", "2026-09-07 08:00"):
        assert said in page, said
    assert screen["secret"] not in page and await works(service, old), "a look changes nothing"
    answer = await post(service, head, f"{HERE}/pair", **confirming(page))
    assert answer.headers["Location"] == "/console/devices?paired=2f-south"

    assert (await state(service, screen))["kiosk_id"] == "2f-south"
    assert await works(service, screen["secret"]) and not await works(service, old)
    assert not await works(service, screen["secret"], "2f-north")
    devices = (await head.get(answer.headers["Location"])).body
    assert "已配对" in devices and "密钥在 Chrome · Linux，2026-09-07 08:00 起" in devices
    # Whoever pairs another screen is told that this one loses its key.
    other = await opened_screen(service)
    assert "会失效" in (await typed(service, head, other["code"])).body
    # The log says who, which kiosk and which browser; neither it nor anything else holds the key.
    (entry,), _ = await service.inside.stored.audit_log.page_of(AuditQuery(action="pair"), 0, 9)
    assert (entry.target, entry.outcome) == ("kiosk:2f-south", "done")
    assert entry.after is not None and entry.after["browser"] == "Chrome · Linux"
    stored = await service.all_documents()
    assert screen["secret"] not in stored and "127.0.0.1" not in stored


async def test_a_new_kiosk_is_added_and_paired_in_one_step(service: Living) -> None:
    head, screen = await staff(service, Role.ADMINISTRATOR), await opened_screen(service)
    form = {"device": "kiosk", "id": "5f-east", "name": "五层", "venue": "library"}
    form |= {"kind": "seat_kiosk"}
    wrong = f"{(int(screen['code']) + 1) % 10**6:06}"
    before = await service.inside.stored.catalogs.load()
    for code, said in ((wrong, "没有屏幕显示这个配对码"), ("12345", "六位数字")):
        refused = await post(service, head, "/console/devices", **form, code=code)
        assert said in refused.body and field(refused.body, "code") == code
    gate = await post(
        service, head, "/console/devices", **form | {"device": "gate"}, code=screen["code"]
    )
    assert gate.status == 400
    assert await service.inside.stored.catalogs.load() == before
    page = (await post(service, head, "/console/devices", **form, code=screen["code"])).body
    assert "现在没有屏幕使用" in page and "#key=" not in page
    done = await post(service, head, "/console/devices/kiosk/5f-east/pair", **confirming(page))
    assert done.status == 303 and await works(service, screen["secret"], "5f-east")


async def test_wrong_expired_and_used_pairing_codes_are_refused(service: Living) -> None:
    head, screen = await staff(service, Role.ADMINISTRATOR), await opened_screen(service)
    before = await service.inside.stored.kiosks.key_holders()
    for code, status in (("", 400), ("12a456", 400), ("1" * 7, 400)):
        answer = await typed(service, head, code)
        assert answer.status == status and 'role="alert"' in answer.body, code
    page = (await typed(service, head, screen["code"])).body
    # A reason is missing: the page asks again for this very screen.
    again = await post(service, head, f"{HERE}/pair", **confirming(page), reason="")
    assert again.status == 400 and confirming(again.body) == confirming(page)
    await service.move(timedelta(minutes=10))
    for path, form in (
        (f"{HERE}/pairing", {"code": screen["code"]}),
        (f"{HERE}/pair", confirming(page)),
    ):
        late = await post(service, head, path, **form, reason="换新机器")
        assert late.status in (409, 422) and "换新机器" in late.body, path
    body = {"secret": screen["secret"]}
    await service.anonymous.refused("404 not_found", "POST", "/kiosk-pairings/state", body)
    body = {"secret": "x" * 59}
    await service.anonymous.refused("404 not_found", "POST", "/kiosk-pairings/state", body)
    assert await service.inside.stored.kiosks.key_holders() == before
    assert not await works(service, screen["secret"])
    assert (await head.get("/console/devices/kiosk/none/pairing")).status == 404


async def test_the_second_of_two_pairings_of_one_kiosk_is_a_conflict(service: Living) -> None:
    heads = [await staff(service, Role.ADMINISTRATOR) for _ in range(2)]
    screens = [await opened_screen(service) for _ in heads]
    # Two screens for one kiosk: both have looked, one is first.
    pages = [(await typed(service, h, s["code"])).body for h, s in zip(heads, screens, strict=True)]
    first = await post(service, heads[0], f"{HERE}/pair", **confirming(pages[0]))
    late = await post(service, heads[1], f"{HERE}/pair", **confirming(pages[1]), reason="二楼")
    assert (first.status, late.status) == (303, 409)
    assert "刚刚被其他人更换过" in late.body and field(late.body, "reason") == "二楼"
    assert await works(service, screens[0]["secret"])
    assert not await works(service, screens[1]["secret"])
    # What the page shows now can be confirmed.
    done = await post(service, heads[1], f"{HERE}/pair", **confirming(late.body))
    assert done.status == 303 and await works(service, screens[1]["secret"])
    # One screen for two kiosks.
    used = await post(service, heads[0], f"{HERE}/pair", **confirming(pages[1]))
    assert used.status == 409 and "已经配对过" in used.body
    assert await works(service, screens[1]["secret"])


async def test_wrong_pairing_codes_are_throttled(mongo_url: str, redis_url: str) -> None:
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as service:
        head = await staff(service, Role.ADMINISTRATOR)
        reader = (await service.db["sessions"].find_one({"role.name": "administrator"}) or {})[
            "reader"
        ]
        until = service.clock.now() + timedelta(minutes=1)
        full = {"_id": f"pairing:{reader}", "n": 20, "until": until}
        await service.db["attempt_limits"].insert_one(full)
        screen = await opened_screen(service)
        assert (await typed(service, head, screen["code"])).status == 429
        await service.db["attempt_limits"].update_one({"_id": full["_id"]}, {"$set": {"n": 19}})
        assert (await typed(service, head, screen["code"])).status == 200
        assert (await typed(service, head, "000000")).status in (422,)
        assert (await typed(service, head, screen["code"])).status == 429, (
            "a right one is given back"
        )


async def test_a_flood_of_pairing_requests_does_not_displace_other_networks(
    mongo_url: str, redis_url: str
) -> None:
    """Requests from one address are throttled and limited in number; with many addresses, a screen
    of another network keeps its place."""
    async with living(
        mongo_url, redis_url, TRUSTED_PROXIES="127.0.0.1", RATE_LIMIT_SCALE="1"
    ) as service:
        mine = await opened_screen(service)
        theirs = {"X-Forwarded-For": "2001:db8::1"}
        answers = await asyncio.gather(
            *(service.anonymous.post("/kiosk-pairings", {}, **theirs) for _ in range(40))
        )
        assert {answer.status for answer in answers} == {201, 429, 503}
        assert sum(answer.status == 201 for answer in answers) <= OF_A_NETWORK
        assert await service.db["kiosk_pairings"].count_documents({}) <= OF_A_NETWORK + 1
        assert (await state(service, mine))["code"] == mine["code"]
        assert (await opened_screen(service))["code"] != mine["code"]
        # A screen behind the stranger's address is of another kind, and is not paced with them.
        assert (await service.anonymous.post("/kiosk-pairings", {}, **theirs)).status == 429
        screen = await service.anonymous.post(
            "/kiosk-pairings", {}, **theirs, **{"User-Agent": CHROME}
        )
        assert screen.code == "busy", "and finds their places taken for two minutes at most"
        assert int(screen.headers["Retry-After"]) <= 120
