"""The proofs' model of MongoDB gives the same answers as a real server, operation by operation."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from unittest.mock import Mock

from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, ReturnDocument, UpdateMany
from pymongo.errors import BulkWriteError, DuplicateKeyError

from lab.proof.season_acts import SEASON, drawn_documents, season_plan
from lab.proof.simulated_library import CIPHER
from lab.proof.simulated_mongo import Cluster, DirectNetwork
from models.kernel.ids import ReaderId
from models.messages.delivery_result_queries import settling
from models.messages.entities import Delivery, DeliveryResult, DeliveryState, Message, Template
from models.readers.entities import Reader
from models.schema.indexes import INDEXES
from models.season_holders.repository import HolderRepository
from models.seasons.entities import LossReason
from models.seasons.repository import SeasonRepository
from models.storage.mongo import CODEC
from models.storage.transactions import InTransaction, run_transaction

OPERATIONS: Final = 10_000
NAME: Final = "reservations"
START: Final = datetime(2026, 9, 7, 1, tzinfo=UTC)
STATES: Final = ("reserved", "in_use", "away", "cancelled", "offered")
CLAIMS: Final = tuple(f"{kind}:{n}" for kind in "snr" for n in range(5))
Operation = Callable[[Any], Awaitable[Any]]


class Operations:
    """Random operations of all kinds that the store uses, on few documents and fewer claims."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.number = 0

    def next(self) -> Operation:
        self.number += 1
        return self.chance.choice(
            [
                *(self.insert, self.insert, self.change, self.change, self.change),
                *(self.tombstone, self.fence, self.pull, self.forget, self.prune, self.delete),
                *(self.find, self.find, self.find_one, self.count, self.read_one_by_one),
                *(self.begin_party, self.change_party, self.change_party, self.delete_parties),
                *(self.follow, self.insert_in_order),
                *(self.book_room, self.change_room, self.change_room, self.prune_rooms),
            ]
        )()

    def id(self) -> str:
        return f"r{self.chance.randrange(12)}"

    def instant(self) -> datetime:
        return START + timedelta(minutes=self.chance.randrange(8), microseconds=123_456)

    def claims(self) -> list[str]:
        return self.chance.sample(CLAIMS, self.chance.randrange(4))

    def document(self) -> dict[str, Any]:
        state, chance = self.chance.choice(STATES), self.chance
        return {
            "_id": self.id(),
            "rev": 1,
            "state": state,
            "live": state != "cancelled",
            "reader": f"x{chance.randrange(3)}",
            "seat": f"seat{chance.randrange(3)}",
            "day": "2026-09-07",
            "start": self.instant(),
            "end": self.instant(),
            "check_in_until": self.instant(),
            "return_by": chance.choice([None, self.instant()]),
            "remind_at": chance.choice([None, self.instant()]),
            "report": chance.choice([None, {"open": chance.random() < 0.5, "desk": True}]),
            "claims": self.claims(),
            "outbox": [{"seq": 1, "at": self.instant(), "change": f"c{chance.randrange(4)}"}],
            "history": [{"event": "reserve", "at": self.instant()}],
            "change": f"c{chance.randrange(4)}",
        }

    def insert(self) -> Operation:
        documents = [self.document() for _ in range(self.chance.randint(1, 3))]
        return lambda c: c.insert_many([dict(d) for d in documents], ordered=False)

    def change(self) -> Operation:
        chance = self.chance
        guard: dict[str, Any] = {"_id": self.id()}
        guard |= chance.choice([{}, {"state": chance.choice(STATES)}, {"change": "c1"}])
        guard |= chance.choice([{}, {"end": {"$lte": self.instant()}}])
        state = chance.choice(STATES)
        update = {
            "$set": {"state": state, "live": state != "cancelled", "claims": self.claims()},
            "$push": {
                "changes": {"$each": [f"c{self.number}"], "$slice": -3},
                "outbox": {"$each": [{"seq": self.number, "at": self.instant(), "change": None}]},
            },
            "$inc": {"rev": 1},
        }
        after = chance.choice([ReturnDocument.BEFORE, ReturnDocument.AFTER])
        projection = chance.choice([None, {"_id": 1}, {"claims": 1, "rev": 1}, {"outbox": 0}])
        return lambda c: c.find_one_and_update(guard, update, projection, return_document=after)

    def insert_in_order(self) -> Operation:
        documents = [self.document() for _ in range(3)]
        return lambda c: c.insert_many([dict(d) for d in documents])

    def follow(self) -> Operation:
        query, order = self.query(), self.order()
        update = {"$push": {"news": {"id": f"n{self.number}", "at": self.instant()}}}
        return lambda c: c.find_one_and_update(query, update, {"rev": 1, "news": 1}, sort=order)

    def tombstone(self) -> Operation:
        id, projection = self.id(), {"tombstone": 1}
        update = {"$setOnInsert": {"tombstone": True}}
        return lambda c: c.find_one_and_update({"_id": id}, update, projection, upsert=True)

    def fence(self) -> Operation:
        unchanged = {"$eq": [{"$ifNull": ["$change", None]}, f"c{self.chance.randrange(4)}"]}
        new = f"f{self.number}"
        stage = {
            "change": {"$cond": [unchanged, new, "$change"]},
            "rev": {"$cond": [unchanged, {"$add": ["$rev", 1]}, "$rev"]},
        }
        id = self.id()
        # A tombstone has no number to count up.
        guard = {"_id": id, "tombstone": {"$exists": False}}
        return lambda c: c.find_one_and_update(guard, [{"$set": stage}], {"changes": 0})

    def pull(self) -> Operation:
        id, claim = self.id(), self.chance.choice(CLAIMS)
        return lambda c: c.update_one({"_id": id}, {"$pull": {"claims": claim}})

    def forget(self) -> Operation:
        ids, change = [self.id(), self.id()], f"c{self.chance.randrange(4)}"
        pulled = {"$pull": {"outbox": {"change": {"$in": [change]}}}}
        return lambda c: c.bulk_write([UpdateMany({"_id": {"$in": ids}}, pulled)], ordered=False)

    def prune(self) -> Operation:
        guard = {"live": False, "claims": {"$type": "string"}, "reader": "x1"}
        return lambda c: c.update_many(guard, {"$set": {"claims": []}})

    def delete(self) -> Operation:
        query = {"_id": self.id(), "$or": [{"tombstone": True}, {"state": "cancelled"}]}
        return lambda c: c.delete_many(query)

    def party(self) -> dict[str, Any]:
        """A party's fields except its id."""
        chance, holds = self.chance, self.chance.random() < 0.7
        return {
            "live": holds,
            "state": "holding" if holds else "over",
            "day": chance.choice(["2026-09-06", "2026-09-07"]),
            "asker": f"x{chance.randrange(3)}",
            "due_at": self.instant() if holds else None,
            "claims": self.claims(),
            "change": f"c{chance.randrange(4)}",
            "seats": [
                {"seat": f"seat{n}", "booking": chance.choice([None, self.id()]), "held": holds}
                for n in range(chance.randint(1, 2))
            ],
        }

    def party_id(self) -> str:
        return f"{self.id()}:party"

    def begin_party(self) -> Operation:
        document = {"_id": self.party_id(), **self.party()}
        return lambda c: c.insert_one(dict(document))

    def change_party(self) -> Operation:
        guard = {"_id": self.party_id(), "change": f"c{self.chance.randrange(4)}"}
        fields = self.party()
        return lambda c: c.find_one_and_update(guard, {"$set": fields}, projection={"_id": 1})

    def delete_parties(self) -> Operation:
        past = {"asker": {"$type": "string"}, "day": {"$lt": "2026-09-07"}, "live": False}
        return lambda c: c.delete_many(past)

    def room(self) -> dict[str, Any]:
        """The fields of a booking of a room except its id."""
        chance, live = self.chance, self.chance.random() < 0.7
        return {
            "live": live,
            "state": "room",
            "room_state": chance.choice(["requested", "reserved"]) if live else "released",
            "room": f"room{chance.randrange(2)}",
            "people": chance.sample(["x0", "x1", "x2"], chance.randint(1, 3)),
            "day": chance.choice(["2026-09-06", "2026-09-07"]),
            "start": self.instant(),
            "end": self.instant(),
            "due_at": chance.choice([None, self.instant()]),
            "confirm_by": chance.choice([None, self.instant()]),
            "check_in_until": self.instant(),
            "claims": self.claims(),
            "change": f"c{chance.randrange(4)}",
            "history": [{"event": chance.choice(["reserve", "outage"]), "at": self.instant()}],
        }

    def room_id(self) -> str:
        return f"{self.id()}-room"

    def book_room(self) -> Operation:
        document = {"_id": self.room_id(), **self.room()}
        return lambda c: c.insert_many([dict(document)], ordered=False)

    def change_room(self) -> Operation:
        guard = {"_id": self.room_id(), "change": f"c{self.chance.randrange(4)}"}
        fields = self.room()
        return lambda c: c.find_one_and_update(guard, {"$set": fields}, projection={"_id": 1})

    def prune_rooms(self) -> Operation:
        past = {"day": {"$lt": "2026-09-07"}, "claims": {"$type": "string"}, "live": False}
        return lambda c: c.update_many({"state": "room", **past}, {"$set": {"claims": []}})

    def query(self) -> dict[str, Any]:
        at, chance = self.instant(), self.chance
        claim, end = chance.choice(CLAIMS), self.instant()
        untouched = {"history": {"$not": {"$elemMatch": {"event": "reserve", "at": at}}}}
        return chance.choice(
            [
                {},
                {"_id": {"$in": [self.id(), self.id()]}},
                {"state": {"$in": ["reserved", "away"]}, "live": True},
                {"check_in_until": {"$lte": at}, "report.open": {"$ne": True}},
                {"$and": [{"claims": claim}, {"claims": {"$type": "string"}}]},
                {"remind_at": {"$type": "date", "$lte": at}},
                {"return_by": {"$gt": at, "$lte": end}, **untouched},
                {"outbox.at": {"$type": "date"}},
                {"outbox.change": None, "tombstone": {"$exists": False}},
                {"$expr": {"$lt": ["$return_by", "$end"]}, "state": "away"},
                {"$or": [{"report.desk": True}, {"end": {"$lte": at}}]},
                {"seat": {"$nin": ["seat1"]}, "start": {"$gte": at, "$lt": end}},
                {"return_by": None},
                {"rev": {"$type": "int"}, "news.id": {"$type": "string"}},
                {"_id": self.party_id(), "asker": {"$exists": True}},
                {"asker": "x1", "day": {"$gte": "2026-09-07"}},
                {"due_at": {"$type": "date", "$lte": at}, "state": "holding"},
                {"state": "room", "people": "x1", "end": {"$gt": at}},
                {"state": "room", "$and": [{"claims": claim}, {"claims": {"$type": "string"}}]},
                {"$and": [{"claims": {"$in": [claim, "x"]}}, {"claims": {"$type": "string"}}]},
                {"state": "room", "$or": [{"check_in_until": {"$lte": at}}, {"confirm_by": at}]},
                {"$or": [{"_id": {"$gte": id, "$lt": f"{id};"}} for id in (self.id(), self.id())]},
            ]
        )

    def find(self) -> Operation:
        query, order = self.query(), self.order()
        skip, limit = self.chance.randrange(2), self.chance.randrange(4)
        projection = self.chance.choice([None, {"claims": 1}, {"history": 0, "outbox": 0}])

        def search(c: Any) -> Any:
            return c.find(query, projection).sort(order).skip(skip).limit(limit).to_list(None)

        return search

    def read_one_by_one(self) -> Operation:
        query, order = self.query(), self.order()

        async def read(c: Any) -> list[Any]:
            return [row["_id"] async for row in c.find(query, {"start": 1}).sort(order)]

        return read

    def order(self) -> list[tuple[str, int]]:
        first = self.chance.choice(["start", "remind_at", "seat", "rev", "outbox.at"])
        return [(first, self.chance.choice([ASCENDING, DESCENDING])), ("_id", ASCENDING)]

    def find_one(self) -> Operation:
        query, order = self.query(), self.order()
        return lambda c: c.find_one(query, {"rev": 1}, sort=order)

    def count(self) -> Operation:
        query = self.query()
        return lambda c: c.count_documents(query)


