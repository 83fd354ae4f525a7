"""The sandbox's endpoints: clock, reset, inbox, kiosks and gates."""

from __future__ import annotations

import aiohttp
import pytest

from tests.living import Living, living

WRONG_CLOCKS: list[object] = [
    b"",
    b"{",
    b"\xff",
    b'{"advance_seconds":1e999}',
    b'{"advance_seconds":NaN}',
    [],
    {},
    {"now": None},
    {"now": 1},
    {"now": "2026-09-07"},
    {"now": "2026-09-07T08:00:00"},
    {"now": "2026-02-30T08:00:00+08:00"},
    {"now": "0001-01-01T00:00:00Z"},
    {"now": "0001-01-01T00:00:00+08:00"},
    {"now": "9999-12-31T23:59:59Z"},
    {"now": "9999-12-31T23:59:59-10:00"},
    {"now": "2028-09-07T08:00:00+08:00"},
    {"advance_seconds": "60"},
    {"advance_seconds": True},
    {"advance_seconds": None},
    {"advance_seconds": 1e300},
    {"advance_seconds": -1e12},
    {"advance_seconds": 400 * 86400},
    {"now": "2026-09-07T08:00:00+08:00", "advance_seconds": 1},
    {"then": "2026-09-07T08:00:00+08:00"},
]


async def test_the_clock_can_be_moved_set_back_and_held(service: Living) -> None:
    anyone, reader = service.anonymous, await service.reader()
    before = (await anyone.ok("GET", "//sandbox/clock"))["now"]
    for body in WRONG_CLOCKS:
        await anyone.refused("400 malformed", "POST", "//sandbox/clock", body)
    now = (await anyone.ok("GET", "//sandbox/clock"))["now"]
    assert before[:16] == now[:16] == "2026-09-07T08:00"

    service.forward_clock.end()
    back = {"now": "2026-09-06T10:00:00+08:00"}
    assert (await anyone.ok("POST", "//sandbox/clock", back))["now"].startswith("2026-09-06T10:00")
    moved = await anyone.ok("POST", "//sandbox/clock", {"advance_seconds": 600.5})
    assert moved["now"].startswith("2026-09-06T10:10:0")
    assert (await anyone.ok("POST", "//sandbox/clock", {"advance_seconds": -60}))["now"] < moved[
        "now"
    ]

    made = await reader.reserve(start="11:00", end="12:00")
    held = {"now": "2026-09-06T10:00:00+08:00"}
    await anyone.refused("409 clock_held", "POST", "//sandbox/clock", held)
    await anyone.refused("409 clock_held", "POST", "//sandbox/clock", {"advance_seconds": -1})
    # Forward, it answers when all that became due is done.
    await anyone.ok("POST", "//sandbox/clock", {"now": "2026-09-06T20:00:00+08:00"})
    gone = await reader.ok("GET", f"/reservations/{made['id']}")
    assert (gone["state"], gone["ended_at"]) == ("no_show", "2026-09-06T11:30:00+08:00")


@pytest.mark.whole
async def test_the_inbox_lists_the_pushed_messages(service: Living) -> None:
    first, second = await service.reader(), await service.reader()
    for reader in (first, second):
        await reader.accept("RESERVED")
        await reader.reserve(f"2f-hall-06{1 if reader is first else 2}")
        await service.settle()
    everything = (await service.anonymous.ok("GET", "//sandbox/messages"))["items"]
    assert [m["openid"] for m in everything] == [first.openid, second.openid]
    (one,) = await first.messages()
    assert list(one) == ["openid", "template", "template_id", "page", "data", "at"]
    assert (one["openid"], one["template"]) == (first.openid, "RESERVED")
    assert one["data"]["thing1"]["value"] and one["at"].endswith("+08:00")
    assert one["page"].startswith("pages/")
    assert (await service.anonymous.ok("GET", "//sandbox/messages?openid=o-nobody"))["items"] == []
    page = await service.anonymous.get(f"//sandbox/?openid={first.openid}")
    assert first.openid in page.body


