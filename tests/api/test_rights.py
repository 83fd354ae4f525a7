"""Every route with every kind of caller, compared with one table.

``REWRITE_GOLDEN=1`` rewrites the table; review the difference line by line.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from handlers.texts.errors import TEXTS
from models.identity.api_tokens import Scope
from models.identity.roles import GrantId, Role, StaffGrant
from models.library.entities import KioskId, VenueId
from tests.api.addresses import NAMES, csrf_in, csrf_of
from tests.api.api_tokens import program
from tests.api.browsing import FORM, Browser
from tests.api.cas_sign_in import begun, granted
from tests.api.notices import WRITTEN
from tests.living import Client, Living

GOLDEN: Final = Path(__file__).parent.parent / "golden" / "rights.txt"
API: Final = "/api/v1"
NOT_OURS: Final = ("/sandbox", "/wechat", "/static", f"{API}/gate/")
"""The sandbox, and what machines sign."""
ENDS: Final = (
    ("DELETE", f"{API}/bindings/current"),
    ("DELETE", f"{API}/me"),
    ("POST", "/unbind"),
    ("DELETE", f"{API}/sessions"),
    ("DELETE", f"{API}/sessions/current"),
    ("POST", "/logout"),
    ("POST", "/me/erase"),
)
"""What ends the caller's own access: each has callers of its own."""
OTHER_VENUE: Final = TEXTS["other_venue"]
METHODS: Final = ("GET", "POST", "DELETE")
HEAD: Final = """\
Who may call what.  in: the request is looked at  401: sign in  other codes: 403, not this caller

n nobody  u phone, unbound  p phone  k card at a kiosk  w browser  v viewer  l librarian
a administrator  s a librarian's phone  b administrator of another venue only
programs, with one scope each:  C catalog:read  O occupancy:read  R reservations:read
W reservations:write  S statistics:read

"""


async def callers(service: Living) -> dict[str, Client]:
    """One caller of each kind."""
    at_kiosk, now = await service.reader(), service.clock.now()
    issued = await service.sessions.open_kiosk(at_kiosk.reader_id, KioskId("2f-south"), now)
    at_kiosk.token = issued.token
    return {
        "n": service.stranger(),
        "u": await service.wx_user(),
        "p": await service.reader(),
        "k": at_kiosk,
        "w": await service.web_reader(),
        "v": await service.web_reader(role=Role.VIEWER),
        "l": await service.web_reader(role=Role.LIBRARIAN),
        "a": await service.web_reader(role=Role.ADMINISTRATOR),
        "b": await of_another_venue(service),
        "s": await service.phone_of(await service.web_reader(role=Role.LIBRARIAN)),
        **{
            letter: await program(service, scope)
            for letter, scope in zip("CORWS", Scope, strict=True)
        },
    }


async def of_another_venue(service: Living) -> Client:
    """A librarian with all rights in a venue that holds nothing."""
    client, stored = await service.web_reader(), service.inside.stored
    there = frozenset({VenueId("elsewhere")})
    grant = StaffGrant(GrantId("g"), Role.ADMINISTRATOR, there)
    assert await stored.staff_grants.give(client.reader_id, grant)
    now = service.clock.now()
    issued = await service.sessions.open_web(client.reader_id, "ST-venue", now, granted=True)
    client.token = issued.token
    return client


def routes(service: Living) -> Iterator[tuple[str, str]]:
    """Method and path of every served route."""
    served = {
        (route.method, resource.canonical)
        for resource in service.app.router.resources()
        for route in resource
        if route.method in METHODS and not resource.canonical.startswith(NOT_OURS)
    }
    yield from sorted(served, key=lambda route: (route[1], route[0]))


