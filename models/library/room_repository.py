from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.kernel.text import natural
from models.library.mapping import room_from_document, room_to_document
from models.library.repository import count_up, require_venue
from models.library.rooms import Room, RoomId
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, run_transaction, try_transaction


class RoomRepository:
    """Stores study rooms, which workers load with the library."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> dict[RoomId, Room]:
        """All rooms, also retired ones, by venue, floor and name."""
        with translate_errors():
            rows = await self._db["rooms"].find().to_list(None)
        rooms = [room_from_document(row) for row in rows]
        rooms.sort(key=lambda room: (room.venue_id, room.floor, natural(room.name), room.id))
        return {room.id: room for room in rooms}

    async def put(self, rooms: Sequence[Room]) -> None:
        """Adds the rooms, or replaces those with the same ids, all or none. Raises: VenueChanged
        if a venue was deleted or retired meanwhile; Unavailable."""

        async def work(session: Any) -> None:
            for room in rooms:
                await require_venue(self._db, room.venue_id, session)
                await put_room(self._db, room, session)
            await count_up(self._db, session)

        with translate_errors():
            await run_transaction(self._db, work)

    async def write(self, *rooms: Room) -> bool:
        """Adds each room of revision 0, and replaces the previous revision of each other one, all
        or none. False if an id exists, or a room was changed meanwhile. Raises: VenueChanged if a
        room is in use and its venue no longer; Unavailable."""

        async def work(session: Any) -> None:
            for room in rooms:
                if not room.retired:
                    await require_venue(self._db, room.venue_id, session)
                await self._write(room, session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def _write(self, room: Room, session: Any) -> None:
        document = room_to_document(room)
        if not room.rev:
            await self._db["rooms"].insert_one(document, session=session)
            return
        result = await self._db["rooms"].replace_one(
            {"_id": room.id, "rev": room.rev - 1}, document, session=session
        )
        if not result.matched_count:
            raise ConcurrentUpdate


async def put_room(db: Database, room: Room, session: Any) -> None:
    """Stores the room as the next revision of the one with its id, or as a new one. The picture
    stays, unless the room has one."""
    fields = {name: value for name, value in room_to_document(room).items() if name != "rev"}
    if room.picture is None:
        del fields["picture"]
    change: Document = {"$set": fields, "$inc": {"rev": 1}}
    await db["rooms"].update_one({"_id": room.id}, change, upsert=True, session=session)
