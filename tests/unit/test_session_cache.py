"""The worker's session cache lasts five seconds."""

from __future__ import annotations

from datetime import time
from typing import cast

import pytest

from bind import session_service
from bind.session_service import CACHE_SECONDS, SessionService
from models.identity.api_token_repository import ApiTokenRepository
from models.identity.entities import Principal
from models.identity.session_repository import SessionRepository
from models.kernel.errors import Unauthenticated
from models.storage.encryption import FieldCipher
from tests.builders import MONDAY, ZONE


class Empty(SessionRepository):
    def __init__(self) -> None:
        self.looked = 0

    async def find_principal(self, session_id: str) -> Principal | None:
        self.looked += 1
        return None


async def ignore(_: list[str]) -> None:
    pass


async def test_the_session_cache_holds_five_seconds_of_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored, second = Empty(), 0.0
    monkeypatch.setattr(session_service, "monotonic", lambda: second)
    sessions = SessionService(
        stored, cast(ApiTokenRepository, None), FieldCipher({1: bytes(32)}), ignore
    )

    async def ask(id: str) -> None:
        with pytest.raises(Unauthenticated):
            await sessions.open(id, ZONE.instant(MONDAY, time(8)))

    for second in range(1000):
        for n in range(3):
            await ask(f"{second}-{n}")
        await ask(f"{second}-0")
        await ask(f"{max(0, second - CACHE_SECONDS):.0f}-2")
    assert stored.looked == 3 * 1000, "what is remembered is not looked up"
    assert len(sessions._cache) == 3 * (CACHE_SECONDS + 1)
    second += CACHE_SECONDS + 1
    await ask("999-0")
    assert stored.looked == 3 * 1000 + 1