async def outcome(client: Client, csrf: str, method: str, path: str) -> str:
    """The outcome of an empty request: 401, the code of a 403, or admitted."""
    for name, value in NAMES.items():
        path = path.replace(name, value)
    headers, body = {"Origin": client.service.base}, None
    if path.startswith(API):
        headers |= {"Authorization": f"Bearer {client.token}"} if client.token else {}
        body = b"{}" if method == "POST" else None
    elif client.token:
        headers["Cookie"] = f"seat_sid={client.token}"
        if method == "POST":
            body, headers = urlencode({"csrf": csrf}).encode(), headers | FORM
    async with client.session.request(
        method, client.service.base + path, headers=headers, data=body, allow_redirects=False
    ) as answer:
        if answer.status in (302, 303) and answer.headers["Location"].startswith("/login"):
            return "401"
        if answer.status == 403:
            api = path.startswith(API)
            if not api:
                return "other_venue" if OTHER_VENUE in await answer.text() else "forbidden"
            return str((await answer.json())["error"]["code"])
        return "401" if answer.status == 401 else "in"


async def test_every_route_admits_exactly_the_callers_in_the_table(service: Living) -> None:
    everybody = await callers(service)
    lines, tokens = list[str](), dict[str, str]()
    for method, path in routes(service):
        met: dict[str, str] = {}
        asking = await callers(service) if (method, path) in ENDS else everybody
        for letter, client in asking.items():
            if client.token not in tokens:
                tokens[client.token] = await csrf_of(client)
            how = await outcome(client, tokens[client.token], method, path)
            met[how] = met.get(how, "") + letter
        outcomes_text = "  ".join(f"{how}: {who}" for how, who in sorted(met.items(), reverse=True))
        lines.append(f"{method:<6} {path:<50} {outcomes_text}".rstrip())
    now = HEAD + "\n".join(lines) + "\n"
    if os.environ.get("REWRITE_GOLDEN"):
        GOLDEN.write_text(now, encoding="utf-8")
    committed = GOLDEN.read_text(encoding="utf-8")
    changed = difflib.unified_diff(committed.splitlines(), now.splitlines(), lineterm="", n=0)
    assert committed == now, "\n".join(changed)


async def test_a_role_ends_half_an_hour_after_its_last_use(service: Living) -> None:
    """Neither from a phone nor after half an hour."""
    service.staff_at_work = False
    desk = await service.web_reader(role=Role.LIBRARIAN)
    phone = await service.phone_of(desk)
    assert (await desk.get("/staff/reports")).status == 200
    await phone.refused("403 forbidden", "GET", "/staff/reports")
    await service.move(timedelta(minutes=28))
    assert (await desk.get("/staff/reports")).status == 200
    await service.move(timedelta(minutes=28))
    assert (await desk.get("/staff/reports")).status == 200, "its use goes on"
    await service.move(timedelta(minutes=31))
    await desk.refused("403 sign_in_again", "GET", "/staff/reports")
    assert (await desk.get("/me")).status == 200, "a reader all the same"
    # Used all day long, it ends after twelve hours.
    other = await service.web_reader(role=Role.LIBRARIAN)
    principal = await service.sessions.principal(other.token, service.clock.now())
    await service.sessions.keep(principal.session)
    for _ in range(24):
        assert (await other.get("/staff/reports")).status == 200
        await service.leap(timedelta(minutes=29, seconds=30))
    await service.move(timedelta(minutes=13))
    await other.refused("403 sign_in_again", "GET", "/staff/reports")
    assert (await other.get("/me")).status == 200


