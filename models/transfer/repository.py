from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from pymongo import DESCENDING

from models.gates.entities import Gate
from models.library.entities import Area, Kiosk, SeatId
from models.library.mapping import area_from_document, area_to_document
from models.library.picture_repository import picture_to_document
from models.library.repository import (
    count_up,
    features_to_document,
    kiosk_to_document,
    venue_to_document,
)
from models.library.room_picture_repository import room_picture_to_document
from models.library.room_repository import put_room
from models.library.rooms import RoomPicture
from models.library.seat_features import SeatFeatures
from models.notices.repository import notice_to_document
from models.policy.mapping import policy_to_document
from models.profile.repository import put_profile
from models.reader_groups.repository import ReaderGroupRepository
from models.storage.mongo import Database, Document, new_id
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import run_transaction
from models.transfer.errors import LibraryNotEmpty, SeatsStillBooked
from models.transfer.library_file import LibraryFile

_PARTS = ("profile", "venues", "areas", "kiosks", "gates", "reader_groups", "rooms")
_NAMED_SEATS = 5


class TransferRepository:
    """Imports a library, into an empty database or replacing the existing library."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, library: LibraryFile, replaces: bool, now: datetime) -> None:
        """Writes the whole library in one transaction. Areas that the file lacks are deleted; but
        if the database has any reservation or waitlist entry, these areas stay, without seats, so
        that past bookings keep their names.

        Raises: LibraryNotEmpty if there is a library and ``replaces`` is False; SeatsStillBooked;
        ZoneFixed; Unavailable.
        """

        async def work(session: Any) -> None:
            await _Writing(self._db, session).put(library, replaces, now)

        with translate_errors():
            await run_transaction(self._db, work)


class _Writing:
    """Writes a library in one attempt of the transaction."""

    def __init__(self, db: Database, session: Any) -> None:
        self._db, self._session = db, session

    async def put(self, library: LibraryFile, replaces: bool, now: datetime) -> None:
        if not replaces:
            await self._refuse_present()
        await self._refuse_booked(library)
        stored = await self._find_one("profile", {"_id": "profile"})
        rev = stored["rev"] + 1 if stored else 1
        await put_profile(self._db, replace(library.profile, rev=rev), self._session)
        await self._put_features(library)
        needed_venues = await self._put_areas(library) | await self._put_rooms(library)
        await self._put_all(
            "venues",
            {v.id: {**venue_to_document(v), "rev": 0} for v in library.venues},
            needed_venues,
        )
        for name, devices in (("kiosks", library.kiosks), ("gates", library.gates)):
            documents = {one.id: _device_to_document(one) for one in devices}
            await self._put_all(name, documents)
            # Retired devices lose their keys, as in the console.
            await self._db[name].update_many(
                {"retired": True},
                {"$unset": {"key": "", "key_hash": "", "secret": ""}},
                session=self._session,
            )
        await self._put_policy(library, now)
        await ReaderGroupRepository(self._db).replace_all(library.reader_groups, self._session)
        for notice in library.notices:
            await self._add("notices", notice.id, notice_to_document(notice))
        for answer in library.canned_answers:
            document = {"title": answer.title, "text": answer.text, "rev": answer.rev}
            await self._add("canned_answers", answer.id, document)
        # Areas without a picture in the file keep theirs.
        for picture in library.plan_pictures:
            document = picture_to_document(picture.area_id, picture.file, picture.place)
            await self._db["plan_pictures"].replace_one(
                {"_id": picture.area_id}, document, upsert=True, session=self._session
            )
        await count_up(self._db, self._session)

    async def _add(self, name: str, id: str, document: Document) -> None:
        """Inserts the document unless its id exists."""
        await self._db[name].update_one(
            {"_id": id}, {"$setOnInsert": document}, upsert=True, session=self._session
        )

    async def _find_one(self, name: str, query: Document, **more: Any) -> Document | None:
        return await self._db[name].find_one(query, session=self._session, **more)

    async def _refuse_present(self) -> None:
        for name in _PARTS:
            query = {"_id": "profile"} if name == "profile" else {}
            if await self._find_one(name, query) is not None:
                raise LibraryNotEmpty(
                    f"the database already has a library ({name}): --replace overwrites it"
                )

    async def _refuse_booked(self, library: LibraryFile) -> None:
        seats: set[str] = {seat.id for area in library.areas for seat in area.all_seats}
        seats |= {room.id for room in library.rooms if not room.retired}
        live = self._db["reservations"].find(
            {"live": True}, {"seat": 1, "seats.seat": 1, "room": 1}, session=self._session
        )
        lost = [seat for row in await live.to_list(None) for seat in _seats_of(row) - seats]
        if lost:
            named = sorted(set(lost))[:_NAMED_SEATS]
            raise SeatsStillBooked(
                f"{len(lost)} live bookings would lose their seats or rooms ({', '.join(named)}): "
                "wait until they end, or keep these in the file"
            )

    async def _put_areas(self, library: LibraryFile) -> set[str]:
        """Writes the areas. Returns the ids of the venues that must stay even if the file lacks
        them, because areas that stay without seats belong to these venues."""
        areas, session = self._db["areas"], self._session
        used = [await self._find_one(name, {}) for name in ("reservations", "waitlist")]
        ever_booked = any(row is not None for row in used)
        before = {row["_id"]: area_from_document(row) async for row in areas.find(session=session)}
        areas_after = {area.id: area for area in library.areas}
        needed_venues = set()
        for id, old in before.items():
            if id in areas_after:
                continue
            if ever_booked:
                needed_venues.add(str(old.venue_id))
                areas_after[id] = replace(old, seats=(), retired_seats=())
            else:
                await areas.delete_one({"_id": id}, session=session)
                await self._db["plan_pictures"].delete_one({"_id": id}, session=session)
        for id, area in areas_after.items():
            document = area_to_document(_after(before.get(id), area))
            await areas.replace_one({"_id": id}, document, upsert=True, session=session)
        return needed_venues

    async def _put_rooms(self, library: LibraryFile) -> set[str]:
        """Writes the rooms; those without a picture in the file keep theirs. Those that the file
        lacks are retired, to name past bookings; returns the ids of their venues."""
        pictures = {picture.room_id: picture for picture in library.room_pictures}
        for room in library.rooms:
            if (carried := pictures.get(room.id)) is not None:
                file, stored = carried.file, self._db["room_pictures"]
                picture = RoomPicture(new_id(), file.width, file.height, carried.alt)
                document = room_picture_to_document(picture.id, room.id, file)
                await stored.delete_many({"room": room.id}, session=self._session)
                await stored.insert_one(document, session=self._session)
                room = replace(room, picture=picture)
            await put_room(self._db, room, self._session)
        absent: Document = {"_id": {"$nin": [room.id for room in library.rooms]}}
        rooms, retired = self._db["rooms"], {"$set": {"retired": True}, "$inc": {"rev": 1}}
        await rooms.update_many({**absent, "retired": False}, retired, session=self._session)
        return set(await rooms.distinct("venue", absent, session=self._session))

    async def _put_features(self, library: LibraryFile) -> None:
        stored = await self._find_one("seat_features", {})
        if stored is None and not library.seat_features:
            return
        features = SeatFeatures(library.seat_features, stored["rev"] + 1 if stored else 1)
        document = features_to_document(features)
        await self._db["seat_features"].replace_one(
            {"_id": document["_id"]}, document, upsert=True, session=self._session
        )

    async def _put_all(
        self, name: str, documents: dict[Any, Document], retained_ids: set[str] | None = None
    ) -> None:
        """Upserts the documents, keeping other stored fields (a device's key and secret).
        Deletes stored documents with ids in neither ``documents`` nor ``retained_ids``."""
        collection = self._db[name]
        for id, document in documents.items():
            values = {key: value for key, value in document.items() if key not in ("_id", "rev")}
            change: Document = {"$set": values}
            if "rev" in document:
                change["$inc"] = {"rev": 1}
            await collection.update_one({"_id": id}, change, upsert=True, session=self._session)
        stay = [*documents, *(retained_ids or ())]
        await collection.delete_many({"_id": {"$nin": stay}}, session=self._session)

    async def _put_policy(self, library: LibraryFile, now: datetime) -> None:
        """Inserts the policy as the next version; older versions never change."""
        newest = await self._find_one("policies", {}, sort=[("_id", DESCENDING)])
        version = int(newest["_id"]) + 1 if newest else 1
        written = policy_to_document(replace(library.policy, version=version))
        await self._db["policies"].insert_one(
            {"_id": version, "at": now, "fields": written}, session=self._session
        )


def _device_to_document(device: Kiosk | Gate) -> Document:
    written: Document = {"_id": device.id, "venue": device.venue_id, "name": device.name}
    if isinstance(device, Kiosk):
        written = kiosk_to_document(device)
    return {**written, "order": device.order, "retired": device.retired}


def _after(old: Area | None, new: Area) -> Area:
    """The area to store; seats that ``new`` lacks stay as removed seats with their names."""
    if old is None:
        return new
    there: set[SeatId] = {seat.id for seat in (*new.seats, *new.retired_seats)}
    removed = {seat.id: seat for seat in old.all_seats if seat.id not in there}
    return replace(new, removed_seats=tuple(removed.values()), rev=old.rev + 1)


def _seats_of(row: Document) -> set[str]:
    """The seat or room of a live reservation, or the seats of a party."""
    if "seats" in row:
        return {seat["seat"] for seat in row["seats"]}
    return {row.get("seat") or row["room"]}
