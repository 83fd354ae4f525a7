"""An OpenID provider's keys and addresses, as they are remembered and checked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bind.providers.oidc_metadata import _is_as_safe, _Remembered
from tests.waiting import patience

NOW = datetime(2026, 9, 7, tzinfo=UTC)


async def test_who_needs_nothing_new_does_not_wait_for_who_does() -> None:
    asked, never = 0, asyncio.Event()

    async def ask() -> int:
        nonlocal asked
        asked += 1
        if asked > 1:
            await never.wait()
        return asked

    known = _Remembered(ask, lambda: NOW)
    assert await known.get(lambda _: timedelta(hours=1)) == 1
    anew = asyncio.create_task(known.get(lambda _: timedelta()))
    await asyncio.sleep(0)
    async with asyncio.timeout(patience(1)):
        assert await known.get(lambda _: timedelta(hours=1)) == 1
    assert asked == 2 and not anew.done()
    never.set()
    assert await anew == 2


def test_an_address_has_no_line_break() -> None:
    assert _is_as_safe("https://a.example/auth?x=1", "https://a.example")
    for odd in ("https://a.example/\r\nX: y", "https://a.example/a b", "https://例.example/"):
        assert not _is_as_safe(odd, "https://a.example")
