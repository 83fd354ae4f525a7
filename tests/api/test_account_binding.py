"""Binding a WeChat user by a scanned code or by digits while others guess, and unbinding."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models.library.entities import KioskId
from tests.living import Client, Living, living


@pytest.fixture
async def strict(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service with the attempt limits of production."""
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as running:
        yield running


async def code_of(web: Client, renew: bool = False) -> Any:
    return await web.ok("POST", "/activation-codes", {"renew": renew})


def secret_in(code: Any) -> str:
    link = str(code["link"])
    assert "/bind?c=" in link
    return link.partition("?c=")[2]


async def guessed(service: Living, times: int) -> None:
    """Records this many recent wrong digits from this address."""
    until = service.clock.now() + timedelta(minutes=10)
    for key in ("activation:all", "activation:day", "activation:address:127.0.0.1"):
        await service.db["attempt_limits"].insert_one({"_id": key, "n": times, "until": until})


async def under_attack(service: Living) -> None:
    """Records five wrong digits each of 120 accounts and makes one more attempt."""
    await guessed(service, 600)
    stranger = await service.wx_user()
    wrong = {"activation_code": "999999"}
    await stranger.refused("422 activation_code_invalid", "POST", "/bindings", wrong)


async def test_a_scanned_code_names_the_reader_and_binds_the_user(strict: Living) -> None:
    web, phone, other = await strict.web_reader(), await strict.wx_user(), await strict.wx_user()
    replaced = secret_in(await code_of(web))
    code = await code_of(web, renew=True)
    assert await code_of(web) == code, "the same picture after a reload"
    secret = {"activation_code": secret_in(code)}

    for _ in range(6):  # wrong digits close the digits to this user
        await phone.post("/bindings", {"activation_code": "999999"})
    await phone.refused("429 too_many_attempts", "POST", "/bindings", {"activation_code": "999999"})
    for wrong in ["A" * 22] * 7 + [replaced]:
        for path in ("/bindings", "/bindings/preview"):
            await phone.refused(
                "422 activation_code_invalid", "POST", path, {"activation_code": wrong}
            )
    for malformed in ("12345", "1234567", "A" * 21, "A" * 23, "é" * 22, secret_in(code) + "\n"):
        body = {"activation_code": malformed}
        await phone.refused("400 malformed", "POST", "/bindings", body)
    digits = {"activation_code": code["code"]}
    await phone.refused("400 malformed", "POST", "/bindings/preview", digits)

    masked = f"{web.number[:2]}****{web.number[-2:]}"
    for _ in range(2):  # looking uses nothing up
        preview = await phone.ok("POST", "/bindings/preview", secret)
        assert preview == {"name_masked": "张*", "student_no_masked": masked}
    bound = await phone.call("POST", "/bindings", secret)
    assert bound.status == 201 and bound.body["reader"]["student_no_masked"] == masked
    state = await phone.ok("GET", "/binding-requests/current")
    assert state == {"state": "bound", "request": None, "reader": bound.body["reader"]}
    for path in ("/bindings", "/bindings/preview"):
        await phone.refused("409 already_bound", "POST", path, secret)
        await other.refused("422 activation_code_invalid", "POST", path, secret)
    await other.refused("422 activation_code_invalid", "POST", "/bindings", digits)

    late = await strict.web_reader()
    secret = {"activation_code": secret_in(await code_of(late))}
    await strict.move(timedelta(minutes=10))
    await other.refused("422 activation_code_invalid", "POST", "/bindings", secret)


