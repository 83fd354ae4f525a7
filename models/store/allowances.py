"""What the library grants single readers: sealed, since it tells of what they need it for."""

from __future__ import annotations

import json
from datetime import date
from typing import Final

from pymongo import ASCENDING, IndexModel

from models.allowance import Allowance
from models.reservation import ReaderId
from models.store.client import Database, upstream
from models.store.sealing import SealBroken, Sealer

INDEXES: Final = {"allowances": [IndexModel([("reader", ASCENDING)], name="reader", unique=True)]}
_PURPOSE: Final = "allowance"


class Allowances:
    """There are few: each worker keeps them all, and loads them when their number has grown."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._all = db["allowances"]
        self._catalogue = db["catalogue"]
        self._sealer = sealer

    async def put(self, reader_id: ReaderId, allowance: Allowance | None) -> None:
        """The reader has this one from now on, or none."""
        with upstream():
            if allowance is None:
                await self._all.delete_many({"reader": reader_id})
            else:
                sealed = self._sealer.seal(_text(allowance), _PURPOSE)
                await self._all.update_one(
                    {"reader": reader_id},
                    {"$set": {"allowance": sealed}, "$setOnInsert": {"_id": reader_id}},
                    upsert=True,
                )
            await self._catalogue.update_one(
                {"_id": "allowances"}, {"$inc": {"number": 1}}, upsert=True
            )

    async def number(self) -> int:
        """How often any has been written."""
        with upstream():
            found = await self._catalogue.find_one({"_id": "allowances"})
        return int(found["number"]) if found else 0

    async def all(self) -> dict[ReaderId, Allowance]:
        with upstream():
            rows = await self._all.find().to_list(None)
        found = {}
        for row in rows:
            try:
                text = self._sealer.open(row["allowance"], _PURPOSE)
            except SealBroken:
                continue  # its key has gone: it has to be granted anew
            found[ReaderId(row["reader"])] = _allowance(text)
        return found

    async def reseal(self) -> int:
        """As Readers.reseal."""
        current, done = f"{self._sealer.current}:", 0
        with upstream():
            async for row in self._all.find({"allowance": {"$not": {"$regex": f"^{current}"}}}):
                text = self._sealer.open(row["allowance"], _PURPOSE)
                await self._all.update_one(
                    {"_id": row["_id"], "allowance": row["allowance"]},
                    {"$set": {"allowance": self._sealer.seal(text, _PURPOSE)}},
                )
                done += 1
        return done


def _text(a: Allowance) -> str:
    return json.dumps(
        [a.accessible, a.check_in_minutes, a.leave_minutes, a.until and a.until.isoformat()]
    )


def _allowance(text: str) -> Allowance:
    accessible, check_in, leave, until = json.loads(text)
    return Allowance(accessible, check_in, leave, date.fromisoformat(until) if until else None)
