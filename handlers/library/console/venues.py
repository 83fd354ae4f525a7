from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.forms import decode, require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.names_form import typed_names
from languages.catalogue import LANGUAGES
from models.gates.service import GateService
from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.library.entities import Catalog, Venue, VenueId
from models.library.errors import VenueChanged
from models.library.names import Floor
from models.library.plan_editing import HIGHEST_FLOOR, LOWEST_FLOOR
from models.library.staff.venues import LONGEST_FLOOR_NAME, LONGEST_VENUE_NAME, StaffVenues
from models.staff.audit import AuditAction

_ID_CHARS: Final = 8


class VenueForm(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_VENUE_NAME)]


async def venues(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    reference = visit[REFERENCE]
    catalog = reference.catalog
    gates = await visit[GateService].all()
    kiosks = [*catalog.kiosks.values(), *catalog.retired_kiosks.values()]
    return render(
        visit,
        "venues",
        lines=[
            (
                venue,
                sum(area.venue_id == venue.id for area in catalog.areas.values()),
                sum(area.venue_id == venue.id for area in catalog.areas_in_use),
                sum(kiosk.venue_id == venue.id for kiosk in kiosks),
                sum(gate.venue_id == venue.id for gate in gates),
            )
            for venue in catalog.venues.values()
        ],
        changes=visit.may(Role.ADMINISTRATOR),
        longest_name=LONGEST_VENUE_NAME,
        longest_floor=LONGEST_FLOOR_NAME,
        languages=LANGUAGES.values(),
        floors={venue.id: _floors(catalog, venue) for venue in catalog.venues.values()},
        displays={
            id
            for id in catalog.venues
            if reference.policy_on(visit.zone.day(visit.now), id).hall_display
        },
    )


async def add_venue(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Adds a venue with an id from the form's idempotency key: a form sent twice adds one venue."""
    await visit[REFERENCE].refresh()
    name = decode(visit.zone, form, VenueForm).name
    sent = hashlib.sha256((form_text(form, "key") or name).encode()).hexdigest()
    await visit[StaffVenues].add(staff_context(visit), VenueId(f"v{sent[:_ID_CHARS]}"), name)
    return redirect(f"/console/venues?done={AuditAction.ADD_VENUE}")


async def change_venue(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    context, staff = staff_context(visit), visit[StaffVenues]
    venue = visit[REFERENCE].catalog.venues.get(VenueId(visit.id))
    if venue is None:
        raise NotFound()
    require_current(form, venue.rev, VenueChanged)
    match form_text(form, "operation"):
        case "rename":
            done = AuditAction.RENAME_VENUE
            await staff.rename(context, venue, decode(visit.zone, form, VenueForm).name)
        case "names":
            done = AuditAction.RENAME_VENUE
            names = typed_names(form, venue.names, LONGEST_VENUE_NAME)
            await staff.change_names(context, venue, names, _typed_floors(form, venue))
        case "up":
            done = AuditAction.ORDER_VENUES
            await staff.put_in_order(context, _moved_up(visit, venue))
        case "retire":
            done = AuditAction.RETIRE_VENUE
            await staff.retire(context, venue)
        case "restore":
            done = AuditAction.RESTORE_VENUE
            await staff.restore(context, venue)
        case "remove":
            done = AuditAction.REMOVE_VENUE
            await staff.remove(context, venue)
        case _:
            raise NotFound()
    return redirect(f"/console/venues?done={done}")


def _moved_up(visit: PageRequest, venue: Venue) -> Sequence[Venue]:
    order = list(visit[REFERENCE].catalog.venues.values())
    place = order.index(venue)
    order.insert(max(0, place - 1), order.pop(place))
    return order


def _floors(catalog: Catalog, venue: Venue) -> list[Floor]:
    """The floors that can be named: those with areas, and those that have a name already."""
    numbers = {area.floor for area in catalog.known_areas if area.venue_id == venue.id}
    return [venue.floor(n) for n in sorted(numbers | {floor.number for floor in venue.floors})]


def _typed_floors(form: Form, venue: Venue) -> list[Floor]:
    """The floors with names of their own, from the fields floor_1, floor_1-en. Raises:
    Malformed."""
    floors = []
    for number in range(LOWEST_FLOOR, HIGHEST_FLOOR + 1):
        old, field = venue.floor(number), f"floor_{number}"
        name = form_text(form, field) if field in form else old.name
        names = typed_names(form, old.names, LONGEST_FLOOR_NAME, field)
        if name or names:
            floors.append(Floor(number, name, names))
    return floors
