from __future__ import annotations

from models.calendar_feed.entities import RoomFeed
from models.calendar_feed.repository import CalendarFeedRepository
from models.identity.roles import Role
from models.library.rooms import Room, RoomId
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext
from models.storage.encryption import FieldCipher, token_hash


class StaffRoomFeeds:
    """Issues and revokes the calendar feeds of study rooms. A feed's secret URL is shown once, at
    issue."""

    def __init__(self, audit: AuditLog, feeds: CalendarFeedRepository, sealer: FieldCipher) -> None:
        self._audit, self._feeds, self._sealer = audit, feeds, sealer

    async def of(self, room_id: RoomId) -> RoomFeed | None:
        """The room's feed; None if there is none. Raises: Unavailable."""
        return await self._feeds.of_room(room_id)

    async def issue(self, ctx: StaffContext, room: Room, language: str) -> str:
        """Issues a feed of the room and returns its token, which is shown once. The token of an
        earlier feed stops working. Raises: OtherVenue, Unavailable."""
        token = self._sealer.new_token()
        feed = RoomFeed(room.id, ctx.now, language)
        await self._change(ctx, room, feed, token_hash(token))
        return token

    async def revoke(self, ctx: StaffContext, room: Room) -> None:
        """Deletes the room's feed; its URL stops working. Raises: OtherVenue, Unavailable."""
        await self._change(ctx, room, None, "")

    async def _change(
        self, ctx: StaffContext, room: Room, feed: RoomFeed | None, secret: str
    ) -> None:
        ctx.require(room.venue_id, Role.ADMINISTRATOR)
        before = _facts(ctx, await self._feeds.of_room(room.id))
        async with self._audit.entry(
            ctx, AuditAction.CHANGE_ROOM_CALENDAR, target=f"room:{room.id}", before=before
        ) as entry:
            if feed is not None:
                await self._feeds.put(feed, secret)
            else:
                await self._feeds.remove_room(room.id)
            entry.after = _facts(ctx, feed)


def _facts(ctx: StaffContext, feed: RoomFeed | None) -> JsonObject:
    since = ctx.zone.local(feed.created_at).isoformat() if feed is not None else None
    return {"calendar_since": since}