def describe(operation: Operation) -> str:
    """The operation's kind and values."""
    cells = operation.__closure__ or ()
    return f"{operation.__qualname__} {[cell.cell_contents for cell in cells]}"


async def outcome(collection: Any, operation: Operation) -> Any:
    """The operation's result, in a form that is equal for the model and for MongoDB."""
    try:
        result = await operation(collection)
    except DuplicateKeyError as error:
        return "duplicate", (error.details or {})["keyValue"]
    except BulkWriteError as error:
        return [(e["index"], e["keyValue"]) for e in error.details["writeErrors"]]
    if hasattr(result, "matched_count"):
        return result.matched_count, result.modified_count
    if hasattr(result, "deleted_count"):
        return result.deleted_count
    inserted = hasattr(result, "inserted_ids") or hasattr(result, "inserted_id")
    return None if inserted else result


async def test_the_model_answers_as_mongodb_does(mongo_url: str) -> None:
    operations = Operations(seed=13)
    model: Any = DirectNetwork(Cluster()).connect("test")
    async with AsyncMongoClient[dict[str, Any]](mongo_url, w=1) as client:
        real: Any = client.get_database("memory_mongo", codec_options=CODEC)
        await client.drop_database("memory_mongo")
        await real[NAME].create_indexes(INDEXES[NAME])
        kinds = set()
        for number in range(OPERATIONS):
            operation = operations.next()
            expected = await outcome(real[NAME], operation)
            said = await outcome(model[NAME], operation)
            assert said == expected, f"operation {number}: {describe(operation)}"
            kinds.add((operation.__qualname__, isinstance(expected, tuple | list)))
            if number % 500 == 499:
                everything = [("_id", ASCENDING)]
                stored = await real[NAME].find().sort(everything).to_list(None)
                assert await model[NAME].find().sort(everything).to_list(None) == stored
        await client.drop_database("memory_mongo")
    assert len(kinds) > 10


