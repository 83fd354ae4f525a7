"""The tickets of a draw. Each is stored with its place: all workers see one order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

from pymongo import ASCENDING, IndexModel, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.opening_draw.entities import Outcome, Ticket
from models.storage.batching import Batcher
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import errors_per_document, translate_errors

INDEXES: Final = {
    "opening_tickets": [
        IndexModel([("day", ASCENDING), ("round", ASCENDING), ("place", ASCENDING)], name="order"),
        IndexModel([("reader", ASCENDING)], name="reader"),
    ]
}


class TicketRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["opening_tickets"]
        self._draws = Batcher(self._write_all)
        self._results = Batcher(self._write_all)

    async def draw(self, ticket: Ticket, last_round: int) -> bool:
        """Stores the ticket. An earlier ticket of the reader for the day is replaced if its round
        is ``last_round`` or earlier; otherwise returns False. Raises: Unavailable."""
        earlier: Document = {"_id": ticket.id, "round": {"$lte": last_round}}
        with translate_errors():
            try:
                await self._draws.submit(ReplaceOne(earlier, _document(ticket), upsert=True))
            except DuplicateKeyError:
                return False
        return True

    async def draw_again(self, ticket: Ticket, later: Ticket) -> None:
        """Moves the ticket to its place in a later round. Raises: Unavailable."""
        stored: Document = {"_id": ticket.id, "round": ticket.round}
        with translate_errors():
            await self._draws.submit(ReplaceOne(stored, _document(later)))

    async def of(self, reader_id: ReaderId) -> list[Ticket]:
        """The reader's tickets, those of the earliest day first. Raises: Unavailable."""
        with translate_errors():
            rows = await self._all.find({"reader": reader_id}).sort("day").to_list(None)
        return [_ticket(row) for row in rows]

    async def get(self, id: str) -> tuple[Ticket, bool] | None:
        """The ticket and whether its request was served; None without one. Raises: Unavailable."""
        with translate_errors():
            document = await self._all.find_one({"_id": id})
        return (_ticket(document), "outcome" in document) if document is not None else None

    async def in_order(self, day: date, round: int) -> list[Ticket]:
        with translate_errors():
            rows = (
                await self._all.find({"day": day.isoformat(), "round": round})
                .sort([("place", ASCENDING), ("_id", ASCENDING)])
                .to_list(None)
            )
        return [_ticket(row) for row in rows]

    async def record(self, ticket: Ticket, outcome: Outcome) -> None:
        """Stores the outcome of the ticket's request, if none is stored for this round yet.
        Raises: Unavailable."""
        unserved: Document = {
            "_id": ticket.id,
            "round": ticket.round,
            "outcome": {"$exists": False},
        }
        served = UpdateOne(unserved, {"$set": {"outcome": outcome.value}})
        with translate_errors():
            await self._results.submit(served)

    async def outcomes(self, ids: Collection[str], round: int) -> dict[str, Outcome]:
        query: Document = {"_id": {"$in": list(ids)}, "round": round, "outcome": {"$exists": True}}
        with translate_errors():
            rows = await self._all.find(query, {"outcome": 1}).to_list(None)
        return {row["_id"]: Outcome(row["outcome"]) for row in rows}

    async def remove_before(self, day: date) -> None:
        with translate_errors():
            await self._all.delete_many({"day": {"$lt": day.isoformat()}})

    async def _write_all(self, updates: list[Any]) -> Sequence[Exception | None]:
        try:
            await self._all.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            return errors_per_document(error, len(updates))
        return [None] * len(updates)


def _document(ticket: Ticket) -> Document:
    return {
        "_id": ticket.id,
        "day": ticket.day.isoformat(),
        "reader": ticket.reader_id,
        "round": ticket.round,
        "seat": ticket.seat_id,
        "start": ticket.span.start,
        "end": ticket.span.end,
        "request": ticket.request,
        "salt": ticket.salt,
        "place": ticket.place,
    }


def _ticket(d: Document) -> Ticket:
    return Ticket(
        day=date.fromisoformat(d["day"]),
        reader_id=ReaderId(d["reader"]),
        round=d["round"],
        seat_id=SeatId(d["seat"]),
        span=TimeRange(d["start"], d["end"]),
        request=d["request"],
        salt=d.get("salt", ""),  # a ticket of 0.2.0 has none
        place=str(d["place"]),
    )