async def test_correct_digits_wait_for_the_readers_confirmation_while_others_guess(
    strict: Living,
) -> None:
    await under_attack(strict)
    web, phone = await strict.web_reader(), await strict.wx_user()
    assert (await phone.ok("GET", "/binding-requests/current"))["state"] == "none"
    digits = {"activation_code": (await code_of(web))["code"]}
    response = await phone.call("POST", "/bindings", digits)
    assert response.status == 202 and list(response.body) == [
        "id",
        "match_number",
        "at",
        "expires_at",
    ]
    again = await phone.call("POST", "/bindings", digits)
    assert (again.status, again.body) == (202, response.body), "a lost answer is asked for again"
    waiting = await phone.ok("GET", "/binding-requests/current")
    assert waiting == {"state": "pending", "request": response.body, "reader": None}
    assert (await phone.ok("GET", "/me"))["reader"] is None
    assert (await code_of(web))["request"] == response.body, "the same number on both screens"

    other, stranger = await strict.wx_user(), await strict.web_reader()
    await other.refused("422 activation_code_invalid", "POST", "/bindings", digits)
    confirm, refuse = (
        f"/binding-requests/{response.body['id']}/{v}" for v in ("confirm", "refuse")
    )
    for path in (confirm, refuse):
        await stranger.refused("409 binding_request_over", "POST", path)
        await phone.refused("403 not_bound", "POST", path)

    assert (await web.call("POST", confirm)).status == 204
    assert (await phone.ok("GET", "/me"))["reader"]["name"] == "张三", "at once"
    assert (await phone.ok("GET", "/binding-requests/current"))["state"] == "bound"
    assert (await web.call("POST", confirm)).status == 204, "once more is the same"
    await web.refused("409 binding_request_over", "POST", refuse)
    await web.ok("DELETE", "/bindings/current")
    await web.refused("409 binding_request_over", "POST", confirm)
    entered = await phone.ok("POST", "/wx/login", {"code": f"demo-{phone.name}-1"})
    assert entered["reader"] is None, "nobody is bound again"


async def test_a_refused_or_expired_binding_request_binds_no_reader(strict: Living) -> None:
    await under_attack(strict)
    for end in ("refuse", "renew", "scan", "time"):
        web, phone = await strict.web_reader(), await strict.wx_user()
        code = await code_of(web)
        digits = {"activation_code": code["code"]}
        request = (await phone.call("POST", "/bindings", digits)).body
        if end == "refuse":
            assert (
                await web.call("POST", f"/binding-requests/{request['id']}/refuse")
            ).status == 204
            assert (
                await web.call("POST", f"/binding-requests/{request['id']}/refuse")
            ).status == 204
        elif end == "renew":
            await code_of(web, renew=True)
        elif end == "scan":
            theirs = await strict.wx_user()
            await theirs.ok("POST", "/bindings", {"activation_code": secret_in(code)})
            assert (await theirs.ok("GET", "/me"))["reader"] is not None
        else:
            await strict.move(timedelta(minutes=10))
        state = await phone.ok("GET", "/binding-requests/current")
        assert state["state"] == ("refused" if end == "refuse" else "expired"), end
        confirm = f"/binding-requests/{request['id']}/confirm"
        await web.refused("409 binding_request_over", "POST", confirm)
        await phone.refused("422 activation_code_invalid", "POST", "/bindings", digits)
        assert (await phone.ok("GET", "/me"))["reader"] is None
        fresh = await code_of(web)
        assert fresh["request"] is None and fresh["code"] != code["code"]


async def test_a_binding_request_fails_if_reader_or_user_is_bound_meanwhile(strict: Living) -> None:
    await under_attack(strict)
    for taken, code in (("phone", "already_bound"), ("reader", "reader_bound_elsewhere")):
        web, phone = await strict.web_reader(), await strict.wx_user()
        digits = {"activation_code": (await code_of(web))["code"]}
        request = (await phone.call("POST", "/bindings", digits)).body
        bind, now = strict.inside.stored.bindings.bind, strict.clock.now()
        if taken == "phone":
            await bind((await strict.web_reader()).reader_id, phone.openid, None, now)
        else:
            await bind(web.reader_id, (await strict.wx_user()).openid, None, now)
        no = await web.post(f"/binding-requests/{request['id']}/confirm")
        assert (no.status, no.code) == (409, code)


@pytest.mark.whole
async def test_wrong_digits_below_the_limit_leave_binding_by_digits_open(strict: Living) -> None:
    """Five wrong digits each of nineteen accounts at the same address have been counted."""
    await guessed(strict, 95)
    web, phone = await strict.web_reader(), await strict.wx_user()
    code = (await code_of(web))["code"]
    assert (await phone.call("POST", "/bindings", {"activation_code": code})).status == 201


