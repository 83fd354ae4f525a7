from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec
from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import decode
from handlers.staff.layout import render, staff_context
from handlers.texts.console_labels import ROLE_TEXT
from models.identity.roles import GrantId, Role, StaffGrant
from models.kernel.errors import Malformed
from models.kernel.ids import ReaderId
from models.library.entities import VenueId
from models.readers.entities import Reader
from models.staff.api_tokens import StaffApiTokens
from models.staff.audit import AuditAction
from models.staff.grants import StaffGrants


class GrantForm(msgspec.Struct):
    number: str
    role: Role
    where: str = ""
    first: date | None = None
    last: date | None = None


async def staff_grants(visit: PageRequest) -> web.StreamResponse:
    """The page with all grants, their holders' valid API tokens, and the form for a new grant."""
    await visit[REFERENCE].refresh()
    tokens = [t for t in await visit[StaffApiTokens].all() if t.is_usable(visit.now)]
    return render(
        visit,
        "staff_grants",
        items=[
            (
                row,
                _places(visit, row.grant),
                [token.name for token in tokens if token.created_by == row.reader.id],
            )
            for row in await visit[StaffGrants].all(staff_context(visit))
        ],
        roles={role.value: ROLE_TEXT[role.value] for role in Role},
        venues=list(visit[REFERENCE].catalog.venues.values()),
    )


def _places(visit: PageRequest, grant: StaffGrant) -> Sequence[str]:
    """The names of the grant's venues; empty if it is for the whole library."""
    venues = visit[REFERENCE].catalog.venues
    return [venues[id].name if id in venues else id for id in sorted(grant.venues)]


async def give_role(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    reader, grant = await _read(visit, form)
    await visit[StaffGrants].give(staff_context(visit), reader, grant, form_reason(form))
    return redirect(f"/console/staff?done={AuditAction.GRANT_ROLE}")


async def _read(visit: PageRequest, form: Form) -> tuple[Reader, StaffGrant]:
    """The reader and the grant that the form describes. Raises: Malformed."""
    typed = decode(visit.zone, form, GrantForm)
    venues = frozenset[VenueId]()
    if typed.where == "some":
        all_venues = visit[REFERENCE].catalog.venues
        venues = frozenset(VenueId(id) for id in all_venues if form_text(form, f"venue-{id}"))
        if not venues:
            raise Malformed("where", "venue_missing")
    first, last = typed.first, typed.last
    if last is not None and last < max(first or last, visit.zone.day(visit.now)):
        raise Malformed("last", "grant_dates")
    reader = await visit[StaffGrants].find(typed.number)
    if reader is None:
        raise Malformed("number", "never_signed_in")
    return reader, StaffGrant(GrantId(""), typed.role, venues, first, last)


async def take_role_back(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[StaffGrants].take_back(
        staff_context(visit),
        ReaderId(visit.id),
        visit.request.match_info["grant"],
        form_reason(form),
    )
    return redirect(f"/console/staff?done={AuditAction.GRANT_ROLE}")