async def _outcomes_of_a_season(db: Any) -> list[Any]:
    """A day with two reservations that do not fit together is not written, one of two that do is
    written, and then the first holder gives up, all by transactions."""
    seasons, holders = SeasonRepository(db, CIPHER), HolderRepository(db, CIPHER)
    outcomes: list[Any] = []
    for claims in (["a", "a"], ["a", "b"]):
        season = await seasons.get(SEASON)
        assert season is not None
        rows = [{"_id": number, "claims": [claim]} for number, claim in enumerate(claims)]
        noted = holders.note_written(season, START.date())

        async def write(session: Any, step: InTransaction = noted, rows: Any = rows) -> None:
            await step(session)
            await db[NAME].insert_many(rows, session=session)
            outcomes.append(await db["seasons"].find({}, {"written": 1}, session=session).to_list())

        try:
            await run_transaction(db, write)
        except BulkWriteError as error:
            outcomes.append([(e["index"], e["keyValue"]) for e in error.details["writeErrors"]])
    season = await seasons.get(SEASON)
    assert season is not None
    first, _ = await holders.holders(season)
    step = holders.release(season, first, LossReason.GIVEN_UP, START, passed_on=True)
    await run_transaction(db, step)
    everybody = await db["season_applications"].find().sort("rank").to_list()
    outcomes.append(
        [
            (row["thing"], row.get("lost"), *(news["kind"] for news in row.get("news", ())))
            for row in everybody
        ]
    )
    events = db["outbox_events"].find({}, {"_id": 0, "kind": 1, "reader": 1, "subject": 1})
    outcomes.append(await events.sort("kind").to_list())
    return outcomes


