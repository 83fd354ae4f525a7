"""API tokens: what the library's programs may ask and do, made for one purpose each."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import SITE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.http.refusals import count_error
from handlers.staff.forms import form_key, refusal_at_field, typed_in
from handlers.staff.layout import render, staff_context
from handlers.texts.console import WRONG_TEXT
from handlers.texts.console_labels import SCOPE_TEXT
from models.identity.api_tokens import Scope
from models.kernel.errors import Conflict, InvalidRequest
from models.kernel.text import is_printable_line
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

LONGEST_NAME: Final = 60
_EXAMPLE_PATHS: Final = {
    Scope.CATALOG_READ: "/catalog",
    Scope.OCCUPANCY_READ: "/areas",
    Scope.RESERVATIONS_READ: "/staff/reservations",
    Scope.STATISTICS_READ: "/staff/statistics",
}
"""What the page shows as the first thing to try, of the token's first scope."""


async def api_tokens(visit: PageRequest) -> web.StreamResponse:
    """Those that can be used, the form for another one, and those whose time is over."""
    return await _page(visit)


async def _page(visit: PageRequest, **more: Any) -> web.Response:
    found = await visit[StaffApiTokens].all()
    people = await visit[StaffReaders].many({token.created_by for token in found})
    names = {id: person.name for id, person in people.items()}
    lines = [(token, names.get(token.created_by, "")) for token in found]
    facts: dict[str, Any] = {
        "usable": [line for line in lines if line[0].is_usable(visit.now)],
        "over": [line for line in lines if not line[0].is_usable(visit.now)],
        "scopes": {scope.value: SCOPE_TEXT[scope] for scope in Scope},
        "lifetimes": LIFETIMES_DAYS,
        "fewest": FEWEST_PER_MINUTE,
        "most": MOST_PER_MINUTE,
        "usual": USUAL_PER_MINUTE,
        "longest": LONGEST_REASON,
        "longest_name": LONGEST_NAME,
        "typed": {},
        "wrong": "",
        "wrong_field": "",
        "opened": "",
        "made": None,
        "example": "",
        "done": visit.request.query.get("done", ""),
    }
    return render(visit, "api_tokens", **facts | more)


async def create_api_token(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The secret is on this page and nowhere else."""
    try:
        made = await _create(visit, form)
    except InvalidRequest as error:
        return await _page(visit, **refusal_at_field(visit, error, typed_in(form)))
    except Conflict as error:  # sent twice, or loaded anew
        count_error(visit.request, error)
        return await _page(visit, status=409, wrong=WRONG_TEXT["token_made"])
    return await _page(visit, made=made, example=_example(visit, made))


def _example(visit: PageRequest, made: NewApiToken) -> str:
    """The first thing to try; empty for a token that reads nothing."""
    path = next((p for scope, p in _EXAMPLE_PATHS.items() if scope in made.token.scopes), "")
    if not path:
        return ""
    address = f"{visit[SITE].public_base_url}/api/v1{path}"
    return f'curl -H "Authorization: Bearer {made.secret}" {address}'


async def _create(visit: PageRequest, form: Form) -> NewApiToken:
    """Raises: InvalidRequest."""
    name, days = form_text(form, "name"), form_text(form, "days")
    if not 0 < len(name) <= LONGEST_NAME or not is_printable_line(name):
        raise InvalidRequest("name", WRONG_TEXT["token_name_length"].format(most=LONGEST_NAME))
    scopes = [scope for scope in Scope if form_text(form, scope.value)]
    if not scopes:
        raise InvalidRequest("scope", WRONG_TEXT["scope_missing"])
    if days not in map(str, LIFETIMES_DAYS):
        raise InvalidRequest("days", WRONG_TEXT["token_days"])
    rate = form_text(form, "per_minute")
    if not rate.isascii() or not rate.isdecimal() or len(rate) > len(str(MOST_PER_MINUTE)):
        rate = "0"
    if not FEWEST_PER_MINUTE <= int(rate) <= MOST_PER_MINUTE:
        words = WRONG_TEXT["token_rate"].format(least=FEWEST_PER_MINUTE, most=MOST_PER_MINUTE)
        raise InvalidRequest("per_minute", words)
    pace, sent = Pace(int(days), int(rate)), form_key(form)
    return await visit[StaffApiTokens].create(staff_context(visit), sent, name, scopes, pace)


async def revoke_api_token(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The program that has it gets nothing any more."""
    try:
        await visit[StaffApiTokens].revoke(staff_context(visit), visit.id, form_reason(form))
    except InvalidRequest as error:
        return await _page(visit, opened=visit.id, **refusal_at_field(visit, error, {}))
    return redirect("/console/api-tokens?done=revoked")
