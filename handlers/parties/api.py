from __future__ import annotations

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.request_parsing import digest_of
from handlers.parties import presenter
from handlers.parties.choosing import groups_in
from handlers.parties.schemas import (
    AcceptInvitation,
    BeginParty,
    InvitationOut,
    PartyMadeOut,
    PartyOut,
    SeatsTogether,
    TogetherOut,
    TogetherQuery,
)
from handlers.reservations.presenter import after_change
from handlers.reservations.presenter import seat as reserved_seat
from handlers.reservations.schemas import ReservationOut, time_of
from handlers.seat_map.cache import SEAT_MAP_CACHE
from models.kernel.errors import NotFound
from models.kernel.time_range import floor_minute
from models.library.entities import SeatId
from models.parties.errors import (
    InvitationOver,
    NoPartyDuringDraw,
    PartiesRefused,
    PartyTooLarge,
    TooManyParties,
)
from models.parties.rules import most_people
from models.parties.service import PartyService
from models.reservations.errors import (
    BOOKING,
    READER_MAY_BOOK,
    SEAT_MAY_BE_BOOKED,
    Closed,
    DailyLimit,
    InThePast,
    OutsideHorizon,
    OwnOverlap,
)

routes = ApiRoutes()


@routes.post(
    "/parties",
    "Reserve a seat and hold others beside it for friends",
    status=201,
    idempotent=True,
    takes_seat=True,
    errors=(
        *BOOKING,
        DailyLimit,
        PartyTooLarge,
        TooManyParties,
        PartiesRefused,
        NoPartyDuringDraw,
    ),
)
async def begin(call: ApiRequest, body: BeginParty) -> PartyMadeOut:
    selection = time_of(body)
    made = await call[PartyService].begin(
        call.context(digest_of(body)), body.seat_id, body.friends, selection, body.invited
    )
    return PartyMadeOut(await after_change(call, made), await _own(call, made.id))


@routes.get(
    "/seats/{id}/together",
    "Propose free seats that are together, around one seat",
    errors=(NotFound, InThePast, OutsideHorizon),
)
async def together(call: ApiRequest, query: TogetherQuery) -> TogetherOut:
    reference, cache = call[REFERENCE], call[SEAT_MAP_CACHE]
    seat, minute = reference.seat(call.id), floor_minute(call.now)
    area = reference.area_for_readers(seat.area_id)
    times = query.date, query.start, query.end
    time_window = cache.window(*times, minute, call.reader, area.venue_id)
    most = most_people(area, reference.policy_for(area.id, time_window.day, call.reader))
    if query.people > most:
        return TogetherOut(most, [])
    occupancy = await cache.occupancy.get_day(time_window.day)
    finder = groups_in(call, area, time_window, occupancy)
    items = [
        SeatsTogether(
            finder.seating(group), [reserved_seat(reference, one.id) for one in group.seats]
        )
        for group in finder.proposals(seat, query.people)
    ]
    return TogetherOut(most, items)


@routes.get(
    "/reservations/{id}/party", "Get the seats held beside a reservation", errors=(NotFound,)
)
async def get_own(call: ApiRequest) -> PartyOut:
    return await _own(call, call.id)


@routes.post(
    "/reservations/{id}/party/end",
    "Give the held seats back; the reservation and accepted seats stay",
    errors=(NotFound,),
)
async def end(call: ApiRequest) -> PartyOut:
    await call[PartyService].end(call.context(), call.id)
    call[WAKE_JOBS]()
    return await _own(call, call.id)


async def _own(call: ApiRequest, reservation_id: str) -> PartyOut:
    party = await call[PartyService].own(call.reader.id, reservation_id)
    return presenter.own(call[REFERENCE], party, call[PartyService].invitation_of(party))


@routes.get("/invitations/{id}", "Get the seats held for friends", errors=(NotFound,))
async def get_invitation(call: ApiRequest) -> InvitationOut:
    party = await call[PartyService].invited(call.id, call.reader.id)
    return presenter.invitation(call[REFERENCE], party, party.held_for(call.reader.id))


@routes.post(
    "/invitations/{id}/accept",
    "Reserve a held seat",
    status=201,
    idempotent=True,
    takes_seat=True,
    errors=(
        NotFound,
        InvitationOver,
        OwnOverlap,
        DailyLimit,
        Closed,
        *READER_MAY_BOOK,
        *SEAT_MAY_BE_BOOKED,
    ),
)
async def accept(call: ApiRequest, body: AcceptInvitation) -> ReservationOut:
    seat_id = SeatId(body.seat_id) if body.seat_id is not None else None
    booking = await call[PartyService].accept(call.context(digest_of(body)), call.id, seat_id)
    return await after_change(call, booking)