async def test_the_model_writes_and_passes_on_as_mongodb_does(mongo_url: str) -> None:
    """With the service's own steps of holders of seasons."""
    eight, ten, day = time(8), time(10), START.date()
    plan = season_plan(["a-001", "a-002"], (day, day), (eight, ten), ten)
    decrypt = Mock()
    readers = [Reader(ReaderId(f"x{number}"), "student", None, decrypt) for number in range(4)]
    season, applications = drawn_documents(plan, readers, day - timedelta(days=1))
    model: Any = DirectNetwork(Cluster()).connect("test")
    outcomes = []
    async with AsyncMongoClient[dict[str, Any]](mongo_url) as client:
        real: Any = client.get_database("memory_mongo_seasons", codec_options=CODEC)
        await client.drop_database("memory_mongo_seasons")
        for name in ("season_applications", NAME):
            await real[name].create_indexes(INDEXES[name])
        for db in (real, model):
            await db["seasons"].insert_one(dict(season))
            await db["season_applications"].insert_many([dict(row) for row in applications])
            outcomes.append(await _outcomes_of_a_season(db))
        await client.drop_database("memory_mongo_seasons")
    assert outcomes[1] == outcomes[0]
    assert outcomes[0][0] == [(1, {"claims": "a"})]
    assert [thing for thing, *_ in outcomes[0][-2]] == [None, "a-002", "a-001", None]


