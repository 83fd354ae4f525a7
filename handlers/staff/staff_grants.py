"""Who works for the library: roles that were given here, for some venues and some days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import optional_date_in, refusal, typed_in
from handlers.staff.layout import render, staff_context
from handlers.texts.console import WRONG_TEXT
from handlers.texts.console_labels import ROLE_TEXT
from models.identity.errors import LastAdministrator
from models.identity.roles import GrantId, Role, StaffGrant
from models.kernel.errors import InvalidRequest
from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date
from models.library.entities import VenueId
from models.readers.entities import Reader
from models.staff.api_tokens import StaffApiTokens
from models.staff.grants import StaffGrants


async def staff_grants(visit: PageRequest) -> web.StreamResponse:
    """All roles that were given here, and the form for another one."""
    await visit[REFERENCE].refresh()
    return await _page(visit)


async def _page(visit: PageRequest, **more: Any) -> web.Response:
    venues = visit[REFERENCE].catalog.venues
    tokens = [t for t in await visit[StaffApiTokens].all() if t.is_usable(visit.now)]
    facts: dict[str, Any] = {
        "items": [
            (
                row,
                _places(visit, row.grant),
                [token.name for token in tokens if token.created_by == row.reader.id],
            )
            for row in await visit[StaffGrants].all(staff_context(visit))
        ],
        "roles": {role.value: ROLE_TEXT[role.value] for role in Role},
        "venues": list(venues.values()),
        "chosen": (),
        "typed": {},
        "wrong": "",
        "done": visit.request.query.get("done", ""),
        "longest": LONGEST_REASON,
    }
    return render(visit, "staff_grants", **facts | more)


def _places(visit: PageRequest, grant: StaffGrant) -> Sequence[str]:
    """The names of the grant's venues; none where it is the whole library."""
    venues = visit[REFERENCE].catalog.venues
    return [venues[id].name if id in venues else id for id in sorted(grant.venues)]


async def give_role(visit: PageRequest, form: Form) -> web.StreamResponse:
    """A role for the person with that number, who has signed in at least once."""
    await visit[REFERENCE].refresh()
    staff = visit[StaffGrants]
    try:
        reader, grant = await _read(visit, form)
        await staff.give(staff_context(visit), reader, grant, form_reason(form))
    except InvalidRequest as error:
        chosen = [name for name in form if name.startswith("venue-")]
        return await _page(visit, **refusal(visit, error, typed_in(form)), chosen=chosen)
    return redirect("/console/staff?done=1")


async def _read(visit: PageRequest, form: Form) -> tuple[Reader, StaffGrant]:
    """Raises: InvalidRequest."""
    if form_text(form, "role") not in set(Role):
        raise InvalidRequest("role", WRONG_TEXT["role_missing"])
    known = visit[REFERENCE].catalog.venues
    venues = frozenset(VenueId(id) for id in known if form_text(form, f"venue-{id}"))
    if form_text(form, "where") == "some" and not venues:
        raise InvalidRequest("venue", WRONG_TEXT["venue_missing"])
    first = optional_date_in(form, "first")
    last = optional_date_in(form, "last")
    if last is not None and last < max(first or last, local_date(visit.now)):
        raise InvalidRequest("last", WRONG_TEXT["grant_dates"])
    reader = await visit[StaffGrants].find(form_text(form, "number"))
    if reader is None:
        raise InvalidRequest("number", WRONG_TEXT["never_signed_in"])
    where = venues if form_text(form, "where") == "some" else frozenset[VenueId]()
    return reader, StaffGrant(GrantId(""), Role(form_text(form, "role")), where, first, last)


async def take_role_back(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The role ends at once."""
    try:
        await visit[StaffGrants].take_back(
            staff_context(visit),
            ReaderId(visit.id),
            visit.request.match_info["grant"],
            form_reason(form),
        )
    except (InvalidRequest, LastAdministrator) as error:
        return await _page(visit, **refusal(visit, error, {}))
    return redirect("/console/staff?done=1")
