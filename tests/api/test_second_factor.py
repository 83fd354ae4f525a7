"""The staff's second factor: setup, use, reset, and the routes it protects."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pyotp
import pytest

from miniapp_server.cli.command import CommandError
from miniapp_server.cli.readers import reset_second_factor
from models.identity.roles import Role
from tests.api.addresses import NAMES, csrf_of
from tests.api.browsing import FORM
from tests.api.lying_provider import LyingProvider
from tests.living import ENCRYPTION_KEYS, Answer, Client, Living, living

GOLDEN = Path(__file__).parents[1] / "golden" / "rights.txt"
PAGE = "/second-factor"


def unhurried(service: Living) -> Living:
    """The service whose staff sessions are used by tests only, not at each step of the clock."""
    service.staff_at_work = False
    return service


@pytest.fixture
async def guarded(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    async with living(mongo_url, redis_url, STAFF_TOTP="1") as service:
        yield unhurried(service)


@pytest.fixture
async def strict(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service with production limits."""
    async with living(mongo_url, redis_url, STAFF_TOTP="1", RATE_LIMIT_SCALE="1") as service:
        yield unhurried(service)


async def get(client: Client, path: str) -> Answer:
    """Gets a page, as a browser does."""
    token, client.token = client.token, ""
    try:
        return await client.get(f"/{path}", Cookie=f"seat_sid={token}")
    finally:
        client.token = token


async def post(client: Client, path: str, **form: str) -> Answer:
    """Sends a form of a page."""
    body = urlencode({"csrf": await csrf_of(client), **form}).encode()
    token, client.token = client.token, ""
    headers = {"Cookie": f"seat_sid={token}", "Origin": client.service.base, **FORM}
    try:
        return await client.call("POST", f"/{path}", body, **headers)
    finally:
        client.token = token


def code_of(service: Living, secret: str, steps: int = 0) -> str:
    """The authenticator's code, now or this many steps ago."""
    return pyotp.TOTP(secret).at(service.clock.now() + timedelta(seconds=30 * steps))


def offered(page: str) -> tuple[str, str]:
    """The new secret on the page, and the field of its form that holds it."""
    secret = re.sub(r"\s", "", _one(r'class="secret">([A-Z2-7 ]+)<', page))
    return secret, unescape(_one(r'name="held" value="([^"]+)"', page))


async def enrolled(service: Living, client: Client) -> tuple[str, list[str]]:
    """Sets the second factor up on the page. Returns the secret and the recovery codes."""
    secret, held = offered((await get(client, PAGE)).body)
    code_page = await post(client, PAGE, held=held, code=code_of(service, secret), next="/console")
    codes = re.findall(r"<li>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</li>", code_page.body)
    assert code_page.status == 200 and len(set(codes)) == 10, code_page.body
    return secret, codes