def _sending(id: str, **fields: Any) -> dict[str, Any]:
    held = {"state": "sending", "open": True, "attempts": 1, "codes": [], "lease_until": START}
    return {"_id": id, **held, **fields}


async def test_the_model_settles_deliveries_as_mongodb_does(mongo_url: str) -> None:
    """With the service's own updates: sent, sent with a code, failed late, put off, ended."""
    late = [{"msgid": "m3", "code": 7, "words": "refused"}, {"msgid": "m9", "code": 8}]
    rows = [_sending(f"d{n}", **({"late": late} if n == 3 else {})) for n in range(1, 6)]
    message = Message("m", ReaderId("x"), Template.RESERVED, "", "", START, {})
    sent = [
        DeliveryResult(
            Delivery(f"d{n}", message, 1, False), DeliveryState.SENT, None, msgid=f"m{n}"
        )
        for n in (1, 3)
    ]
    coded = DeliveryResult(Delivery("d2", message, 1, False), DeliveryState.SENT, 0, msgid="m2")
    put_off = DeliveryResult(
        Delivery("d4", message, 1, False), DeliveryState.QUEUED, 5, START, reason="x", unknown=True
    )
    over = DeliveryResult(Delivery("d5", message, 1, False), DeliveryState.EXPIRED, reason="late")
    updates = [settling(same) for same in (sent, [coded], [put_off], [over])]
    model: Any = DirectNetwork(Cluster()).connect("test")
    outcomes = []
    async with AsyncMongoClient[dict[str, Any]](mongo_url, w=1) as client:
        real: Any = client.get_database("memory_mongo_sent", codec_options=CODEC)
        await client.drop_database("memory_mongo_sent")
        for place in (real["deliveries"], model["deliveries"]):
            await place.insert_many([dict(row) for row in rows])
            await place.bulk_write(updates, ordered=False)
            stored = await place.find().sort([("_id", ASCENDING)]).to_list(None)
            assert sum(isinstance(row.pop("sent_at", None), datetime) for row in stored) == 3
            outcomes.append(stored)
        await client.drop_database("memory_mongo_sent")
    assert outcomes[1] == outcomes[0]
    assert [row["state"] for row in outcomes[0]] == ["sent", "sent", "failed", "queued", "expired"]
