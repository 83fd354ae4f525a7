"""The security log over HTTP: refusals are logged without secrets."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import Any, Final

import pytest

from handlers.http.security_log import LINES_OF_AN_ADDRESS
from miniapp_server.logging_config import JsonLines
from models.identity.api_tokens import Scope
from tests.api.api_tokens import program
from tests.api.browsing import Browser
from tests.api.kiosk import CARD, kiosk, touched
from tests.living import Living, living

WRONG: Final = "739164"


def written(caplog: pytest.LogCaptureFixture, event: str = "security_refusal") -> list[Any]:
    """The security log's lines as they are written."""
    rows = [r for r in caplog.records if r.name == "handlers.http.security_log"]
    return [line for r in rows if (line := json.loads(JsonLines().format(r)))["event"] == event]


async def wrong_activation_code(service: Living) -> int:
    user = await service.wx_user()
    return (await user.post("/bindings", {"activation_code": WRONG})).status


async def wrong_kiosk_code(service: Living) -> int:
    reader = await service.reader()
    made = await reader.reserve(start="now", end="10:00")
    qr = f"{service.base}/k/2f-south?c=00{WRONG}"
    return (await reader.post(f"/reservations/{made['id']}/check-in", {"qr": qr})).status


async def wrong_kiosk_code_in_a_browser(service: Living) -> int:
    return (await service.stranger().get(f"//k/2f-south?c=00{WRONG}")).status


async def refused_ticket(service: Living) -> int:
    return (await service.stranger().get(f"//login/cas?ticket=ST-{WRONG}-x")).status


async def refused_card(service: Living) -> int:
    key = await kiosk(service)
    body = {"card": f"99{WRONG}"}
    return (await service.anonymous.post("/kiosks/2f-south/touch", body, **key)).status


async def card_where_it_may_not(service: Living) -> int:
    owner = await service.reader()
    await service.inside.stored.cards.put(CARD, owner.reader_id)
    return (await (await touched(service, service.stranger())).get("/violations")).status


async def console_of_a_reader(service: Living) -> int:
    return (await Browser(await service.web_reader()).get("/console/readers")).status


async def form_of_another_site(service: Living) -> int:
    browser = Browser(await service.web_reader())
    form = {"csrf": await browser.token()}
    return (await browser.post("/reserve", form, "https://evil.example")).status


async def forged_callback(service: Living) -> int:
    return (await service.anonymous.post("//wechat/mini/callback", b"{}")).status


async def nobodys_token(service: Living) -> int:
    return (await service.anonymous.get("/me", Authorization=f"Bearer {WRONG}")).status


async def program_beyond_its_scope(service: Living) -> int:
    door = await program(service, Scope.OCCUPANCY_READ)
    return (await door.get("/staff/statistics")).status


async def part_of_a_page(service: Living) -> int:
    return (await service.stranger().get("//reservations", **{"X-Fragment": "1"})).status


REFUSALS: Final = (
    (wrong_activation_code, 422, "activation_code_invalid", "wx", "/api/v1/bindings"),
    (wrong_kiosk_code, 422, "qr_invalid", "wx", "/api/v1/reservations/{id}/check-in"),
    (wrong_kiosk_code_in_a_browser, 422, "qr_invalid", "none", "/k/{id}"),
    (refused_ticket, 401, "ticket_invalid", "none", "/login/cas"),
    (refused_card, 422, "card_unknown", "none", "/api/v1/kiosks/{id}/touch"),
    (card_where_it_may_not, 403, "forbidden", "kiosk", "/api/v1/violations"),
    (console_of_a_reader, 403, "forbidden", "web", "/console/readers"),
    (form_of_another_site, 403, "bad_origin", "web", "/reserve"),
    (forged_callback, 403, "callback_rejected", "none", "/wechat/mini/callback"),
    (nobodys_token, 401, "unauthenticated", "none", "/api/v1/me"),
    (program_beyond_its_scope, 403, "scope_missing", "program", "/api/v1/staff/statistics"),
    (part_of_a_page, 401, "unauthenticated", "none", "/reservations"),
)


async def test_a_refusal_is_logged_once_and_counted(
    service: Living, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    counts = Counter[str]()
    for refuse, status, kind, session, route in REFUSALS:
        caplog.clear()
        counts[kind] += 1
        assert await refuse(service) == status, refuse.__name__
        (line,) = written(caplog)
        # A program stands there by its token's id, as in the audit log.
        who = line["session"].partition(":")[0]
        assert (line["kind"], who, line["route"]) == (kind, session, route)
        assert line["level"] == ("info" if kind == "unauthenticated" else "warning")
        text = json.dumps(line)
        assert "127.0.0.1" not in text and WRONG not in text
        measured = str((await service.anonymous.get("//metrics")).body)
        assert f'seat_refusals_total{{code="{kind}"}} {counts[kind]}.0' in measured, route


@pytest.mark.whole
async def test_a_flood_of_refused_requests_makes_few_log_lines(
    mongo_url: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as service:
        user = await service.wx_user()
        for _ in range(40):
            await user.post("/bindings", {"activation_code": WRONG})
        kinds = [line["kind"] for line in written(caplog)]
        assert kinds.count("activation_code_invalid") == LINES_OF_AN_ADDRESS
        assert kinds.count("too_many_attempts") == LINES_OF_AN_ADDRESS
    # What had no line is told at the end at the latest.
    summary = written(caplog, "security_refusals_left_out")
    assert {line["kind"]: line["count"] for line in summary} == {"too_many_attempts": 30}


async def test_refusals_by_library_rules_are_not_security_events(
    service: Living, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reader, other = await service.reader(), await service.reader()
    made = await reader.reserve()
    wish = {"seat_id": made["seat"]["id"], "date": service.today, "start": "14:00", "end": "15:00"}
    await other.refused("409 seat_taken", "POST", "/reservations", wish)
    await other.refused("404 not_found", "GET", f"/reservations/{made['id']}")
    assert written(caplog) == []