def _one(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


async def again(service: Living, client: Client, role: Role = Role.LIBRARIAN) -> Client:
    """A client of this person with a new sign-in."""
    return await service.web_reader(client, role)


async def test_a_second_factor_is_set_up_used_and_recovered_by_codes(guarded: Living) -> None:
    desk = await guarded.web_reader(role=Role.LIBRARIAN)
    sent = await get(desk, "/console/readers?q=1")
    assert (sent.status, sent.headers["Location"]) == (
        303,
        "/second-factor?next=%2Fconsole%2Freaders%3Fq%3D1",
    )
    page = await get(desk, f"{PAGE}?next=//evil.example")
    assert "设置动态口令" in page.body and 'name="next" value="/console"' in page.body
    assert await guarded.db["second_factors"].count_documents({}) == 0, "not before it is confirmed"
    held = unescape(_one(r'name="held" value="([^"]+)"', page.body))
    wrong = await post(desk, PAGE, held=held, code="000000", next="/console")
    assert wrong.status == 422 and held in unescape(wrong.body), "the same one is tried again"
    secret, codes = await enrolled(guarded, desk)
    assert (await get(desk, "/console")).status == 200
    stored = await guarded.all_documents()
    assert secret not in stored and not any(c.replace("-", "") in stored for c in codes)

    other = await again(guarded, desk)
    assert (await get(other, "/console")).status == 303
    await other.refused("403 second_factor_required", "GET", "/staff/reports")
    page = await get(other, PAGE)
    assert "请输入动态口令" in page.body and secret not in page.body
    used = await post(other, PAGE, code=code_of(guarded, secret))
    assert used.status == 422 and "已用过" in used.body, "it has confirmed the setting up"
    await guarded.move(timedelta(seconds=30))
    given = await post(other, PAGE, code=f" {code_of(guarded, secret)} ", next="/console/today")
    assert (given.status, given.headers["Location"]) == (303, "/console/today")
    await other.ok("GET", "/staff/reports")
    # The password is typed once more after a pause: the session keeps what it was given.
    now = guarded.clock.now()
    session = (await guarded.sessions.principal(other.token, now)).session
    assert await guarded.sessions.renew_role(session, "ST-again", Role.LIBRARIAN, now) is not None
    await other.ok("GET", "/staff/reports")
    # The phone is lost: ten codes, each once, however they are written.
    third = await again(guarded, desk)
    typed = codes[0].lower().replace("-", " ")
    assert (await post(third, PAGE, code=typed)).status == 303
    assert "还有 9 个" in (await get(third, PAGE)).body
    fourth = await again(guarded, desk)
    assert (await post(fourth, PAGE, code=codes[0])).status == 422
    assert (await get(fourth, "/console")).status == 303
    # A new phone: the old one's codes, and the old recovery codes, are void.
    page = (await get(third, f"{PAGE}?anew=1")).body
    assert "更换动态口令" in page
    library = quote(guarded.inside.reference.profile.name)
    assert f"otpauth://totp/{library}:{quote('林静怡')}?" in page, "whose account it is"
    assert "更换动态口令" not in (await get(fourth, f"{PAGE}?anew=1")).body, (
        "not without the old one"
    )
    new, held = offered(page)
    # Somebody who has the password only brings the form of another session.
    assert (await post(fourth, PAGE, held=held, code=code_of(guarded, new))).status == 422
    await guarded.move(timedelta(seconds=30))
    # A desk that was left, or a cookie, is not enough: the old authenticator or a recovery code is.
    # (How many wrong codes are too many is another test's matter.)
    await guarded.db["attempt_limits"].delete_many({})
    for present in ("", "000000", codes[0], code_of(guarded, new)):
        forged = {"held": held, "code": code_of(guarded, new), "present": present}
        assert (await post(third, PAGE, **forged)).status == 422, present
    right = {"held": held, "code": code_of(guarded, new), "present": codes[2]}
    assert (await post(third, PAGE, **right)).status == 200
    await guarded.db["attempt_limits"].delete_many({})
    assert (await post(fourth, PAGE, code=codes[1])).status == 422
    await guarded.move(timedelta(seconds=30))
    assert (await post(fourth, PAGE, code=code_of(guarded, secret))).status == 422
    assert (await post(fourth, PAGE, code=code_of(guarded, new))).status == 303


async def test_wrong_second_factor_codes_are_limited_and_do_not_block_the_owner(
    strict: Living,
) -> None:
    desk = await strict.web_reader(role=Role.LIBRARIAN)
    colleague = await strict.web_reader(role=Role.LIBRARIAN)
    secret, codes = await enrolled(strict, desk)
    other = await again(strict, desk)
    for guess in ("000000", "12345", "", "1234567", codes[0][:-1]):
        assert (await post(other, PAGE, code=guess)).status == 422, guess
    await strict.move(timedelta(seconds=60))
    locked = await post(other, PAGE, code=code_of(strict, secret))
    assert locked.status == 429 and "请 14 分钟后再试" in locked.body
    # Somebody who has only the password cannot keep the owner out.
    assert (await post(other, PAGE, code="AAAA-AAAA-AAAA-AAAA")).status == 422
    assert (await post(await again(strict, desk), PAGE, code=codes[1])).status == 303
    assert (await get(other, "/console")).status == 303
    await strict.move(timedelta(minutes=15))
    assert (await post(other, PAGE, code=code_of(strict, secret))).status == 303
    # What was offered to one is no use to another, and none at all after a quarter of an hour.
    third, held = offered((await get(colleague, PAGE)).body)
    assert (await post(other, PAGE, held=held, code=code_of(strict, third))).status == 422
    await strict.move(timedelta(minutes=16))
    late = await post(colleague, PAGE, held=held, code=code_of(strict, third))
    assert late.status == 422, late.body
    assert await strict.db["second_factors"].count_documents({}) == 1
    reader = await strict.web_reader()
    assert (await get(reader, PAGE)).status == 403


@pytest.mark.whole
async def test_changing_the_second_factor_needs_a_renewed_sign_in(guarded: Living) -> None:
    desk = await guarded.web_reader(role=Role.LIBRARIAN)
    secret, codes = await enrolled(guarded, desk)
    new, held = offered((await get(desk, f"{PAGE}?anew=1")).body)
    other = await guarded.web_reader(role=Role.LIBRARIAN)
    await guarded.move(timedelta(minutes=31))
    first = await get(other, PAGE)
    assert first.status == 303 and first.headers["Location"].endswith("&renew=1")
    left = await get(desk, f"{PAGE}?anew=1")
    assert left.status == 303 and left.headers["Location"].endswith("&renew=1")
    form = {"held": held, "code": code_of(guarded, new), "present": codes[0]}
    assert (await post(desk, PAGE, **form)).status == 403
    other = await again(guarded, desk)
    assert (await post(other, PAGE, code=code_of(guarded, secret))).status == 303


@pytest.mark.whole
async def test_a_reset_clears_the_count_of_wrong_codes(strict: Living) -> None:
    desk = await strict.web_reader(role=Role.LIBRARIAN)
    secret, _ = await enrolled(strict, desk)
    other = await again(strict, desk)
    for _ in range(5):
        assert (await post(other, PAGE, code="000000")).status == 422
    assert (await post(other, PAGE, code=code_of(strict, secret))).status == 429
    head = await strict.web_reader(role=Role.ADMINISTRATOR)
    await enrolled(strict, head)
    path = f"/console/readers/{desk.reader_id}/second-factor"
    assert (await post(head, path, reason="手机丢了")).status == 303
    await enrolled(strict, await again(strict, desk))


async def test_an_administrator_resets_a_colleagues_second_factor(guarded: Living) -> None:
    desk = await guarded.web_reader(role=Role.LIBRARIAN)
    head = await guarded.web_reader(role=Role.ADMINISTRATOR)
    await enrolled(guarded, desk)
    path = f"/console/readers/{desk.reader_id}"
    reset = await post(head, f"{path}/second-factor", reason="手机丢了")
    assert reset.status == 403, "who resets others has given their own"
    await enrolled(guarded, head)
    assert "重置动态口令" in (await get(head, path)).body
    assert "重置动态口令" not in (await get(desk, path)).body
    assert (await post(desk, f"{path}/second-factor", reason="自己")).status == 403
    assert await guarded.db["second_factors"].count_documents({}) == 2
    assert (await post(head, f"{path}/second-factor", reason="")).status == 400
    assert await guarded.db["second_factors"].count_documents({}) == 2
    assert (await post(head, f"{path}/second-factor", reason="手机丢了")).status == 303
    await desk.refused("401 unauthenticated", "GET", "/me")
    actions = [row["action"] async for row in guarded.db["audit"].find().sort("_id")]
    assert actions.count("second_factor") == 2 and actions.count("reset_second_factor") == 1
    assert (await post(head, f"{path}/second-factor", reason="再次")).status == 404
    assert "设置动态口令" in (await get(await again(guarded, desk), PAGE)).body


async def test_every_staff_route_is_refused_without_the_second_factor(guarded: Living) -> None:
    """All routes that the table of rights opens to an administrator and not to a reader."""
    head = await guarded.web_reader(role=Role.ADMINISTRATOR)
    tried, before = 0, await guarded.books()
    for line in GOLDEN.read_text("utf-8").splitlines():
        if not re.match(r"(GET|POST|PUT|DELETE) ", line):
            continue
        method, path = line.split()[:2]
        met = _one(r"in: (\w+)", line) if "in: " in line else ""
        if "a" not in met or "w" in met:
            continue
        for name, value in NAMES.items():
            path = path.replace(name, value)
        tried += 1
        if path.startswith("/api/v1"):
            body: dict[str, Any] | None = {} if method == "POST" else None
            answer = await head.call(method, path.removeprefix("/api/v1"), body)
            assert (answer.status, answer.code) == (403, "second_factor_required"), line
        elif method == "GET":
            answer = await get(head, path)
            assert answer.status == 303 and answer.headers["Location"].startswith(PAGE), line
        else:
            answer = await post(head, path)
            assert answer.status == 403 and "动态口令" in answer.body, line
    assert tried > 100
    assert await guarded.books() == before
    await head.ok("GET", "/me")  # a reader all the same


@pytest.mark.whole
async def test_no_second_factor_is_required_after_one_at_the_identity_provider(
    mongo_url: str, redis_url: str, lying_provider: LyingProvider
) -> None:
    env = lying_provider.env() | {"STAFF_ADMINISTRATORS": "21070001"}
    async with living(mongo_url, redis_url, STAFF_TOTP="1", **env) as service:
        for amr, status in (
            (["pwd", "otp"], 200),
            (["mfa"], 200),
            (["pwd"], 303),
            (["PWD", "MFA "], 303),
            ("otp", 200),
            ({"mfa": True}, 303),
            (None, 303),
        ):

            def says(claims: dict[str, Any], amr: object = amr) -> None:
                claims["amr"] = amr

            lying_provider.claims = says
            browser = service.stranger()
            assert (await lying_provider.sign_in(browser)).status == 302
            answer = await browser.get("//console")
            assert answer.status == status, amr
            if status == 303:
                assert answer.headers["Location"].startswith(PAGE), amr


async def test_no_second_factor_is_required_unless_the_operator_enables_it(service: Living) -> None:
    desk = await service.web_reader(role=Role.LIBRARIAN)
    assert (await get(desk, "/console")).status == 200
    assert (await get(desk, PAGE)).status == 404
    assert (await post(desk, PAGE, code="000000")).status == 404


@pytest.mark.whole
async def test_the_operator_resets_a_second_factor_by_command(guarded: Living) -> None:
    desk = await guarded.web_reader(role=Role.LIBRARIAN)
    env = {
        "MONGO_URL": guarded.settings.mongo_url,
        "REDIS_URL": guarded.settings.redis_url,
        "MONGO_DATABASE": guarded.settings.database,
        "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "SANDBOX": "1",
    }
    number = desk.number.lower()
    with pytest.raises(CommandError, match="no second factor"):
        await reset_second_factor(env, number)
    await enrolled(guarded, desk)
    await reset_second_factor(env, number)
    assert await guarded.db["second_factors"].count_documents({}) == 0
    for _ in range(200):  # another process tells of it
        if (await desk.get("/me")).status == 401:
            break
    await desk.refused("401 unauthenticated", "GET", "/me")
