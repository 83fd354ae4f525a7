"""API tokens: made and revoked in the console, limited to their scopes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Final
from uuid import uuid4

import pytest

from handlers.api_routes import PREFIX, ROUTES
from models.identity.api_tokens import Scope
from models.identity.roles import Role
from models.readers.personal_data_repository import ERASED_READER, erase_documents
from tests.api.api_tokens import PURPOSE, program
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.wishes import wish
from tests.builders import ZONE
from tests.living import MONDAY_8, SEAT, Client, Living, living

HERE: Final = "/console/api-tokens"
OTHER: Final = "2f-hall-064"
BOOK: Final = "/staff/reservations"


async def made(service: Living, head: Browser, **form: str) -> Client:
    """A program with the token that the console shows after this form."""
    usual = {"name": PURPOSE, "days": "30", "per_minute": "600", "key": uuid4().hex}
    answer = await post(service, head, HERE, **usual | form)
    assert answer.status == 200, answer.body
    (secret,) = re.findall(r"<code>(seats_[\w-]+)</code>", answer.body)
    client = service.stranger()
    client.token = secret
    return client


# --- in the console -------------------------------------------------------------------------------
async def test_a_token_is_shown_once_and_works_until_it_is_revoked(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    assert "还没有令牌" in (await head.get(HERE)).body
    door = await made(service, head, **{"occupancy:read": "1"})
    assert (await door.ok("GET", "/areas"))["items"]
    page = (await head.get(HERE)).body
    assert PURPOSE in page and door.token not in page and "最近使用" in page and "查看空位" in page
    assert door.token not in await service.all_documents(), "kept as a hash"
    token = (await service.inside.stored.api_tokens.all())[0]
    revoke = f"{HERE}/{token.id}/revoke"
    assert (await post(service, head, revoke, reason="")).status == 400
    assert (await door.get("/areas")).status == 200
    assert (await post(service, head, revoke)).status == 303
    over = await door.refused("401 unauthenticated", "GET", "/areas")
    assert over.body["error"]["details"] == {"reason": "token"}
    assert "令牌" in over.body["error"]["message"]
    assert (await post(service, head, revoke)).status == 404
    page = (await head.get(HERE)).body
    assert "还没有令牌" in page and "已失效的 1 个" in page and "撤销</span>" in page
    assert await log(service) == [
        ("api_token", f"api_token:{token.id}", "done"),
        ("revoke_api_token", f"api_token:{token.id}", "done"),
        ("revoke_api_token", f"api_token:{token.id}", "not_found"),
    ]
    # What was kept for the audit log goes with it.
    stored = service.inside.stored.api_tokens
    assert await stored.prune(service.clock.now() - timedelta(hours=1)) == 0
    assert await stored.prune(service.clock.now() + timedelta(seconds=1)) == 1


async def test_a_refused_form_keeps_what_was_typed(service: Living) -> None:
    head, pace = await staff(service, Role.ADMINISTRATOR), "每分钟次数上限请填 6–6000"
    typed = {"name": PURPOSE, "occupancy:read": "1", "days": "180", "per_minute": "66"}
    for changed, words in (
        ({"name": ""}, "请填写用途，最多 60 字"),
        ({"name": "x" * 61}, "请填写用途，最多 60 字"),
        ({"occupancy:read": ""}, "请至少选择一项权限"),
        ({"days": "3650"}, "请选择有效期"),
        ({"per_minute": "5"}, pace),
        ({"per_minute": "6001"}, pace),
        ({"per_minute": "-1"}, pace),
    ):
        answer = await post(service, head, HERE, **typed | changed)
        assert answer.status == 400 and words in answer.body, changed
        assert "seats_" not in answer.body
        assert '<option value="180" selected>' in answer.body or "days" in changed
    assert await service.inside.stored.api_tokens.all() == [] and await log(service) == []


@pytest.mark.whole
async def test_a_token_ends_with_its_last_day_and_outlives_its_creators_erasure(
    service: Living,
) -> None:
    door = await program(service, Scope.OCCUPANCY_READ)
    (token,) = await service.inside.stored.api_tokens.all()
    assert token.last_day(ZONE) == date(2026, 10, 7)
    await service.move(timedelta(days=30, hours=15, minutes=59))
    assert (await door.get("/areas")).status == 200, "23:59 of that day"
    await service.move(timedelta(minutes=1))
    await door.refused("401 unauthenticated", "GET", "/areas")
    await erase_documents(service.db, token.created_by)
    (after,) = await service.inside.stored.api_tokens.all()
    assert after.created_by == ERASED_READER
    head = await staff(service, Role.ADMINISTRATOR)
    assert "已注销于" in (await head.get(HERE)).body


async def test_a_form_that_is_sent_twice_makes_one_token(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    typed = {"name": PURPOSE, "days": "30", "per_minute": "60", "key": "once"}
    await made(service, head, **typed, **{"reservations:write": "1"})
    again = await post(service, head, HERE, **typed, **{"reservations:write": "1"})
    assert again.status == 409 and "已经创建过" in again.body and "seats_" not in again.body
    assert len(await service.inside.stored.api_tokens.all()) == 1
    assert [outcome for _, _, outcome in await log(service)] == ["done", "conflict"]


# --- what it opens --------------------------------------------------------------------------------
async def test_a_token_gives_no_access_to_routes_of_readers_and_staff(service: Living) -> None:
    everything = await program(service, *Scope)
    for path in ("/me", "/messages", "/sessions", "/staff/reports", "/staff/appeals"):
        await everything.refused("403 forbidden", "GET", path)
    await everything.refused("403 forbidden", "POST", "/reservations", wish())
    await everything.refused("403 forbidden", "DELETE", "/sessions/current")
    pages = ("//me", "//console", f"/{HERE}")
    for path in pages:
        answer = await everything.get(path)
        assert answer.status == 303 and answer.headers["Location"].startswith("/login"), path
    browser = service.stranger()
    cookie = f"seat_sid={everything.token}"
    for path in pages:
        answer = await browser.get(path, Cookie=cookie)
        assert answer.status == 303 and answer.headers["Location"].startswith("/login"), path
    await browser.refused("401 unauthenticated", "GET", "/areas", Cookie=cookie)
    # One that was never made, in its form, and a session's token in its clothes.
    reader = await service.reader()
    for token in (service.sessions.new_api_token(), f"seats_{reader.token}", "seats_", "seats_x"):
        browser.token = token
        await browser.refused("401 unauthenticated", "GET", "/areas")
    session = service.stranger()
    session.token = everything.token.removeprefix("seats_")
    await session.refused("401 unauthenticated", "GET", "/areas")


async def test_a_refusal_names_the_missing_scope(service: Living) -> None:
    door = await program(service, Scope.OCCUPANCY_READ)
    no = await door.refused("403 scope_missing", "GET", "/staff/statistics")
    assert no.details == {"scope": "statistics:read"}
    assert "statistics:read" in no.body["error"]["message"]
    document = await service.anonymous.ok("GET", "//openapi.json")
    for route in ROUTES:
        said = document["paths"][PREFIX + route.path][route.method.lower()]
        programs = [way["program"] for way in said["security"] if "program" in way]
        assert programs == ([[route.scope.value]] if route.scope is not None else [])
        schemes = document["components"]["securitySchemes"]
        assert all(name in schemes for way in said["security"] for name in way)
    assert {route.scope for route in ROUTES} == {None, *Scope}


async def test_a_program_sees_seats_as_an_anonymous_onlooker(service: Living) -> None:
    reader, viewer = await service.reader(), await program(service, *Scope)
    await reader.reserve(start="now", end="12:00")
    seats = (await viewer.ok("GET", "/areas/2f-hall/map"))["seats"]
    assert {s["id"]: s["status"] for s in seats}[SEAT] == "occupied", "and not mine"
    catalog = await viewer.ok("GET", "/catalog")
    catalog_now = service.inside.reference.catalog
    seat_ids = [s["id"] for v in catalog["venues"] for a in v["areas"] for s in a["seats"]]
    assert (
        sorted(seat_ids) == sorted(catalog_now.seats) and catalog["version"] == catalog_now.version
    )
    for path in ("/library", "/venues", "/notices", "/forecast", f"/seats/{SEAT}"):
        assert (await viewer.get(path)).status == 200, path


# --- its own pace ---------------------------------------------------------------------------------
@pytest.fixture
async def strict(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    async with living(mongo_url, redis_url, now=MONDAY_8, RATE_LIMIT_SCALE="1") as service:
        yield service


async def test_each_api_token_has_its_own_rate_limit(strict: Living) -> None:
    hasty = await program(strict, Scope.CATALOG_READ, Scope.RESERVATIONS_WRITE, per_minute=18)
    patient = await program(strict, Scope.CATALOG_READ)
    met = [(await hasty.get("/venues")).status for _ in range(5)]
    assert met == [200] * 3 + [429] * 2
    await hasty.refused("429 throttled", "GET", "/me")
    reader = await strict.reader()
    body = wish() | {"student_no": reader.number, "reason": "x"}
    no = await hasty.refused("429 throttled", "POST", BOOK, body)
    assert int(no.headers["Retry-After"]) <= 5
    assert (await patient.get("/venues")).status == 200
    await reader.reserve()
