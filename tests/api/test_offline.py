"""The facts that a page gives its browser for the time without a network, and the worker."""

from __future__ import annotations

import re
from typing import Any

from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.api.console import staff
from tests.living import Living

SCRIPT = re.compile(r'<meta name="pass" content="/static/offline\.[^"]+"([^>]*)>')


def attributes(page: str) -> dict[str, Any] | None:
    """The attributes of the page's entry for the script; None if the page leaves the copy alone."""
    tag = SCRIPT.search(page)
    return dict(re.findall(r'data-(\w+)="([^"]*)"', tag[1])) if tag else None


async def test_a_page_names_the_session_only_if_its_reader_stays_signed_in(
    service: Living,
) -> None:
    browser = Browser(await service.web_reader())
    page = attributes((await browser.get("/")).body)
    assert page is not None and page["session"] == "" and "pass" not in page
    form = {"csrf": await browser.token()}
    assert (await browser.post("/me/devices/keep", form, service.base)).status == 303
    pages = [attributes((await browser.get(path)).body) for path in ("/", "/check-in", "/me")]
    assert [page and page.get("pass") for page in pages] == ["null", "null", None]
    (session,) = {page["session"] for page in pages if page}
    assert re.fullmatch(r"[0-9a-f]{16}", session)
    # Who is not signed in, on a page of their own: the copy goes. Whose browser it is, is not
    # known where the page is not there: it stays.
    front = attributes((await service.anonymous.get("//")).body)
    assert front is not None and front["session"] == "" and "worker" not in front
    nothing = await service.anonymous.get("//nothing", Accept="text/html")
    assert nothing.status == 404 and attributes(nothing.body) is None


async def test_screens_and_the_console_load_no_script_for_it(service: Living) -> None:
    desk = await staff(service, Role.ADMINISTRATOR)
    for path in ("//kiosk", "//kiosk/2f-south"):
        page = await service.anonymous.get(path)
        assert page.status == 200 and "offline" not in page.body and "sw.js" not in page.body
    assert "offline" not in (await desk.get("/console")).body


async def test_the_worker_and_its_page_are_of_one_version(service: Living) -> None:
    page = attributes((await Browser(await service.web_reader()).get("/me")).body)
    assert page is not None
    worker = await service.anonymous.get(f"/{page['worker']}")
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in worker.headers["Cache-Control"]
    assert worker.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"
    old = await service.anonymous.get("//sw.js?v=0000000000")
    assert (old.body, old.headers["Cache-Control"]) == (worker.body, "no-cache")
    (path,) = re.findall('const PAGE = "([^"]+)"', worker.body)
    kept = await service.anonymous.get(f"/{path}")
    policy = kept.headers["Content-Security-Policy"]
    assert kept.status == 200 and "'self'" not in policy and "unsafe" not in policy
    assert "21071234" not in kept.body and "Vary" not in kept.headers
    assert (await service.anonymous.get("//offline/0000000000")).status == 404
