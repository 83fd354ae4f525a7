"""The tickets of a draw. MongoDB gives each ticket a random place: all workers see one order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from pymongo import ASCENDING, IndexModel, UpdateOne
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
        """Stores the ticket with a random place in its round. An earlier ticket of the reader
        for the day is replaced if its round is ``last_round`` or earlier; otherwise returns
        False. Raises: Unavailable."""
        drawn = UpdateOne(
            {"_id": ticket.id, "round": {"$lte": last_round}}, _drawn(ticket), upsert=True
        )
        with translate_errors():
            try:
                await self._draws.submit(drawn)
            except DuplicateKeyError:
                return False
        return True

    async def draw_again(self, ticket: Ticket, round: int) -> None:
        """Moves the ticket to a random place in the later round ``round``. Raises: Unavailable."""
        drawn = UpdateOne(
            {"_id": ticket.id, "round": ticket.round}, _drawn(replace(ticket, round=round))
        )
        with translate_errors():
            await self._draws.submit(drawn)

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


def _drawn(ticket: Ticket) -> list[Document]:
    """The MongoDB update that replaces the ticket's document and gives the ticket a random
    place. No field stays, since an outcome belongs to one round only."""
    fields = _document(ticket)
    return [{"$replaceWith": {"$mergeObjects": [{"$literal": fields}, {"place": {"$rand": {}}}]}}]


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
    }


def _ticket(d: Document) -> Ticket:
    return Ticket(
        day=date.fromisoformat(d["day"]),
        reader_id=ReaderId(d["reader"]),
        round=d["round"],
        seat_id=SeatId(d["seat"]),
        span=TimeRange(d["start"], d["end"]),
        request=d["request"],
    )
