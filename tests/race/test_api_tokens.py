"""API tokens: a form sent twice makes one, and a token is revoked once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from models.identity.api_token_repository import ApiTokenRepository
from models.identity.api_tokens import ApiToken, Scope
from models.identity.roles import Role
from models.staff.api_tokens import Pace, StaffApiTokens
from models.staff.audit_log import AuditLog, StaffContext
from models.storage.mongo import Database, new_id
from tests.builders import ZONE
from tests.race.stage import EIGHT, Stage, Step, guarded, kinds, put_around


class EachItsOwn(ApiTokenRepository):
    """The control: the id is not derived from the form."""

    async def insert(self, secret: str, made: ApiToken) -> bool:
        return await super().insert(secret, replace(made, id=new_id()))


class LooksFirst(ApiTokenRepository):
    """The control: reads the token and, after all others have read, writes by ``_id`` alone."""

    def __init__(self, db: Database, meanwhile: Step) -> None:
        super().__init__(db)
        self._meanwhile = meanwhile

    async def revoke(self, id: str, now: datetime) -> str | None:
        row = await self._all.find_one({"_id": id, "revoked_at": None})
        await self._meanwhile()
        if row is None:
            return None
        await self._all.update_one({"_id": id}, {"$set": {"revoked_at": now}})
        return str(row["secret"])


async def nobody_listens(_: str) -> None:
    return None


async def head(stage: Stage) -> StaffContext:
    return StaffContext(await stage.reader(), Role.ADMINISTRATOR, EIGHT, ZONE)


def tokens(stage: Stage, stored: ApiTokenRepository) -> StaffApiTokens:
    return StaffApiTokens(AuditLog(stage.stored.audit_log), stored, new_id, nobody_listens)


@guarded
async def test_a_form_sent_twice_makes_one_token(stage: Stage, guard: bool) -> None:
    ctx, barrier = await head(stage), asyncio.Barrier(2)

    async def send() -> None:
        stored = (ApiTokenRepository if guard else EachItsOwn)(stage.db)
        put_around(stored, "insert_many", before=barrier.wait)
        made = tokens(stage, stored)
        await made.create(ctx, "a form", "屏幕", [Scope.CATALOG_READ], Pace(30, 600))

    results = await asyncio.gather(send(), send(), return_exceptions=True)
    assert kinds([*results]) == ({"ok": 1, "conflict": 1} if guard else {"ok": 2})
    assert await stage.db["api_tokens"].count_documents({}) == (1 if guard else 2)


@guarded
async def test_a_token_is_revoked_once(stage: Stage, guard: bool) -> None:
    ctx, barrier = await head(stage), asyncio.Barrier(2)
    token = ApiToken(
        new_id(), "屏幕", frozenset(Scope), 60, ctx.reader.id, EIGHT, EIGHT + timedelta(days=1)
    )
    assert await ApiTokenRepository(stage.db).insert("secret", token)

    async def revoke() -> None:
        stored = ApiTokenRepository(stage.db) if guard else LooksFirst(stage.db, barrier.wait)
        if guard:
            put_around(stored, "find_one_and_update", before=barrier.wait)
        await tokens(stage, stored).revoke(ctx, token.id, "x")

    results = await asyncio.gather(revoke(), revoke(), return_exceptions=True)
    assert kinds([*results]) == ({"ok": 1, "not_found": 1} if guard else {"ok": 2})
