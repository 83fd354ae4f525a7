"""The API's blocks of rooms, for staff and programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import time
from typing import Final

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.room_blocks.schemas import (
    ChangeBlock,
    EndBlock,
    InTheWayOut,
    MakeSeries,
    PlannedDateOut,
    PreviewChange,
    RoomBlockOut,
    RoomBlocksOut,
    SeriesOut,
    SeriesRequest,
)
from handlers.staff.api import rights_of, staff_of
from models.identity.api_tokens import Scope
from models.kernel.errors import NotFound
from models.library.rooms import RoomId
from models.reservations.errors import OWN_RESERVATION, IdempotencyKeyReused
from models.reservations.room_block import RoomBlock, block_series
from models.rooms.errors import RoomTaken, SeriesDoesNotFit
from models.rooms.series import BlockChange, BlockSeries, PlannedDate
from models.rooms.staff import StaffRoomBlocks
from models.storage.mongo import new_id

routes = ApiRoutes()
_LISTED: Final = 500


@routes.get(
    "/staff/room-blocks",
    "List the blocks of study rooms that are not over, at most 500, the earliest first",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_READ,
)
async def list_blocks(call: ApiRequest) -> RoomBlocksOut:
    venues = rights_of(call).venues
    return _out(call, await call[StaffRoomBlocks].to_come(staff_of(call), venues, _LISTED))


@routes.post(
    "/staff/room-blocks/preview",
    "Say of each day of a series of blocks whether it fits; nothing is stored",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    errors=(NotFound,),
)
async def preview(call: ApiRequest, body: SeriesRequest) -> SeriesOut:
    series = _series(new_id(), body)
    return _plan(call, series.id, await call[StaffRoomBlocks].plan(staff_of(call), series))


@routes.post(
    "/staff/room-blocks",
    "Block a study room on the days of a series: on all, or on those that fit",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    status=201,
    errors=(NotFound, SeriesDoesNotFit, IdempotencyKeyReused),
    audited=True,
)
async def make(call: ApiRequest, body: MakeSeries) -> SeriesOut:
    series = _series(body.id, body)
    done = await call[StaffRoomBlocks].make(staff_of(call), series, only_all=body.all)
    return _plan(call, series.id, done)


@routes.post(
    "/staff/room-blocks/{id}/change/preview",
    "Say whether another room, title, day or time of a block fits; nothing is changed",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    errors=OWN_RESERVATION,
)
async def preview_change(call: ApiRequest, body: PreviewChange) -> SeriesOut:
    plan = await call[StaffRoomBlocks].plan_change(staff_of(call), call.id, _change(body))
    return _plan(call, block_series(call.id), plan)


@routes.post(
    "/staff/room-blocks/{id}/change",
    "Give a block another room, title, day or time, or keep it as it is if that does not fit",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    errors=(*OWN_RESERVATION, SeriesDoesNotFit),
    audited=True,
)
async def change(call: ApiRequest, body: ChangeBlock) -> SeriesOut:
    staff, wish = call[StaffRoomBlocks], _change(body)
    done = await staff.change(staff_of(call), call.id, wish, only_all=body.all)
    return _plan(call, block_series(call.id), done)


@routes.post(
    "/staff/room-blocks/{id}/end",
    "Cancel a block of a study room, or end it while it lasts",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    errors=OWN_RESERVATION,
    audited=True,
)
async def end(call: ApiRequest, body: EndBlock) -> RoomBlocksOut:
    """Returns the blocks that have ended."""
    staff = call[StaffRoomBlocks]
    return _out(call, await staff.end(staff_of(call), call.id, following=body.following))


@routes.post(
    "/staff/room-blocks/{id}/restore",
    "Restore a block of a study room, and those that were ended with it",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    errors=(*OWN_RESERVATION, RoomTaken),
    audited=True,
)
async def restore(call: ApiRequest) -> RoomBlocksOut:
    """Returns all of them. Those whose room is taken by now keep their ``ended_at``."""
    return _out(call, await call[StaffRoomBlocks].restore(staff_of(call), call.id))


def _series(id: str, body: SeriesRequest) -> BlockSeries:
    return BlockSeries(
        id,
        RoomId(body.room_id),
        body.title,
        body.first,
        body.last,
        time.fromisoformat(body.start),
        time.fromisoformat(body.end),
        frozenset(body.weekdays),
        frozenset(body.but),
        body.keeps_buffer,
    )


def _change(body: PreviewChange) -> BlockChange:
    return BlockChange(
        RoomId(body.room_id) if body.room_id is not None else None,
        body.title,
        body.date,
        time.fromisoformat(body.start) if body.start is not None else None,
        time.fromisoformat(body.end) if body.end is not None else None,
        body.keeps_buffer,
        body.following,
    )


def _plan(call: ApiRequest, series: str, plan: Sequence[PlannedDate]) -> SeriesOut:
    def holders(p: PlannedDate) -> Iterable[InTheWayOut]:
        for b in p.bookings:
            start, end = call.zone.local(b.span.start), call.zone.local(b.span.end)
            yield InTheWayOut(b.id, "booking", start, end, "")
        for other in p.blocks:
            start, end = call.zone.local(other.span.start), call.zone.local(other.span.end)
            yield InTheWayOut(other.id, "block", start, end, other.title)

    return SeriesOut(
        series,
        [
            PlannedDateOut(
                p.day,
                p.stored,
                _id_of(p),
                p.error.code if p.error is not None else None,
                [*holders(p)],
            )
            for p in plan
        ],
    )


def _id_of(p: PlannedDate) -> str | None:
    if p.old is not None:
        return p.old.id
    return p.block.id if p.stored and p.block is not None else None


def _out(call: ApiRequest, blocks: Sequence[RoomBlock]) -> RoomBlocksOut:
    local = call.zone.local
    return RoomBlocksOut(
        [
            RoomBlockOut(
                b.id,
                b.series,
                b.room_id,
                b.title,
                b.day,
                local(b.span.start),
                local(b.span.end),
                call.zone.local_if_any(b.ended_at),
            )
            for b in blocks
        ]
    )
