from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.http.forms import Form
from handlers.http.keys import SITE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import decode, form_key
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import refuse
from handlers.texts.console import WRONG_TEXT
from handlers.texts.console_labels import SCOPE_TEXT
from models.identity.api_tokens import Scope
from models.kernel.errors import Conflict, Malformed
from models.readers.staff.readers import StaffReaders
from models.staff.api_tokens import (
    FEWEST_PER_MINUTE,
    LIFETIMES_DAYS,
    MOST_PER_MINUTE,
    USUAL_PER_MINUTE,
    NewApiToken,
    Pace,
    StaffApiTokens,
)
from models.staff.audit import AuditAction

LONGEST_NAME: Final = 60
_EXAMPLE_PATHS: Final = {
    Scope.CATALOG_READ: "/catalog",
    Scope.OCCUPANCY_READ: "/areas",
    Scope.RESERVATIONS_READ: "/staff/reservations",
    Scope.STATISTICS_READ: "/staff/statistics",
}
"""The path of the request that the page suggests to try a new token, by a scope of the token."""


class TokenForm(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    days: int
    per_minute: Annotated[int, Meta(ge=FEWEST_PER_MINUTE, le=MOST_PER_MINUTE)]


async def api_tokens(visit: PageRequest, made: NewApiToken | None = None) -> web.StreamResponse:
    """The page with all tokens. ``made``: a new token, whose secret only this response shows."""
    tokens = await visit[StaffApiTokens].all()
    people = await visit[StaffReaders].many({token.created_by for token in tokens})
    names = {id: person.name for id, person in people.items()}
    lines = [(token, names.get(token.created_by, "")) for token in tokens]
    return render(
        visit,
        "api_tokens",
        zone=visit.zone,
        usable=[line for line in lines if line[0].is_usable(visit.now)],
        over=[line for line in lines if not line[0].is_usable(visit.now)],
        scopes={scope.value: SCOPE_TEXT[scope] for scope in Scope},
        lifetimes=LIFETIMES_DAYS,
        fewest=FEWEST_PER_MINUTE,
        most=MOST_PER_MINUTE,
        usual=USUAL_PER_MINUTE,
        longest_name=LONGEST_NAME,
        made=made,
        example=_example(visit, made) if made is not None else "",
    )


async def create_api_token(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Creates a token for a program. Only this response contains its secret."""
    typed = decode(visit.zone, form, TokenForm)
    scopes = [scope for scope in Scope if form_text(form, scope.value)]
    if not scopes:
        raise Malformed("scope", "scope_missing")
    if typed.days not in LIFETIMES_DAYS:
        raise Malformed("days", "token_days")
    pace = Pace(typed.days, typed.per_minute)
    try:
        made = await visit[StaffApiTokens].create(
            staff_context(visit), form_key(form), typed.name, scopes, pace
        )
    except Conflict as error:  # the form was sent twice, or its response reloaded
        refuse(visit, form, error, WRONG_TEXT["token_made"])
        return await api_tokens(visit)
    return await api_tokens(visit, made)


def _example(visit: PageRequest, made: NewApiToken) -> str:
    """A curl command to try the new token; empty if none of its scopes allows a read."""
    path = next((p for scope, p in _EXAMPLE_PATHS.items() if scope in made.token.scopes), "")
    if not path:
        return ""
    address = f"{visit[SITE].public_base_url}/api/v1{path}"
    return f'curl -H "Authorization: Bearer {made.secret}" {address}'


async def revoke_api_token(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[StaffApiTokens].revoke(staff_context(visit), visit.id, form_reason(form))
    return redirect(f"/console/api-tokens?done={AuditAction.REVOKE_API_TOKEN}")
