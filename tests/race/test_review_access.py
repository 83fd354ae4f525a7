"""Review codes: one code admits one user, a visitor has one live code, and a revoked one is
invalid."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from models.identity.review_code_repository import ReviewCodeRepository
from models.identity.roles import Role
from models.kernel.ids import ReaderId
from models.readers.entities import Visit
from models.staff.audit_log import AuditLog, StaffContext
from models.staff.review_access import ReviewAccess
from models.storage.encryption import token_hash
from models.storage.mongo import Database, new_id
from tests.builders import ZONE
from tests.race.stage import EIGHT, Stage, Step, guarded, kinds, put_around

SECRET = "r" * 22
END = EIGHT + timedelta(days=30)


class LooksFirst(ReviewCodeRepository):
    """The control: reads the code and, after all others have read, writes by ``_id`` alone."""

    def __init__(self, db: Database, meanwhile: Step) -> None:
        super().__init__(db)
        self._meanwhile = meanwhile

    async def redeem(self, secret: str, now: datetime) -> ReaderId | None:
        row = await self._all.find_one({"secret": token_hash(secret), "live": True})
        await self._meanwhile()
        if row is None:
            return None
        await self._all.update_one({"_id": row["_id"]}, {"$set": {"live": False}})
        return ReaderId(row["reader"])


async def visitor(stage: Stage) -> ReaderId:
    id, days = ReaderId(new_id()), Visit(EIGHT.date(), END.date())
    await stage.stored.readers.admit_visitor(id, "审核人员", days, EIGHT)
    return id


@guarded
async def test_a_review_code_binds_one_user(stage: Stage, guard: bool) -> None:
    """The binding's own index would stop the second user as well, so the control drops it."""
    if not guard:
        await stage.drop("bindings", "reader")
    reader_id, barrier = await visitor(stage), asyncio.Barrier(2)
    assert await ReviewCodeRepository(stage.db).issue(reader_id, SECRET, EIGHT, END)
    services = []
    for _ in range(2):
        codes = ReviewCodeRepository(stage.db) if guard else LooksFirst(stage.db, barrier.wait)
        if guard:
            put_around(codes, "find_one_and_update", before=barrier.wait)
        services.append(stage.account_binding(review=codes))
    users = [await stage.wx_user("o-one"), await stage.wx_user("o-two")]
    results = await asyncio.gather(
        *(service.bind(user, SECRET, EIGHT) for service, user in zip(services, users, strict=True)),
        return_exceptions=True,
    )
    bound = await stage.db["bindings"].count_documents({"reader": reader_id})
    used = await stage.db["audit"].count_documents({"action": "use_review_code", "outcome": "done"})
    if guard:
        assert kinds(results) == {"ok": 1, "activation_code_invalid": 1} and (bound, used) == (1, 1)
    else:
        assert kinds(results) == {"ok": 2} and (bound, used) == (2, 2)


@guarded
async def test_a_visitor_has_one_live_review_code(stage: Stage, guard: bool) -> None:
    if not guard:
        await stage.drop("review_codes", "live_reader")
    reader_id, barrier = await visitor(stage), asyncio.Barrier(2)

    async def issue(secret: str) -> bool:
        codes = ReviewCodeRepository(stage.db)
        put_around(codes, "insert_many", before=barrier.wait)
        return await codes.issue(reader_id, secret, EIGHT, END)

    issued = await asyncio.gather(issue("a" * 22), issue("b" * 22))
    assert sorted(issued) == ([False, True] if guard else [True, True])
    assert await stage.db["review_codes"].count_documents({"live": True}) == sum(issued)


@guarded
async def test_a_revoked_review_code_cannot_be_used(stage: Stage, guard: bool) -> None:
    """Staff revoke it just before it is used."""
    reader_id = await visitor(stage)
    reader = await stage.stored.readers.get(reader_id)
    assert reader is not None
    librarian = StaffContext(await stage.reader(), Role.LIBRARIAN, EIGHT, ZONE)
    desk = ReviewAccess(AuditLog(stage.stored.audit_log), ReviewCodeRepository(stage.db))

    async def taken_back() -> None:
        await desk.revoke(librarian, reader)

    codes = ReviewCodeRepository(stage.db) if guard else LooksFirst(stage.db, taken_back)
    if guard:
        put_around(codes, "find_one_and_update", before=taken_back)
    assert await codes.issue(reader_id, SECRET, EIGHT, END)
    user, service = await stage.wx_user("o-one"), stage.account_binding(review=codes)
    results = [*await asyncio.gather(service.bind(user, SECRET, EIGHT), return_exceptions=True)]
    bound = await stage.db["bindings"].count_documents({"reader": reader_id})
    if guard:
        assert kinds(results) == {"activation_code_invalid": 1} and bound == 0
        entries = await stage.db["audit"].find({"reader": reader_id}).sort("_id").to_list(None)
        assert {row["action"]: row["outcome"] for row in entries} == {
            "use_review_code": "not_found",
            "revoke_review_code": "done",
        }
    else:
        assert kinds(results) == {"ok": 1} and bound == 1, "taken back, and in all the same"
