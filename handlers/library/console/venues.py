"""Venues: the library's buildings or branches, added, named, ordered, retired, and removed while
unused."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.forms import refusal
from handlers.staff.layout import render, staff_context
from handlers.texts.setup import SETUP_WRONG
from models.gates.service import GateService
from models.identity.roles import Role
from models.kernel.errors import InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.kernel.time_range import local_date
from models.library.entities import Venue, VenueId
from models.library.errors import VenueChanged, VenueExists, VenueInUse
from models.library.staff.venues import StaffVenues

LONGEST_NAME: Final = 20
_ID_CHARS: Final = 8


async def venues(visit: PageRequest) -> web.StreamResponse:
    """All venues, and what belongs to each."""
    await visit[REFERENCE].refresh()
    return await _page(visit)


async def _page(visit: PageRequest, **more: Any) -> web.Response:
    catalog = visit[REFERENCE].catalog
    gates = await visit[GateService].all()
    kiosks = [*catalog.kiosks.values(), *catalog.retired_kiosks.values()]
    facts: dict[str, Any] = {
        "lines": [
            (
                venue,
                sum(area.venue_id == venue.id for area in catalog.areas.values()),
                sum(area.venue_id == venue.id for area in catalog.areas_in_use),
                sum(kiosk.venue_id == venue.id for kiosk in kiosks),
                sum(gate.venue_id == venue.id for gate in gates),
            )
            for venue in catalog.venues.values()
        ],
        "changes": visit.may(Role.ADMINISTRATOR),
        "longest": LONGEST_NAME,
        "hall_display": visit[REFERENCE].policy_on(local_date(visit.now)).hall_display,
        "typed": {},
        "wrong": "",
        "done": "done" in visit.request.query,
    }
    return render(visit, "venues", **facts | more)


async def add_venue(visit: PageRequest, form: Form) -> web.StreamResponse:
    """A new venue. Its id comes from the form, so that a form that is sent twice counts once."""
    await visit[REFERENCE].refresh()
    typed = {"name": form_text(form, "name")}
    sent = hashlib.sha256((form_text(form, "key") or typed["name"]).encode()).hexdigest()
    try:
        name = _name(typed["name"])
        venue_id = VenueId(f"v{sent[:_ID_CHARS]}")
        await visit[StaffVenues].add(staff_context(visit), venue_id, name)
    except (InvalidRequest, VenueExists) as error:
        return await _page(visit, **refusal(visit, error, typed))
    return redirect("/console/venues?done")


async def change_venue(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Another name, another place in the list, out of use and back, or none."""
    await visit[REFERENCE].refresh()
    context, staff, operation = staff_context(visit), visit[StaffVenues], "operation"
    venue = visit[REFERENCE].catalog.venues.get(VenueId(visit.id))
    if venue is None:
        raise NotFound()
    typed: dict[str, str] = {venue.id: form_text(form, "name")}
    try:
        if form_text(form, "base") != str(venue.rev):
            raise VenueChanged()
        match form_text(form, operation):
            case "rename":
                await staff.rename(context, venue, _name(typed[venue.id]))
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
    except (InvalidRequest, VenueExists, VenueInUse, VenueChanged) as error:
        return await _page(visit, **refusal(visit, error, typed))
    return redirect("/console/venues?done")


def _moved_up(visit: PageRequest, venue: Venue) -> Sequence[Venue]:
    found = list(visit[REFERENCE].catalog.venues.values())
    place = found.index(venue)
    found.insert(max(0, place - 1), found.pop(place))
    return found


def _name(text: str) -> str:
    """Raises: InvalidRequest."""
    if not 0 < len(text) <= LONGEST_NAME or not is_printable_line(text):
        raise InvalidRequest("name", SETUP_WRONG["venue_name"].format(most=LONGEST_NAME))
    return text
