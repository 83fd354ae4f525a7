"""Export and erasure of a reader's personal data. The sets below sort all collections by what an
erasure does with them; a test finds a collection that is in none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from models.kernel.ids import ReaderId
from models.readers.accommodation_repository import allowances_changed
from models.storage.encryption import DecryptionError, FieldCipher
from models.storage.free_text import FREE_TEXTS, FreeTexts
from models.storage.mongo import Collection, Database, Document, new_id
from models.storage.mongo_errors import translate_errors

PERSONAL_COLLECTIONS: Final = (
    "activation_codes",
    "accommodations",
    "bindings",
    "calendar_feeds",
    "cards",
    "deliveries",
    "email_addresses",
    "message_choices",
    "message_consents",
    "messages",
    "fault_reports",
    "favourites",
    "feedback",
    "gate_events",
    "kiosk_scans",
    "opening_tickets",
    "outbox_events",
    "review_codes",
    "season_applications",
    "second_factors",
    "sessions",
    "staff_alerts",
    "suspensions",
    "waitlist",
)
"""Collections whose documents name their reader in ``reader``. An erasure deletes them."""
_DISPATCHED: Final = ("messages", "violations", "kiosk_scans")
"""Collections about readers to which the outbox dispatcher writes, possibly after an erasure."""
ANONYMISED_COLLECTIONS: Final = ("reservations", "violations", "webhook_deliveries")
"""Collections whose documents an erasure keeps without the reader: for statistics, and for
webhooks that are still to be delivered."""
NON_PERSONAL_COLLECTIONS: Final = frozenset(
    {
        "announcements",
        "api_tokens",
        "areas",
        "backups",
        "canned_answers",
        "versions",
        "daily_room_statistics",
        "daily_statistics",
        "logged_out_tickets",
        "used_once",
        "mini_program_codes",
        "gates",
        "heartbeat",
        "kiosk_pairings",
        "kiosks",
        "leases",
        "notices",
        "opening_draws",
        "outages",
        "plan_pictures",
        "profile",
        "policies",
        "presence_methods",
        "reader_groups",
        "room_pictures",
        "rooms",
        "season_entries",
        "seasons",
        "seat_features",
        "webhooks",
        "wechat_callbacks",
        "installation",
        "venues",
    }
)
"""Collections without personal data. Tickets and values to be used once are stored as hashes."""
AUDIT_COLLECTIONS: Final = ("audit",)
"""Collections with the audit log, whose entries an erasure keeps without the reader."""
ERASED_READER: Final = ReaderId("erased")
A_ROOM_BOOKING: Final[Document] = {"state": "room"}
"""The condition of bookings of rooms among the reservations. They name their people, and have none
of the fields by which reservations are looked up: no reader, seat or area."""
_SEALED: Final = {"openid": "openid", "no": "student_no", "name": "name", "allowance": "allowance"}
_TECHNICAL_FIELDS: Final = frozenset(
    {
        *(
            "changes",
            "claims",
            "digits",
            "open_key",
            "slot",
            "note_rev",
            "held_by",
            "key",
            "kiosk_code",
            "last_kiosk_code",
            "lease_until",
        ),
        *(
            "name_hashes",
            "no_hashes",
            "openid_hashes",
            "unionid_hashes",
            "hashes",
            "outbox",
            "idempotency_results",
            "rev",
        ),
        *("sealed", "ticket", "who", "writer", "reader", "counted_on", "takes"),
        *("secret", "request", "email_code", "code_tries", "code_until", "last_step"),
        *("title_facts", "text_facts", "typed_facts", "news"),
    }
)
"""Fields that an export leaves out: technical ones, which add no information about the reader."""


async def export(db: Database, sealer: FieldCipher, id: ReaderId) -> dict[str, list[Document]]:
    """All data of the reader, decrypted, by collection. The reader's own document is under
    ``reader``. Raises: Unavailable."""
    documents: dict[str, list[Document]] = {}
    with translate_errors():
        own = await db["readers"].find({"_id": id}).to_list(None)
        # Sessions from WeChat have the hash of an openid and no reader id.
        openids = [h for row in await _of(db["bindings"], id) for h in row["openid_hashes"]]
        for name in (*ANONYMISED_COLLECTIONS, *PERSONAL_COLLECTIONS):
            documents[name] = await _of(db[name], id)
        friends: Document = {"seats.booking": 0, "seats.invited": 0}
        parties = db["reservations"].find({"asker": id}, {"asker": 0, **friends})
        documents["reservations"] += await parties.sort("_id").to_list(None)
        documents["reservations"] += await _rooms_of(db, id)
        done = {"$or": [{"actor_id": id}, {"reader": id}]}
        documents["audit"] = await db["audit"].find(done).sort("_id").to_list(None)
        documents["sessions"] += (
            await db["sessions"].find({"openid_hashes": {"$in": openids}}).to_list()
        )
        hashes = own[0]["no_hashes"] if own else []
        documents["gate_events"] += (
            await db["gate_events"].find({"who": {"$in": hashes}}).to_list(None)
        )
    return {
        "reader": [_readable("readers", row, sealer) for row in own],
        **{
            name: [_readable(name, row, sealer) for row in rows] for name, rows in documents.items()
        },
    }


async def _rooms_of(db: Database, id: ReaderId) -> list[Document]:
    """The bookings of rooms in which the reader takes part, without the others; what the booker
    and the library wrote only in the reader's own."""
    rows = await db["reservations"].find({**A_ROOM_BOOKING, "people": id}).sort("_id").to_list(None)
    for row in rows:
        row["own"] = row.pop("people")[0] == id
        if not row["own"]:
            row |= {"purpose": "", "answer": "", "check": None}
    return rows


