"""Single use at a sign-on, and logouts by subject concurrent with a sign-in."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.identity.entities import SignOnSession
from models.identity.session_repository import SessionRepository
from models.identity.used_once_repository import UsedOnceRepository
from models.storage.encryption import token_hash
from tests.race.stage import EIGHT, Around, Stage, clock, guarded, put_around

WHO = SignOnSession("campus", "u-1", EIGHT)


class LooksFirst(UsedOnceRepository):
    """The control: checks whether it was used, then marks it."""

    async def use(self, value: str, until: datetime) -> bool:
        if await self._all.find_one({"_id": token_hash(value)}) is not None:
            return False
        await self._all.update_one(
            {"_id": token_hash(value)}, {"$set": {"until": until}}, upsert=True
        )
        return True


@guarded
async def test_a_state_or_logout_token_is_accepted_once(stage: Stage, guard: bool) -> None:
    barrier, workers = asyncio.Barrier(5), list[UsedOnceRepository]()
    for _ in range(5):
        worker = (UsedOnceRepository if guard else LooksFirst)(stage.db)
        if guard:
            put_around(worker, "insert_many", before=barrier.wait)
        else:
            put_around(worker, "find_one", behind=barrier.wait)
        workers.append(worker)
    used = await asyncio.gather(*(worker.use("logout campus j-1", clock(9)) for worker in workers))
    assert sum(used) == (1 if guard else 5)
    plain = UsedOnceRepository(stage.db)
    assert not await plain.use("logout campus j-1", clock(9))
    assert await plain.use("logout alumni j-1", clock(9)), "another provider's"
    await plain.give_back("logout campus j-1")
    assert await plain.use("logout campus j-1", clock(9))
    assert await plain.prune(clock(9)) == 2


class OpensWithoutALook(SessionRepository):
    """The control: opens a session without checking logouts of its reader."""

    def _logout_query(self, ticket_hash: str, sign_on: SignOnSession | None) -> dict[str, Any]:
        return super()._logout_query(ticket_hash, None)


@pytest.mark.parametrize(
    ("collection", "method", "where", "guard"),
    [
        ("sessions", "insert_one", "before", True),
        ("sessions", "insert_one", "behind", True),
        ("logged_out_tickets", "find_one", "before", True),
        ("sessions", "insert_one", "before", False),
    ],
    ids=["before the session", "behind the session", "before the look", "control"],
)
async def test_a_logout_by_subject_at_any_point_during_a_sign_in_ends_the_session(
    stage: Stage, collection: str, method: str, where: str, guard: bool
) -> None:
    reader = await stage.reader()
    sessions = (SessionRepository if guard else OpensWithoutALook)(stage.db, stage.cipher)

    async def logout() -> None:
        other = SessionRepository(stage.db, stage.cipher)
        await other.close_by_subject(WHO.provider, WHO.subject, EIGHT)

    if collection == "sessions":
        put_around(sessions, method, **{where: logout})
    else:
        ended: Any = sessions
        ended._ended = Around(ended._ended, method, **{where: logout})
    opened = await sessions.open_web(
        "token", reader.id, "oidc campus sid 1", EIGHT, clock(20), sign_on=WHO
    )
    assert opened is not guard
    there = await sessions.find_principal(token_hash("token"))
    assert (there is None) is guard


async def test_a_sign_in_issued_after_a_logout_opens_a_session(stage: Stage) -> None:
    reader, sessions = await stage.reader(), SessionRepository(stage.db, stage.cipher)
    await sessions.close_by_subject("campus", "u-1", EIGHT)
    for number, who in enumerate(
        (
            SignOnSession("campus", "u-1", EIGHT + timedelta(seconds=1)),
            SignOnSession("campus", "u-2", EIGHT),
            SignOnSession("alumni", "u-1", EIGHT),
        )
    ):
        token = f"token{number}"
        assert await sessions.open_web(
            token, reader.id, f"sid {number}", EIGHT, clock(20), sign_on=who
        )
    assert not await sessions.open_web("late", reader.id, "sid", EIGHT, clock(20), sign_on=WHO)
    # An older order does not reach what came later.
    assert await sessions.close_by_subject("campus", "u-1", EIGHT) == []
    later = EIGHT + timedelta(seconds=1)
    assert await sessions.close_by_subject("campus", "u-1", later) == [token_hash("token0")]