async def test_a_form_sent_after_the_role_ended_is_kept_through_signing_in_again(
    service: Living,
) -> None:
    """A form that took longer than half an hour keeps its text and its session."""
    service.staff_at_work = False
    browser = service.stranger()
    browser.number = "librarian"
    first = await granted(service, browser, await begun(browser))
    assert (await browser.get("/" + first)).status == 302
    page = await browser.get("//console/notices/new")
    form = {"csrf": csrf_in(page.body), **WRITTEN, "title": "闭馆通知", "reason": "消防"}
    await service.move(timedelta(minutes=31))
    sent = urlencode(form).encode()
    refused = await browser.call("POST", "//console/notices", sent, **FORM, Origin=service.base)
    assert refused.status == 403 and "闭馆通知" in refused.body and "重新登录" in refused.body
    # A page sends them there by itself, and CAS asks for the password.
    away = await browser.get("//console")
    assert away.headers["Location"].endswith("&renew=1")
    sign_on = await browser.get("/" + away.headers["Location"])
    assert "renew=true" in sign_on.headers["Location"]
    sign_on_page = await browser.get("/" + sign_on.headers["Location"].removeprefix(service.base))
    assert sign_on_page.status == 200, "who is signed in there types it all the same"
    before = next(c.value for c in browser.session.cookie_jar if c.key == "seat_sid")
    back = await granted(service, browser, await begun(browser, "?renew=1&next=/console"))
    returned = await browser.get("/" + back)
    assert returned.headers["Location"] == "/console"
    assert next(c.value for c in browser.session.cookie_jar if c.key == "seat_sid") == before
    # The session lasts twelve hours from now, not from its first sign-in; so does its cookie.
    (cookie,) = [c for c in returned.headers.getall("Set-Cookie") if c.startswith("seat_sid=")]
    assert "Max-Age=43200;" in cookie
    again = await browser.call("POST", "//console/notices", sent, **FORM, Origin=service.base)
    assert again.status == 303


async def test_sessions_are_listed_and_ended(service: Living) -> None:
    phone, unbound = await service.reader(), await service.wx_user()
    browser, other = await service.web_reader(phone), await service.web_reader(phone)
    stranger = await service.web_reader()
    items = (await browser.ok("GET", "/sessions"))["items"]
    assert sorted(item["kind"] for item in items) == ["web", "web", "wx"]
    (mine,) = [item for item in items if item["current"]]
    assert browser.token not in str(items)
    (theirs,) = (await stranger.ok("GET", "/sessions"))["items"]
    await browser.refused("404 not_found", "DELETE", f"/sessions/{theirs['id']}")
    (wx,) = [item for item in items if item["kind"] == "wx"]
    await browser.ok("DELETE", f"/sessions/{wx['id']}")
    await phone.refused("401 unauthenticated", "GET", "/me")
    await other.ok("DELETE", "/sessions")
    await browser.refused("401 unauthenticated", "GET", "/me")
    assert [i["id"] for i in (await other.ok("GET", "/sessions"))["items"]] != [mine["id"]]
    await stranger.ok("GET", "/me")
    await unbound.ok("DELETE", "/sessions/current")
    await unbound.refused("401 unauthenticated", "GET", "/me")


async def test_a_librarian_who_stays_signed_in_keeps_readers_rights_only(service: Living) -> None:
    service.staff_at_work = False
    desk = Browser(await service.web_reader(role=Role.LIBRARIAN))
    page = await desk.get("/me/devices")
    assert "已登录的设备" in page.body and "本机" in page.body
    form = {"csrf": await desk.token("/me/devices")}
    answer = await desk.post("/me/devices/keep", form, service.base)
    assert answer.status == 303 and "Max-Age=2591" in answer.headers["Set-Cookie"], "thirty days"
    await service.move(timedelta(days=20))
    assert (await desk.get("/me")).status == 200
    assert (await desk.get("/console")).headers["Location"].startswith("/login")
    await service.move(timedelta(days=11))
    assert (await desk.get("/me")).status == 303


async def test_responses_are_not_cached_and_name_no_server_software(service: Living) -> None:
    reader = await service.reader()
    for path in ("/me", "/reservations", "/areas", "//healthz", "//login", "/nowhere"):
        answer = await reader.get(path)
        assert "Server" not in answer.headers, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        cache_control = answer.headers["Cache-Control"]
        assert cache_control in ("no-store", "private, no-cache"), path
    assert (await reader.get("/me")).headers["Cache-Control"] == "no-store"
