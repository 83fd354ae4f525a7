"""Pages over HTTP: forms, redirects after sign-in, and security headers."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from models.library.entities import AreaId
from models.policy.entities import Policy
from tests.api.browsing import FORM, Browser
from tests.api.cas_sign_in import begun, granted
from tests.living import SEAT, Living, living


@pytest.fixture
async def browser(service: Living) -> Browser:
    return Browser(await service.web_reader())


def wish(service: Living, **other: str) -> dict[str, str]:
    return {"seat_id": SEAT, "date": service.today, "start": "14:00", "end": "16:00"} | other


async def test_a_form_without_a_token_or_from_another_origin_is_refused(
    service: Living, browser: Browser
) -> None:
    token, base = await browser.token(), service.base
    foreign = await Browser(await service.web_reader()).token()
    before = await service.books()
    for form, origin in (
        ({}, base),
        ({"csrf": ""}, base),
        ({"csrf": "0" * 16 + "." + "0" * 32}, base),
        ({"csrf": foreign}, base),
        ({"csrf": token}, ""),
        ({"csrf": token}, "https://evil.example"),
        ({"csrf": token}, "null"),
    ):
        answer = await browser.post("/reserve", wish(service) | form, origin)
        assert answer.status == 403, (form, origin)
        assert await service.books() == before
    made = await browser.post("/reserve", wish(service, csrf=token), base)
    assert made.status == 303 and made.headers["Location"].startswith("/reservations/")


async def test_a_booking_form_sent_twice_makes_one_booking(
    service: Living, browser: Browser
) -> None:
    form = wish(service, csrf=await browser.token(), key="tap-1")
    first = await browser.post("/reserve", form, service.base)
    again = await browser.post("/reserve", form, service.base)
    assert first.headers["Location"] == again.headers["Location"]


async def test_a_refused_booking_shows_the_reason_and_keeps_the_choice(
    service: Living, browser: Browser
) -> None:
    token = await browser.token()
    before = await service.books()
    cases: tuple[tuple[dict[str, str], int, str], ...] = (
        ({"end": "20:00"}, 422, "最多 240 分钟"),
        ({"start": "07:00"}, 422, "开始时间已过"),
        ({"end": ""}, 400, "请求内容有误"),
        ({"start": "07:00", "from": "x", "to": "<b>"}, 400, "请求内容有误"),
        ({"csrf": "ü.x"}, 403, "请在本站页面内操作"),
        ({"csrf": "\ud800.x"}, 400, "请求内容有误"),
        ({"date": "soon"}, 400, "请求内容有误"),
        ({"seat_id": "nowhere"}, 404, "没有找到"),
    )
    for other, status, said in cases:
        answer = await browser.post("/reserve", wish(service, csrf=token) | other, service.base)
        assert (answer.status, await service.books()) == (status, before), other
        assert said in answer.body, other
        if status == 422:
            assert "065 号" in answer.body and "二层中厅" in answer.body


async def test_errors_are_shown_as_html_pages(browser: Browser) -> None:
    for path, status in (
        ("/areas/nowhere", 404),
        ("/areas/2f-hall?date=never", 400),
        ("/areas/2f-hall?start=99:99&end=100", 400),
        ("/areas/2f-hall?seat=nowhere", 404),
        ("/areas/2f-hall?seat=3f-east-001", 404),
        ("/areas/2f-hall?seat=2f-hall-001&begin=never", 200),
        ("/?date=2030-01-01", 422),
        ("/?colour=blue", 200),
        ("/reservations?page=0", 200),
        ("/reservations/nothing", 404),
        ("/reservations/nothing/cancel", 404),
        ("/reservations/nothing/fly", 404),
        ("/kiosk/nowhere", 404),
        ("/k/2f-south?c=00000000", 422),
        ("/k/2f-south", 422),
        ("/k/nowhere?c=00000000", 404),
        ("/k/2f-south%3Fc=1%0d%0aSet-Cookie:a=b?c=00000000", 404),
    ):
        answer = await browser.get(path)
        assert answer.status == status, path
        assert answer.headers["Content-Type"].startswith("text/html"), path
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"], path


async def test_browsers_get_html_errors_and_programs_json_errors(service: Living) -> None:
    """Both in the language that they prefer."""
    packed = {"Content-Encoding": "gzip"}
    for method, path, status, headers in (
        ("GET", "/nothing", 404, {}),
        ("GET", "/console/nothing", 404, {}),
        ("GET", "/areas/", 404, {}),
        ("POST", "/nothing", 404, {}),
        ("DELETE", "/me", 405, {}),
        ("GET", "/unbind", 405, {}),
        ("GET", "/mini-code/nowhere", 404, {}),
        ("GET", "/display/nowhere/board", 404, {}),
        ("POST", "/console/notices", 415, packed),
    ):
        ask, kind = service.anonymous.call, "text/html,application/xhtml+xml"
        for language, home in (("zh", "返回首页"), ("en", "Home</a>")):
            headers = {**headers, "Accept-Language": language}
            people = await ask(method, f"/{path}", None, Accept=kind, **headers)
            assert people.status == status and home in people.body, (path, people.body)
            assert people.headers["Content-Type"].startswith("text/html")
            programs = await ask(method, f"/{path}", None, **headers)
            assert programs.status == status and programs.code in REFUSED, path
            assert programs.body["error"]["message"].isascii() is (language == "en"), path
            below = await ask(method, f"/api/v1{path}", None, Accept="text/html", **headers)
            assert below.code in REFUSED, path


REFUSED = ("not_found", "method_not_allowed", "unsupported_media_type")


async def test_a_form_that_is_too_large_is_refused_as_a_page(
    service: Living, browser: Browser
) -> None:
    form = urlencode({"csrf": await browser.token(), "text": "x" * 70_000}).encode()
    headers = FORM | browser.cookie | {"Origin": service.base, "Accept": "text/html"}
    answer = await browser.client.post("//contact", form, **headers)
    assert answer.status == 413 and "太大" in answer.body and "返回首页" in answer.body


async def test_a_page_number_too_high_redirects_to_the_last_page(browser: Browser) -> None:
    for path in ("/reservations", "/reservations/violations"):
        answer = await browser.get(f"{path}?page=99")
        assert (answer.status, answer.headers["Location"]) == (303, f"{path}?page=1")


async def test_a_throttled_booking_form_keeps_the_choice(mongo_url: str, redis_url: str) -> None:
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as service:
        await _is_impatient(service, Browser(await service.web_reader()))


async def _is_impatient(service: Living, browser: Browser) -> None:
    token = await browser.token()
    before = await service.books()
    for _ in range(40):  # some come back to the bucket meanwhile
        refused = await browser.post(
            "/reserve", wish(service, csrf=token, end="20:00"), service.base
        )
        if refused.status == 429:
            break
    assert refused.status == 429 and int(refused.headers["Retry-After"]) >= 1
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', refused.body))
    assert hidden == wish(service, csrf=token, end="20:00"), "one tap sends it again"
    assert await service.books() == before


async def test_disabled_seat_filters_are_ignored_or_refused(
    service: Living, browser: Browser
) -> None:
    """The manual switches them off, to prevent quarrels."""
    inside = service.inside
    assert "电源" not in (await browser.get("/?power=1")).body
    reader = await service.reader()
    await reader.refused("422 filter_off", "GET", "/areas?power=true")
    area = inside.reference.catalog.areas[AreaId("2f-hall")]
    with_power = [seat for seat in area.seats if seat.power]
    assert 0 < len(with_power) < len(area.seats)

    on = Policy(version=2, areas=inside.reference.policy.areas, filter_by_power=True)
    await inside.stored.policies.add_missing(on, service.clock.now())
    await inside.reference.refresh()
    await reader.refused("422 filter_off", "GET", "/areas?window=true")
    counted = {a["id"]: a for a in (await reader.ok("GET", "/areas?power=true"))["items"]}
    assert counted["2f-hall"]["seats_total"] == len(with_power)
    everything = {a["id"]: a for a in (await reader.ok("GET", "/areas"))["items"]}
    assert everything["2f-hall"]["seats_total"] == len(area.seats)
    page = (await browser.get("/?power=1")).body
    assert f'<b class="n">{counted["2f-hall"]["seats_free"]}</b>' in page
    assert 'value="power" checked' in page and 'value="window"' not in page
    plan = (await browser.get("/areas/2f-hall?power=1&window=1")).body
    assert plan.count(" aside") == len(area.seats) - len(with_power)


async def test_signing_in_redirects_only_to_our_own_pages(service: Living) -> None:
    here = "/areas/2f-hall?date=2026-09-07&seat=2f-hall-065"
    for next_page, leads_to in ((here, here), ("//evil.example/", "/")):
        stranger = service.stranger()
        target = await begun(stranger, f"?{urlencode({'next': next_page})}")
        landed = await stranger.get("/" + await granted(service, stranger, target))
        assert landed.headers["Location"] == leads_to


async def test_an_anonymous_visitor_is_redirected_to_sign_in_and_back(service: Living) -> None:
    stranger = service.stranger()
    answer = await stranger.get("//reservations/abc?done=cancel")
    assert answer.status == 303
    assert answer.headers["Location"] == "/login?next=%2Freservations%2Fabc%3Fdone%3Dcancel"
    front = await stranger.get("//")
    assert front.status == 200 and "统一身份认证登录" in front.body


async def test_a_plan_page_is_small_and_its_files_are_cached(
    service: Living, browser: Browser
) -> None:
    """Counts everything that the first plan page loads in a browser."""
    page = await browser.get("/areas/3f-east")
    assert (
        page.headers["Content-Encoding"] == "gzip" and "no-store" in page.headers["Cache-Control"]
    )
    total = len(gzip.compress(page.body.encode()))
    files = set(re.findall(r'(?:href|src|content)="(/static/[^"]+)"', page.body))
    assert {file.partition(".")[0] for file in files} == {
        "/static/icon",
        "/static/icon-180",
        "/static/app",
        "/static/booking",
        "/static/offline",
        "/static/plan",
        "/static/plan_view",
    }
    # The picture is for who puts the page on a home screen.
    for file in files - {file for file in files if file.endswith(".png")}:
        answer = await service.anonymous.get(f"/{file}", **{"Accept-Encoding": "gzip"})
        assert "immutable" in answer.headers["Cache-Control"]
        total += int(answer.headers["Content-Length"])
        conditional = {"If-None-Match": answer.headers["ETag"]}
        assert (await service.anonymous.get(f"/{file}", **conditional)).status == 304
    assert total < 60_000, total
    assert (await service.anonymous.get("//static/nothing.js")).status == 404


async def test_a_reader_unbinds_the_mini_program_on_the_page(service: Living) -> None:
    """For a reader with a new phone: the page shows the bound WeChat account and unbinds it."""
    phone = await service.reader()
    browser = Browser(await service.web_reader(phone))
    assert "已绑定小程序" in (await browser.get("/activation")).body
    token = await browser.token()
    assert (await browser.post("/unbind", {"csrf": token}, "")).status == 403
    assert (await phone.get("/areas")).status == 200
    assert (await browser.post("/unbind", {"csrf": token}, service.base)).status == 303
    assert (await phone.get("/areas")).code == "unauthenticated"
    assert "已绑定小程序" not in (await browser.get("/activation")).body


async def test_a_booking_before_eight_is_shown_on_its_local_day(
    service: Living, browser: Browser
) -> None:
    """Instants are stored in UTC, in which the early morning is the day before."""
    await service.move("19:00")
    token = await browser.token()
    early = wish(service, csrf=token, date=service.tomorrow, start="07:00", end="09:00")
    made = await browser.post("/reserve", early, service.base)
    assert made.headers["Location"].startswith("/reservations/")
    await service.move(timedelta(hours=12, minutes=40))  # 07:40 of the next day: missed
    later = Browser(await service.web_reader(browser.client))  # a session lives for twelve hours
    page = (await later.get("/reservations/violations")).body
    assert "9月8日 周二" in page and "9月7日 周一 07" not in page
    messages = (await later.get("/notices")).body
    assert "<time>07:30</time>" in messages and "<time>9月7日 19:00</time>" in messages


async def test_wrong_codes_from_a_shared_address_do_not_block_a_signed_in_reader(
    service: Living, browser: Browser
) -> None:
    """A campus shares one address, so wrong codes of a signed-in reader count by reader."""
    stranger = service.stranger()
    for _ in range(25):
        assert (await stranger.get("//k/2f-south?c=00000000")).status == 422
    code = (await service.qr()).removeprefix(service.base)
    assert (await browser.get(code)).status == 303


async def test_a_check_in_needs_a_genuine_scan_note_of_that_kiosk(
    service: Living, browser: Browser
) -> None:
    made = await browser.post(
        "/reserve",
        wish(service, csrf=await browser.token(), start="now", end="09:00"),
        service.base,
    )
    id = made.headers["Location"].removeprefix("/reservations/").partition("?")[0]
    code = (await service.qr("2f-north")).removeprefix(service.base)
    note = (await browser.get(code)).headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    form = {"csrf": await browser.token(), "reservation": id}
    sign_in = browser.cookie["Cookie"]
    browser.client.session.cookie_jar.clear()  # it would send the true one as well
    before = await service.books()
    for kiosk, forged in (
        ("2f-south", note),
        ("2f-north", note[:-4] + "AAAA"),
        ("2f-north", ""),
        ("2f-north", "1:AAAA"),
        ("2f-north", "x"),
    ):
        browser.cookie = {"Cookie": f"{sign_in}; seat_proof={forged}"}
        answer = await browser.post(f"/k/{kiosk}/check-in", form, service.base)
        assert (answer.status, await service.books()) == (422, before), (kiosk, forged)
    browser.cookie = {"Cookie": f"{sign_in}; seat_proof={note}"}
    for _ in range(2):  # and once more by who got no answer
        done = await browser.post("/k/2f-north/check-in", form, service.base)
        assert done.headers["Location"] == f"/reservations/{id}?done=check_in"
