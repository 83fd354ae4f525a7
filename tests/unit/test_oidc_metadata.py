"""An OpenID provider's keys and endpoints: caching and checks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from bind.providers.base import CampusClient, EntryUnavailable
from bind.providers.oidc_metadata import OidcDirectory, _is_as_safe, _Remembered
from tests.waiting import patience

NOW = datetime(2026, 9, 7, tzinfo=UTC)


async def test_a_cached_value_is_returned_while_a_newer_one_is_fetched() -> None:
    calls, never = 0, asyncio.Event()

    async def ask() -> int:
        nonlocal calls
        calls += 1
        if calls > 1:
            await never.wait()
        return calls

    cache = _Remembered(ask, lambda: NOW)
    assert await cache.get(lambda _: timedelta(hours=1)) == 1
    anew = asyncio.create_task(cache.get(lambda _: timedelta()))
    await asyncio.sleep(0)
    async with asyncio.timeout(patience(1)):
        assert await cache.get(lambda _: timedelta(hours=1)) == 1
    assert calls == 2 and not anew.done()
    never.set()
    assert await anew == 2


def test_endpoint_urls_with_line_breaks_or_blanks_are_unsafe() -> None:
    assert _is_as_safe("https://a.example/auth?x=1", "https://a.example")
    for odd in ("https://a.example/\r\nX: y", "https://a.example/a b", "https://例.example/"):
        assert not _is_as_safe(odd, "https://a.example")


ISSUER = "https://a.example"
DESCRIPTION: dict[str, Any] = {
    "issuer": f"{ISSUER}/",
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


class Provider:
    """A provider with these metadata."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description

    async def ask(self, *_: object) -> tuple[int, dict[str, Any]]:
        return 200, self.description


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": ""},
        {"token_endpoint": 7},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"end_session_endpoint": "//["},
        {"token_endpoint_auth_methods_supported": "x"},
    ],
    ids=str,
)
async def test_metadata_of_another_issuer_is_refused(changes: dict[str, Any]) -> None:
    def directory(description: dict[str, Any]) -> OidcDirectory:
        return OidcDirectory(ISSUER, cast(CampusClient, Provider(description)), lambda: NOW)

    assert (await directory(DESCRIPTION).fetch()).token_endpoint == f"{ISSUER}/token"
    with pytest.raises(EntryUnavailable):
        await directory(DESCRIPTION | changes).fetch()
