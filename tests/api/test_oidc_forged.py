"""Forged or invalid answers in the name of an OpenID provider."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from bind.sign_ons import SignOns
from handlers.http.keys import service_key
from models.kernel.errors import Busy
from tests.api.browsing import FORM
from tests.api.lying_provider import (
    LOGOUT,
    LyingProvider,
    now_s,
    signed_with_public_key,
    signed_with_secret,
)
from tests.living import Living, living

Both = tuple[Living, LyingProvider]
STRANGER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@pytest.fixture
async def both(
    mongo_url: str, redis_url: str, lying_provider: LyingProvider
) -> AsyncIterator[Both]:
    groups = {"GROUPS_CLAIM": "realm.roles", "VIEWER_GROUP": "view"}
    env = lying_provider.env(ISSUER=f"{lying_provider.issuer}/", **groups)
    async with living(mongo_url, redis_url, **env) as service:
        yield service, lying_provider


def none_alg(claims: Mapping[str, Any]) -> str:
    def part(one: Mapping[str, Any]) -> str:
        return urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}."


ID_TOKENS: Mapping[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another client": {"aud": "other"},
    "no client": {"aud": None},
    "several clients, nobody's": {"aud": ["seats", "other"]},
    "several clients, another's": {"aud": ["seats", "other"], "azp": "other"},
    "another's": {"azp": "other"},
    "expired": {"exp": now_s() - 61},
    "without an end": {"exp": None},
    "an end in words": {"exp": "tomorrow"},
    "from tomorrow": {"iat": now_s() + 86_400, "exp": now_s() + 90_000},
    "of yesterday, for ever": {"iat": now_s() - 86_400, "exp": now_s() + 86_400},
    "of no time": {"iat": None},
    "of true": {"iat": True},
    "of a time beyond all calendars": {"iat": -(10**400)},
    "of no number": {"iat": float("nan")},
    "a number that is true": {"no": True},
    "two numbers": {"no": ["21070001", "21070002"]},
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "nobody": {"sub": None},
    "an empty subject": {"sub": ""},
    "a list of people": {"sub": ["u-1"]},
    "no number": {"no": " "},
    "an endless number": {"no": "1" * 65},
    "two lines": {"no": "1\n2"},
}


async def test_an_invalid_id_token_signs_no_reader_in(both: Both) -> None:
    service, provider = both
    assert (await provider.sign_in(service.stranger())).status == 302
    before = await service.books()
    sessions = await service.db["sessions"].count_documents({})
    for name, changes in ID_TOKENS.items():

        def lie(claims: dict[str, Any], changes: dict[str, Any] = changes) -> None:
            claims.update(changes)
            for gone in [key for key, value in changes.items() if value is None]:
                del claims[gone]

        provider.claims = lie
        answer = await provider.sign_in(service.stranger())
        assert answer.status == 401 and "请重新登录" in answer.body, name
    # A long s: in capitals it would be somebody else's number.
    provider.claims = lambda claims: claims.update(no="\u017f1070001")
    assert (await provider.sign_in(service.stranger())).status == 401
    provider.claims = lambda claims: None
    for sign in (
        none_alg,
        signed_with_public_key(provider),
        signed_with_secret,
        lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, claims, STRANGER),
        lambda claims: jwt.encode({"alg": "RS256", "kid": "two"}, claims, STRANGER),
        lambda claims: "a.b.c",
        lambda claims: "",
        lambda claims: (
            jwt.encode({"alg": "RS256", "kid": "one"}, claims, provider.key)[:-8] + "AAAAAAAA"
        ),
        lambda claims: "x" * 20_000,
    ):
        provider.sign = sign
        assert (await provider.sign_in(service.stranger())).status == 401
    changed = await service.books()
    assert {name for name in changed if changed[name] != before.get(name)} == {"used_once"}
    assert await service.db["sessions"].count_documents({}) == sessions
    assert provider.asked["/keys"] == 1, "an unknown key is looked for once a minute"


@pytest.mark.whole
async def test_an_error_in_the_browsers_callback_is_not_counted_as_an_outage(both: Both) -> None:
    """Deadlines are extended while the campus sign-on is unavailable, which a browser's address
    must not trigger."""
    service, provider = both
    browser = service.stranger()
    away = await browser.get("//login")
    state = parse_qs(urlsplit(away.headers["Location"]).query)["state"][0]
    for status in (503, 401):  # an attempt is answered once
        answer = await browser.get(f"//login/oidc/campus?state={state}&error=server_error")
        assert answer.status == status
    provider.token_answer = 400, {"error": "invalid_request"}
    assert (await provider.sign_in(service.stranger())).status == 503
    assert await service.db["outages"].count_documents({}) == 0
    assert not service.app[service_key(SignOns)].is_failing("campus")
    provider.token_answer = None
    assert (await provider.sign_in(service.stranger())).status == 302


@pytest.mark.whole
async def test_permitted_variants_of_a_provider_are_accepted(both: Both) -> None:
    """The secret in the form, several audiences, nested claims, and the rest at userinfo."""
    service, provider = both

    def ours(claims: dict[str, Any]) -> None:
        claims |= {"aud": ["seats", "other"], "azp": "seats", "exp": now_s() - 30}
        claims["realm"] = {"roles": ["view", 7]}

    provider.claims = ours
    browser = service.stranger()
    assert (await provider.sign_in(browser)).status == 302
    assert (await browser.get("//console")).status == 200
    assert "/me" not in provider.asked
    assert provider.forms[-1].keys() == {"grant_type", "code", "redirect_uri", "code_verifier"}
    # Less is in the ID token, more at userinfo; and what is signed is believed before the rest.
    provider.claims = lambda claims: claims.pop("no")
    provider.userinfo = {"no": "21070002", "name": "李四", "realm": {"roles": []}}
    other = service.stranger()
    assert (await provider.sign_in(other)).status == 302
    reader = (await other.ok("GET", "/me"))["reader"]
    assert (reader["student_no_masked"], reader["name"]) == ("21****02", "张三")
    assert (await other.get("//console")).status == 403
    provider.userinfo["sub"] = "u-2"
    assert (await provider.sign_in(service.stranger())).status == 401, "somebody else's"


async def test_a_renewal_needs_a_recent_password_entry_at_the_provider(both: Both) -> None:
    """Someone at an abandoned desk could remove the parameter from the address."""
    service, provider = both
    browser = service.stranger()
    assert (await provider.sign_in(browser)).status == 302
    (before,) = [c.value for c in browser.session.cookie_jar if c.key == "seat_sid"]
    for auth_time, status in (
        (None, 401),
        ("now", 401),
        (now_s() - 3600, 401),
        (now_s() - 5, 302),
    ):

        def says(claims: dict[str, Any], auth_time: object = auth_time) -> None:
            claims["auth_time"] = auth_time

        provider.claims = says
        answer = await browser.get(await provider.way_back(browser, path="//login?renew=1"))
        assert answer.status == status, auth_time
        assert [c.value for c in browser.session.cookie_jar if c.key == "seat_sid"] == [before]
        assert (await provider.sign_in(service.stranger())).status == 302, "asked of renewals only"


@pytest.mark.whole
async def test_metadata_of_another_issuer_is_refused(both: Both) -> None:
    service, provider = both
    provider.metadata = lambda metadata: metadata.update(issuer="https://evil.example")
    answer = await service.stranger().get("//login")
    assert answer.status == 503 and "统一身份认证暂不可用" in answer.body
    await service.stranger().get("//login")
    assert provider.asked == {"/.well-known/openid-configuration": 1}, "not asked again at once"


@pytest.mark.whole
async def test_a_wrong_client_secret_is_logged_once_as_such(
    both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    """Readers only see that the sign-on cannot be reached, which would mislead the staff."""
    service, provider = both
    provider.token_answer = (401, {"error": "invalid_client"})
    for _ in range(3):
        assert (await provider.sign_in(service.stranger())).status == 503
    lines = [r.__dict__ for r in caplog.records if r.message == "sign_on_failed"]
    assert [(line["sign_on"], line["reason"]) for line in lines] == [("campus", "secret")]


@pytest.mark.whole
async def test_a_provider_failure_during_sign_in_is_reported(both: Both) -> None:
    service, provider = both
    provider.metadata = lambda metadata: metadata.update(
        token_endpoint_auth_methods_supported=["client_secret_post"]
    )
    answers: tuple[tuple[int, dict[str, Any] | bytes, int], ...] = (
        (400, {"error": "invalid_grant"}, 401),
        (400, {"error": "invalid_client"}, 503),
        (401, {}, 503),
        (500, {}, 503),
        (200, {"access_token": "x"}, 503),
        (200, '{"error": "系统错误"}'.encode("gbk"), 503),
        (200, b"[" * 50_000, 503),
    )
    for status, body, expected in answers:
        provider.token_answer = (status, body)
        answer = await provider.sign_in(service.stranger())
        assert answer.status == expected, (status, body[:20] if isinstance(body, bytes) else body)
    assert provider.forms[-1]["client_secret"] == "top secret"
    assert await service.db["outages"].count_documents({"_id": "cas"}) == 1, "deadlines wait"
    provider.token_answer, provider.keys = None, [{"kty": "oct", "k": "AAAA", "kid": "one"}]
    assert (await provider.sign_in(service.stranger())).status == 503, "no key of its own"
    assert await service.db["readers"].count_documents({}) == 0


LOGOUTS: Mapping[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "another client": {"aud": "other"},
    "of yesterday": {"iat": now_s() - 86_400},
    "of no time": {"iat": None},
    "expired": {"exp": now_s() - 61},
    "no event": {"events": None},
    "another event": {"events": {"http://schemas.example/other": {}}},
    "an event in words": {"events": {LOGOUT: "yes"}},
    "a list of events": {"events": [LOGOUT]},
    "an ID token": {"nonce": "x"},
    "an empty nonce": {"nonce": ""},
    "nobody": {"sid": None},
    "nobody, in two ways": {"sid": "", "sub": ""},
    "without an id": {"jti": None},
    "an empty id": {"jti": ""},
    "a number": {"sid": 1},
}


async def test_an_invalid_logout_token_is_refused(both: Both) -> None:
    service, provider = both
    browser, caller = service.stranger(), service.stranger()
    assert (await provider.sign_in(browser)).status == 302
    tokens = {name: provider.signed(provider.logout_claims(**one)) for name, one in LOGOUTS.items()}
    right = provider.logout_claims()
    tokens |= {
        "none": none_alg(right),
        "public": signed_with_public_key(provider)(right),
        "secret": signed_with_secret(right),
        "stranger": jwt.encode({"alg": "RS256", "kid": "one"}, right, STRANGER),
        "nothing": "",
        "long": "x" * 16_300,
    }
    before = await service.books()
    for name, token in tokens.items():
        answer = await provider.log_out(caller, token)
        assert (answer.status, answer.body["error"]) == (400, "invalid_request"), name
        assert answer.headers["Cache-Control"] == "no-store"
    answer = await caller.call("POST", "//login/oidc/campus/logout", b"x=1", **FORM)
    assert answer.status == 400 and answer.body["error_description"] == "missing"
    assert await service.books() == before
    await browser.ok("GET", "/me")


async def test_a_logout_token_is_accepted_once(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    service, provider = both
    mine, theirs, caller = service.stranger(), service.stranger(), service.stranger()
    assert (await provider.sign_in(mine)).status == 302
    provider.claims = lambda claims: claims.update(sub="u-2", sid="s-2", no="21070002")
    assert (await provider.sign_in(theirs)).status == 302
    token = provider.signed(provider.logout_claims())
    answers = await asyncio.gather(*(provider.log_out(caller, token) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400, 400]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    await mine.refused("401 unauthenticated", "GET", "/me")
    await theirs.ok("GET", "/me")
    # Another one of the same provider session, which is over: nobody comes in by it any more.
    provider.claims = lambda claims: None
    assert (await provider.sign_in(mine)).status == 401
    # What could not be done may be sent once more.
    other = provider.signed(provider.logout_claims(sid="s-2"))
    with monkeypatch.context() as patched:
        patched.setattr(service.sessions, "close_ticket", _fails)
        assert (await provider.log_out(caller, other)).status == 503
    await theirs.ok("GET", "/me")
    assert (await provider.log_out(caller, other)).status == 200
    await theirs.refused("401 unauthenticated", "GET", "/me")


async def _fails(*_: object) -> None:
    raise Busy()


async def test_a_logout_by_subject_ends_all_sessions_of_that_reader(both: Both) -> None:
    """The token names a subject and no session; later sign-ins are kept."""
    service, provider = both

    def earlier(claims: dict[str, Any]) -> None:
        claims["iat"] = now_s() - 2
        del claims["sid"]

    provider.claims = earlier
    one, two, caller = service.stranger(), service.stranger(), service.stranger()
    for browser in (one, two):
        assert (await provider.sign_in(browser)).status == 302
    claims = provider.logout_claims(sid=None, sub="u-1", iat=now_s() - 1)
    assert (await provider.log_out(caller, provider.signed(claims))).status == 200
    for browser in (one, two):
        await browser.refused("401 unauthenticated", "GET", "/me")
    assert (await provider.sign_in(one)).status == 401, "named before that moment"
    provider.claims = lambda claims: claims.pop("sid")
    assert (await provider.sign_in(one)).status == 302
    await one.ok("GET", "/me")
    stored = await service.all_documents()
    assert "u-1" not in stored and "21070001" not in stored


@pytest.mark.whole
async def test_over_https_the_state_cookie_has_the_host_prefix(
    mongo_url: str, redis_url: str, lying_provider: LyingProvider
) -> None:
    """A neighbour in the domain could otherwise set a cookie of its own."""
    env = lying_provider.env() | {"PUBLIC_BASE_URL": "https://seats.example.edu"}
    async with living(mongo_url, redis_url, **env) as service:
        service.base = f"http://127.0.0.1:{service.settings.port}"
        answer = await service.stranger().get("//login")
        (given,) = [c for c in answer.headers.getall("Set-Cookie") if "seat_state" in c]
        assert given.startswith("__Host-seat_state=campus.once.") and "Domain" not in given
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(given.split("; "))
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert query["redirect_uri"] == ["https://seats.example.edu/login/oidc/campus"]
        assert query["tenant"] == ["1"], "what stood in the provider's address stays"


@pytest.mark.whole
async def test_forged_logout_tokens_are_throttled(
    mongo_url: str, redis_url: str, lying_provider: LyingProvider
) -> None:
    env = lying_provider.env() | {"RATE_LIMIT_SCALE": "1"}
    async with living(mongo_url, redis_url, **env) as service:
        caller, answers = service.stranger(), set[int]()
        for _ in range(70):
            batch = (lying_provider.log_out(caller, "a.b.c") for _ in range(10))
            answers |= {answer.status for answer in await asyncio.gather(*batch)}
            if 429 in answers:
                break
        assert answers == {400, 429}