async def test_kiosks_and_gates_are_listed_and_a_reset_restores_the_library(
    service: Living,
) -> None:
    anyone, reader = service.anonymous, await service.reader()
    await reader.accept("RESERVED")
    await reader.reserve()
    await service.settle()
    kiosks = await anyone.ok("GET", "//sandbox/kiosks")
    assert [k["id"] for k in kiosks["items"]] == ["2f-north", "2f-south", "3f-north", "4f-north"]
    page = (await anyone.get("//sandbox/")).body
    for kiosk in kiosks["items"]:
        assert f'href="/kiosk/{kiosk["id"]}#key={kiosk["key"]}"' in page, "its screen, with its key"
    gates = await anyone.ok("GET", "//sandbox/gates")
    assert gates["items"] and all(list(g) == ["id", "key"] for g in gates["items"])
    pictures = {}
    for kiosk in kiosks["items"]:
        path, key = f"/kiosks/{kiosk['id']}/code", {"X-Kiosk-Key": kiosk["key"]}
        pictures[kiosk["id"]] = await anyone.ok("GET", path, **key)
        wrong = {"X-Kiosk-Key": kiosk["key"] + "x"}
        await anyone.refused("401 unauthenticated", "GET", path, None, **wrong)
    code = pictures["2f-south"]
    assert list(code) == [
        "payload",
        "svg",
        "expires_at",
        "step_seconds",
        "kind",
        "free",
        "language",
    ]
    assert (
        code["payload"].startswith(f"{service.base}/k/2f-south?c=")
        and len(code["payload"].rpartition("=")[2]) == 8
    )
    assert code["svg"].startswith("<svg") and "<script" not in code["svg"]
    assert (code["step_seconds"], code["kind"]) == (15, "seat_kiosk")
    assert pictures["3f-north"]["kind"] == "query_terminal" and pictures["3f-north"]["free"] == []
    assert pictures["2f-south"]["free"][1] == {"name": "二层中厅", "floor": 2, "seats_free": 68}

    assert (await anyone.post("//sandbox/reset")).status == 200
    await reader.refused("401 unauthenticated", "GET", "/me")
    assert (await anyone.ok("GET", "//sandbox/messages"))["items"] == []
    assert await anyone.ok("GET", "//sandbox/kiosks") == kiosks
    # It stays a sandbox's database, sealed with the same keys.
    assert {"mode", "keys"} <= set(await service.db["installation"].distinct("_id"))
    library = {"policies", "versions", "notices", "areas", "venues", "installation"}
    library |= {"presence_methods", "profile", "rooms"}  # the demo's, with its kiosks and names
    for name in (await service.books()).keys() - library:
        assert await service.db[name].find_one() is None, name
    newcomer = await service.reader()
    assert len((await newcomer.ok("GET", "/areas"))["items"]) == 20


async def test_the_front_page_links_to_the_sandbox_page_and_its_links_work(service: Living) -> None:
    assert 'href="/sandbox/"' in (await service.anonymous.get("//")).body
    page = await service.anonymous.get("//sandbox/")
    assert page.status == 200
    async with aiohttp.ClientSession() as session:
        for part in page.body.split('href="')[1:]:
            link = part.partition('"')[0]
            if link.startswith("/"):
                async with session.get(service.base + link) as response:
                    assert response.status < 400, link


@pytest.mark.whole
async def test_a_sandbox_reachable_from_the_network_warns_on_every_page(
    mongo_url: str, redis_url: str, service: Living
) -> None:
    """``demo --lan`` listens on another address."""
    async with living(mongo_url, redis_url, lan="127.0.0.2") as open_one:
        assert open_one.base.startswith("http://127.0.0.2:")
        for running, expected in ((open_one, True), (service, False)):
            reader, librarian = await running.web_reader(), await running.web_reader()
            grade = {"$set": {"kind": "librarian"}}
            await running.db["readers"].update_one({"_id": librarian.reader_id}, grade)
            running.sessions.invalidate_all()
            pages = dict.fromkeys(("//no-such-page", "//kiosk/2f-south"), "")
            pages |= dict.fromkeys(("//", "//me", "//rules"), reader.token)
            pages |= dict.fromkeys(("//console", "//console/rules"), librarian.token)
            for path, token in pages.items():
                cookie = {"Cookie": f"seat_sid={token}"} if token else {}
                answer = await running.anonymous.get(path, Accept="text/html", **cookie)
                body = str(answer.body)
                assert "<html" in body, (path, body)
                assert ('class="trying"' in body and "沙箱" in body) is expected, (path, body[:600])