@pytest.mark.whole
async def test_the_address_limit_refuses_wrong_kiosk_codes_and_accepts_right_ones(
    strict: Living,
) -> None:
    """2,000 wrong kiosk codes of one address are the limit: the next wrong one is refused, a right
    one passes."""
    address = "qr:address:127.0.0.1"
    until = strict.clock.now() + timedelta(minutes=10)
    await strict.db["attempt_limits"].insert_one({"_id": address, "n": 1999, "until": until})
    guesser, other = strict.stranger(), strict.stranger()
    assert (await guesser.get("//k/2f-south?c=00000000")).status == 422
    assert (await guesser.get("//k/2f-south?c=00000000")).status == 429
    scan = "/" + (await strict.qr()).removeprefix(strict.base)
    for headers in ({}, {"Cookie": "seat_sid=" + "x" * 43}):
        passed = await other.get(scan, **headers)
        assert (passed.status, passed.headers["Location"]) == (303, "/k/2f-south/check-in")
    assert "seat_proof" in passed.headers["Set-Cookie"]


async def test_unbinding_ends_access_at_once(service: Living) -> None:
    phone = await service.reader()
    await phone.accept("LEAVE")
    other_token = (await phone.ok("POST", "/wx/login", {"code": f"demo-{phone.name}-1"}))["token"]
    await phone.ok("GET", "/areas", Authorization=f"Bearer {other_token}")
    made = await phone.reserve()
    web, elsewhere = await service.web_reader(phone), await service.web_reader(phone)
    at_kiosk = await service.sessions.open_kiosk(
        phone.reader_id, KioskId("2f-south"), service.clock.now()
    )
    ended = (phone.token, other_token, elsewhere.token, at_kiosk.token)
    await web.ok("DELETE", "/bindings/current")

    async def reaches_nothing() -> None:
        for token in ended:
            bearer = {"Authorization": f"Bearer {token}"}
            for path in ("/me", "/areas", f"/reservations/{made['id']}"):
                await phone.refused("401 unauthenticated", "GET", path, **bearer)
            cancel = f"/reservations/{made['id']}/cancel"
            await phone.refused("401 unauthenticated", "POST", cancel, None, **bearer)

    await reaches_nothing()
    # The reader keeps what is theirs, without the consent that the WeChat user gave.
    me = await web.ok("GET", "/me")
    assert [r["id"] for r in me["active"]] == [made["id"]] and not any(me["subscriptions"].values())
    # The phone signs in again as a WeChat user without a reader, who can sign out.
    for n in (1, 2):
        entered = await phone.ok("POST", "/wx/login", {"code": f"demo-{phone.name}-again-{n}"})
        assert entered["bound"] is False and entered["reader"] is None
        if n == 1:
            bearer = {"Authorization": f"Bearer {entered['token']}"}
            await phone.refused("403 not_bound", "GET", f"/reservations/{made['id']}", **bearer)
            await phone.ok("DELETE", "/sessions/current", **bearer)
    # Bound again, to the same reader: the tokens of before stay ended.
    phone.token = entered["token"]
    code = (await web.ok("POST", "/activation-codes"))["code"]
    await phone.ok("POST", "/bindings", {"activation_code": code})
    await phone.ok("GET", f"/reservations/{made['id']}")
    await reaches_nothing()
    # The phone itself unbinds: that ends what the reader has open on the web, too.
    await phone.ok("DELETE", "/bindings/current")
    for client in (phone, web):
        await client.refused("401 unauthenticated", "GET", "/me")
    # The phone may be bound to somebody else as well.
    stranger = await service.web_reader()
    entered = await phone.ok("POST", "/wx/login", {"code": f"demo-{phone.name}-3"})
    phone.token = entered["token"]
    code = (await stranger.ok("POST", "/activation-codes"))["code"]
    await phone.ok("POST", "/bindings", {"activation_code": code})
    await phone.refused("404 not_found", "GET", f"/reservations/{made['id']}")
