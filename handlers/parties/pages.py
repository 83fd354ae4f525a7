"""一起坐: a reader chooses seats for friends, and friends accept them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat

import msgspec
from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.pages import PageRequest, done, form_page, form_text, redirect
from handlers.http.refusals import count_error
from handlers.http.request_parsing import malformed
from handlers.parties import presenter
from handlers.parties.choosing import party_choice
from handlers.parties.schemas import AcceptInvitation, BeginParty
from handlers.reservations import presenter as reservations_presenter
from handlers.reservations.glimpse import glimpse_of
from handlers.reservations.schemas import time_of
from handlers.seat_map.search import search_of
from models.booking.overview_queries import ReaderOverviews
from models.booking.service import ReservationService
from models.kernel.errors import Conflict, DomainError, RuleViolation
from models.library.entities import SeatId
from models.parties.service import NOBODY_NAMED, PartyService
from models.reservations.party import Party
from models.reservations.state_machine import LIVE


async def choose(visit: PageRequest) -> web.StreamResponse:
    """The page on which the reader chooses the seats, for the time that the address names."""
    return await _choice_page(visit)


async def begin(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Books the own seat and holds the others. If this is refused, the page says why."""
    names = ("seat_id", "date", "start", "end")
    fields: dict[str, object] = {name: form_text(form, name) for name in names}
    friends = form_text(form, "friends").split(",")
    numbers = {id: form_text(form, f"friend-{id}") for id in friends}
    fields |= {"friends": friends, "invited": {id: no for id, no in numbers.items() if no}}
    try:
        body = msgspec.convert(fields, BeginParty, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    ctx = visit.context_with_key(form, body)
    try:
        own = await visit[PartyService].begin(
            ctx, body.seat_id, body.friends, time_of(body), body.invited
        )
    except (Conflict, RuleViolation) as error:
        count_error(visit.request, error)
        return await _choice_page(visit, error, body.invited)
    visit[WAKE_JOBS]()
    return done(visit, f"/reservations/{own.id}?done=reserve")


async def _choice_page(
    visit: PageRequest,
    refusal: DomainError | None = None,
    numbers: Mapping[str, str] = NOBODY_NAMED,
) -> web.StreamResponse:
    """``numbers``: the friends' student numbers of a refused form, by the seats' ids."""
    search, query = search_of(visit), visit.request.query
    area_id = visit[REFERENCE].seat(search.seat).area_id
    if search.day < visit.zone.day(visit.now) or not search.has_time:
        # The plan says what is wrong with the time, and another can be chosen there.
        return redirect(search.to(f"/areas/{area_id}", seat=search.seat))
    people = query.get("people", "")[:2]
    friends = {*filter(None, query.get("friends", "").split(","))} - {search.seat}
    choice = await party_choice(visit, search, int(people) if people.isdecimal() else 2, friends)
    return form_page(
        visit,
        "parties/choose.html",
        refusal,
        choice=choice,
        search=search,
        numbers=numbers,
        suspension=visit.suspension,
    )


async def end(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Gives the held seats back; the own booking and accepted seats stay."""
    await visit[PartyService].end(visit.context(), visit.id)
    visit[WAKE_JOBS]()
    return redirect(f"/reservations/{visit.id}?done=alone")


# --- for friends ----------------------------------------------------------------------------------
async def invitation(visit: PageRequest) -> web.StreamResponse:
    """The invitation's page. To the asker and to who has accepted, the page of their booking."""
    party = await visit[PartyService].invited(visit.id, visit.reader.id)
    if party.asker_id == visit.reader.id:
        return redirect(f"/reservations/{party.own_id}")
    overview = await visit[ReaderOverviews].of(visit.reader.id, party.day, visit.now)
    own = {r.id for r in overview.live}.intersection(seat.booking for seat in party.seats)
    if own:
        return redirect(f"/reservations/{own.pop()}")
    return await _invitation_page(visit, party)


async def accept(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Books the held seat that the friend has chosen. If this is refused, the page says why."""
    body = AcceptInvitation(form_text(form, "seat_id") or None)
    parties, ctx = visit[PartyService], visit.context_with_key(form, body)
    try:
        seat_id = SeatId(body.seat_id) if body.seat_id is not None else None
        booking = await parties.accept(ctx, visit.id, seat_id)
    except (Conflict, RuleViolation) as error:
        count_error(visit.request, error)
        return await _invitation_page(
            visit, await parties.invited(visit.id, visit.reader.id), error
        )
    visit[WAKE_JOBS]()
    return done(visit, f"/reservations/{booking.id}?done=reserve")


async def _invitation_page(
    visit: PageRequest, party: Party, refusal: DomainError | None = None
) -> web.StreamResponse:
    reference, catalog = visit[REFERENCE], visit[REFERENCE].catalog
    asker = await visit[ReservationService].get_own(party.own_id, party.asker_id)
    asker_seat = reservations_presenter.seat(reference, asker.seat_id)
    held = party.held_for(visit.reader.id) if visit.now < party.until else ()
    seats = [catalog.seats[seat.id] for seat in party.seats if seat.id in catalog.seats]
    area = catalog.areas[seats[0].area_id] if seats else None
    return form_page(
        visit,
        "parties/invitation.html",
        refusal,
        suspension=visit.suspension,
        invitation=presenter.invitation(reference, party, held),
        asker=asker_seat if asker.state in LIVE else None,
        held=[catalog.seats[seat.id] for seat in held if seat.id in catalog.seats],
        area=area,
        picture=glimpse_of(seats, area, repeat("occupied", len(area.seats))) if area else None,
    )
