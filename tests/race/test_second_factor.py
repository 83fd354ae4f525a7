"""Concurrent uses of an authenticator code, a recovery code and a setup."""

from __future__ import annotations

import asyncio

from models.identity.second_factor_repository import SecondFactorRepository
from models.kernel.ids import ReaderId
from models.storage.encryption import token_hash
from tests.race.stage import EIGHT, Stage, guarded, put_around

READER = ReaderId("5" * 24)
CODES = ["AAAABBBBCCCCDDDD", "EEEEFFFFGGGGHHHH"]


class LooksFirst(SecondFactorRepository):
    """The control: checks whether the code was used, then marks it."""

    async def use_step(self, reader_id: ReaderId, step: int) -> bool:
        row = await self._all.find_one({"_id": reader_id})
        if row is None or row["last_step"] >= step:
            return False
        await self._all.update_one({"_id": reader_id}, {"$set": {"last_step": step}})
        return True

    async def use_recovery_code(self, reader_id: ReaderId, code: str) -> bool:
        row = await self._all.find_one({"_id": reader_id})
        if row is None or token_hash(code) not in row["hashes"]:
            return False
        await self._all.update_one({"_id": reader_id}, {"$pull": {"hashes": token_hash(code)}})
        return True

    async def put(self, *args: object, **options: object) -> bool:
        if await self._all.find_one({"_id": READER}) is not None:
            return False
        return await super().put(*args, replace=True)  # type: ignore[arg-type]


async def five(stage: Stage, guard: bool, method: str) -> list[SecondFactorRepository]:
    """Five workers that have all reached the same write, or in the control the same read."""
    barrier, workers = asyncio.Barrier(5), list[SecondFactorRepository]()
    for _ in range(5):
        worker = (SecondFactorRepository if guard else LooksFirst)(stage.db, stage.cipher)
        if guard:
            put_around(worker, method, before=barrier.wait)
        else:
            put_around(worker, "find_one", behind=barrier.wait)
        workers.append(worker)
    return workers


@guarded
async def test_an_authenticator_code_admits_one_session(stage: Stage, guard: bool) -> None:
    plain = SecondFactorRepository(stage.db, stage.cipher)
    assert await plain.put(READER, "SECRET", CODES, 100, EIGHT)
    assert not await plain.use_step(READER, 100), "it has confirmed the setting up"
    workers = await five(stage, guard, "update_one")
    used = await asyncio.gather(*(worker.use_step(READER, 101) for worker in workers))
    assert sum(used) == (1 if guard else 5)
    assert not await plain.use_step(READER, 100), "an older one"


@guarded
async def test_a_recovery_code_admits_one_session(stage: Stage, guard: bool) -> None:
    plain = SecondFactorRepository(stage.db, stage.cipher)
    assert await plain.put(READER, "SECRET", CODES, 100, EIGHT)
    workers = await five(stage, guard, "update_one")
    used = await asyncio.gather(*(one.use_recovery_code(READER, CODES[0]) for one in workers))
    assert sum(used) == (1 if guard else 5)
    left = await plain.of(READER)
    assert left is not None and (left.secret, left.recovery_codes) == ("SECRET", 1)


@guarded
async def test_of_concurrent_setups_one_authenticator_is_stored(stage: Stage, guard: bool) -> None:
    """Two people with the password set up a phone each: the second is refused."""
    workers = await five(stage, guard, "insert_many")
    stored = await asyncio.gather(
        *(one.put(READER, f"SECRET{n}", CODES, n, EIGHT) for n, one in enumerate(workers))
    )
    assert sum(stored) == (1 if guard else 5)
    factor = await SecondFactorRepository(stage.db, stage.cipher).of(READER)
    assert factor is not None
    if guard:
        assert factor.secret == f"SECRET{stored.index(True)}"
