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
from models.gates.service import GateService
from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.library.entities import Venue, VenueId
from models.library.errors import VenueChanged
from models.library.staff.venues import StaffVenues

LONGEST_NAME: Final = 20
_ID_CHARS: Final = 8


class VenueForm(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]


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
        longest_name=LONGEST_NAME,
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
    return redirect("/console/venues?done")


async def change_venue(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    context, staff = staff_context(visit), visit[StaffVenues]
    venue = visit[REFERENCE].catalog.venues.get(VenueId(visit.id))
    if venue is None:
        raise NotFound()
    require_current(form, venue.rev, VenueChanged)
    match form_text(form, "operation"):
        case "rename":
            await staff.rename(context, venue, decode(visit.zone, form, VenueForm).name)
        case "up":
            await staff.put_in_order(context, _moved_up(visit, venue))
        case "retire":
            await staff.retire(context, venue)
        case "restore":
            await staff.restore(context, venue)
        case "remove":
            await staff.remove(context, venue)
        case _:
            raise NotFound()
    return redirect("/console/venues?done")


def _moved_up(visit: PageRequest, venue: Venue) -> Sequence[Venue]:
    order = list(visit[REFERENCE].catalog.venues.values())
    place = order.index(venue)
    order.insert(max(0, place - 1), order.pop(place))
    return order