async def _of(collection: Collection, id: ReaderId) -> list[Document]:
    return await collection.find({"reader": id}).sort("_id").to_list(None)


def _readable(collection: str, row: Document, sealer: FieldCipher) -> Document:
    if collection in FREE_TEXTS:
        row = FreeTexts(collection, sealer).open_all(row)
    readable = {name: value for name, value in row.items() if name not in _TECHNICAL_FIELDS}
    for name, purpose in _SEALED.items():
        if name in readable and isinstance(readable[name], str):
            try:
                readable[name] = sealer.decrypt(readable[name], purpose)
            except (DecryptionError, ValueError):
                # A session's openid is encrypted for that session only; the binding has it too.
                del readable[name]
    return readable


async def revoke_access(db: Database, id: ReaderId) -> None:
    """Deletes the reader's sessions, binding, codes and calendar feed. Raises: Unavailable."""
    with translate_errors():
        openids = [h for row in await _of(db["bindings"], id) for h in row["openid_hashes"]]
        await db["sessions"].delete_many(
            {"$or": [{"reader": id}, {"openid_hashes": {"$in": openids}}]}
        )
        await db["bindings"].delete_many({"reader": id})
        await db["activation_codes"].delete_many({"reader": id})
        await db["calendar_feeds"].delete_many({"reader": id})
        await db["review_codes"].delete_many({"reader": id})


async def erase_documents(db: Database, id: ReaderId) -> dict[str, int]:
    """Erases the data that ``revoke_access`` leaves; returns the numbers of documents by
    collection.

    Reservations and violations stay, without the reader and without texts about the reader; no
    reservation may be live. The reader's document is deleted last, so an interrupted erasure can be
    repeated. Raises: Unavailable.
    """
    counts: dict[str, int] = {}
    with translate_errors():
        own = await db["readers"].find_one({"_id": id}, {"no_hashes": 1})
        hashes = own["no_hashes"] if own else []
        counts["gate_events"] = (
            await db["gate_events"].delete_many({"who": {"$in": hashes}})
        ).deleted_count
        # The record that something was done stays, without the words about the reader.
        about: Document = {"reader": ERASED_READER, "reason": ""}
        await db["audit"].update_many({"reader": id}, {"$set": about})
        await db["audit"].update_many(
            {"target": f"reader:{id}"}, {"$set": {"target": f"reader:{ERASED_READER}"}}
        )
        await allowances_changed(db)
        # Before the messages: a dispatcher that still writes one notices the erasure afterwards.
        counts["reservations"] = await anonymise_reservations(db, {"reader": id})
        await db["reservations"].delete_many({"asker": id})
        await db["reservations"].update_many(
            {"asker": {"$type": "string"}, "seats.invited": id},
            {"$set": {"seats.$[seat].invited": ERASED_READER}},
            array_filters=[{"seat.invited": id}],
        )
        await _leave_rooms(db, id)
        for name in PERSONAL_COLLECTIONS:
            deleted = await db[name].delete_many({"reader": id})
            counts[name] = counts.get(name, 0) + deleted.deleted_count
        counts["violations"] = await anonymise_violations(db, {"reader": id})
        counts["webhook_deliveries"] = await anonymise_webhooks(db, {"reader": id})
        await _forget_actions(db, id)
        await db["attempt_limits"].delete_many({"_id": {"$regex": id}})
        await db["readers"].delete_one({"_id": id})
        # A dispatcher that read the reader before the deletion may have written a delivery since. A
        # later one finds no reader and anonymises its deliveries itself.
        counts["webhook_deliveries"] += await anonymise_webhooks(db, {"reader": id})
    return counts


