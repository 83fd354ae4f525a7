from __future__ import annotations

from dataclasses import fields, replace

from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.library.errors import RoomChanged
from models.library.names import check_names, names_text
from models.library.room_repository import RoomRepository
from models.library.rooms import LONGEST_ROOM_NAME, Room, RoomId, check_room
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext


class StaffStudyRooms:
    """Adds, changes, retires and restores study rooms. After an error (RoomChanged, VenueChanged,
    Malformed, OtherVenue) nothing has changed."""

    def __init__(self, audit: AuditLog, rooms: RoomRepository, reference: ReferenceData) -> None:
        self._audit, self._rooms, self._reference = audit, rooms, reference

    def get(self, id: str) -> Room:
        """The room, also a retired one. Raises: NotFound."""
        room = self._reference.rooms.get(RoomId(id))
        if room is None:
            raise NotFound()
        return room

    async def add(self, ctx: StaffContext, room: Room) -> None:
        """Adds the room. Its id is made with the form, so a form sent twice adds one room."""
        await self._write(ctx, AuditAction.ADD_ROOM, None, room)

    async def change(self, ctx: StaffContext, old: Room, new: Room) -> None:
        """Replaces ``old``. Bookings keep the rules by which they were made."""
        await self._write(ctx, AuditAction.CHANGE_ROOM, old, replace(new, rev=old.rev + 1))

    async def set_retired(self, ctx: StaffContext, old: Room, retired: bool) -> None:
        """Retires the room, so that it cannot be booked any more, or restores it. Its bookings
        stay in both cases."""
        action = AuditAction.RETIRE_ROOM if retired else AuditAction.RESTORE_ROOM
        await self._write(ctx, action, old, replace(old, retired=retired, rev=old.rev + 1))

    async def _write(
        self, ctx: StaffContext, action: AuditAction, old: Room | None, new: Room
    ) -> None:
        ctx.require(new.venue_id, Role.ADMINISTRATOR)
        check_room(new)
        check_names("names", new.names, LONGEST_ROOM_NAME)
        before = _facts(old) if old is not None else {}
        async with self._audit.entry(ctx, action, target=f"room:{new.id}", before=before) as entry:
            write = self._rooms.replace if old is not None else self._rooms.add
            if not await write(new):
                raise RoomChanged()
            await self._reference.refresh()
            entry.after = _facts(new)


def _facts(room: Room) -> JsonObject:
    hours = [f"{clock:%H:%M}" for clock in room.hours or ()]
    rules = {field.name: getattr(room.rules, field.name) for field in fields(room.rules)}
    return {
        "name": room.name,
        "names": names_text(room.names),
        "venue": room.venue_id,
        "floor": room.floor,
        "least": room.least,
        "most": room.most,
        "equipment": "; ".join(room.equipment),
        "hours": "–".join(hours),
        **rules,
        "retired": room.retired,
    }