async def _leave_rooms(db: Database, id: ReaderId) -> None:
    """Removes the reader from the bookings of rooms, and from their own ones, which have ended,
    what they and the library wrote. Their ``change`` is a new one, so that a job under way notices
    it."""
    own: Document = {"people.0": ERASED_READER, "purpose": "", "answer": "", "claims": []}
    own |= {"number": 0, "key": "", "digest": "", "check": None, "change": new_id()}
    others: Document = {"$pull": {"people": id}, "$set": {"change": new_id()}}
    rooms, of_reader = db["reservations"], {**A_ROOM_BOOKING, "people": id}
    await rooms.update_many({**of_reader, "people.0": id}, {"$set": own})
    await rooms.update_many(of_reader, others)


async def anonymise_reservations(db: Database, which: Document) -> int:
    """Removes the reader from the ended reservations that match ``which``; returns their number.
    Their events in the outbox stay until they are dispatched, so that webhooks report the end."""
    anonymous: Document = {
        "reader": ERASED_READER,
        "claims": [],
        "last_kiosk_code": None,
    }
    updated = await db["reservations"].update_many(which, {"$set": anonymous})
    return updated.modified_count


async def anonymise_webhooks(db: Database, which: Document) -> int:
    """Removes the reader from the webhook deliveries that match ``which``; returns their number."""
    updated = await db["webhook_deliveries"].update_many(which, {"$set": {"reader": ERASED_READER}})
    return updated.modified_count


async def anonymise_violations(db: Database, which: Document) -> int:
    """Removes the reader, and the texts of appeals and waivers, from the violations that match
    ``which``; returns their number."""
    rows = await db["violations"].find(which).sort("_id").to_list(None)
    for row in rows:
        change: Document = {"reader": ERASED_READER}
        if "counted_on" in row:  # it has a unique index
            change["counted_on"] = f"{ERASED_READER}:{row['_id']}"
        if row.get("appeal"):
            change |= {"appeal.text": "", "appeal.answer": "", "appeal.open": False}
            change |= {"appeal.check": None}
        if row.get("waiver"):
            change["waiver.reason"] = ""
        await db["violations"].update_one({"_id": row["_id"]}, {"$set": change})
    return len(rows)


async def _forget_actions(db: Database, id: ReaderId) -> None:
    """Removes an erased staff member's id as the author of changes to other readers' documents."""
    await db["reservations"].update_many(
        {"history.via": id},
        {"$set": {"history.$[deed].via": ERASED_READER}},
        array_filters=[{"deed.via": id}],
    )
    await db["audit"].update_many({"actor_id": id}, {"$set": {"actor_id": ERASED_READER}})
    for field in ("memberships", "staff_grants"):
        await db["readers"].update_many(
            {f"{field}.by": id},
            {"$set": {f"{field}.$[entered].by": ERASED_READER}},
            array_filters=[{"entered.by": id}],
        )
    made = {"$set": {"created_by": ERASED_READER}}
    await db["api_tokens"].update_many({"created_by": id}, made)
    await db["violations"].update_many({"waiver.by": id}, {"$set": {"waiver.by": ERASED_READER}})
    await db["seasons"].update_many({"started.by": id}, {"$set": {"started.by": ERASED_READER}})


async def remaining(db: Database, id: ReaderId) -> list[str]:
    """The names of collections that still mention the reader. Raises: Unavailable."""
    with translate_errors():
        names = (*ANONYMISED_COLLECTIONS, *PERSONAL_COLLECTIONS)
        left = [n for n in names if await db[n].find_one({"reader": id}, {"_id": 1}) is not None]
        in_room = await db["reservations"].find_one({**A_ROOM_BOOKING, "people": id}, {"_id": 1})
        return [*left, *(["reservations"] if in_room is not None else [])]


async def erase_late_writes(db: Database, reservation_ids: Sequence[str]) -> None:
    """Repeats the erasure of readers about whom the outbox dispatcher has written after their
    erasure: messages, violations or kiosk scans that belong to these reservations, or to news of a
    season. An erasure that is still running is left alone, as it looks for such writes itself.
    Raises: Unavailable."""
    if not reservation_ids:
        return
    named: set[ReaderId] = set()
    # A document about a reservation has its id, or an id that begins with it and a colon.
    about_them = [{"_id": {"$gte": id, "$lt": f"{id};"}} for id in reservation_ids]
    with translate_errors():
        for name in _DISPATCHED:
            rows = db[name].find({"$or": about_them}, {"reader": 1})
            named |= {ReaderId(row["reader"]) async for row in rows}
        present = db["readers"].find({"_id": {"$in": sorted(named)}}, {"_id": 1})
        named -= {ERASED_READER, *[ReaderId(row["_id"]) async for row in present]}
    for id in sorted(named):
        await erase_documents(db, id)
