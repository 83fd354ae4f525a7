"""The audit log, with its filter."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.web.console.frame import (
    FACTS,
    PAGE,
    ROLE_TEXT,
    STATES,
    named,
    page_number,
    pages_of,
    shown,
)
from handlers.web.pages import (
    Visit,
)
from models.audit import Facts
from models.reader import LIBRARIAN, may
from models.store.audit import Sought

_LONGEST: Final = 60
"""Characters of a fact as the list shows it."""


async def audit(visit: Visit) -> web.StreamResponse:
    query, number = visit.request.query, page_number(visit)
    sought = Sought(**{name: query.get(name, "") for name in ("by", "deed", "reader", "target")})
    # Who only looks is not told what somebody needs.
    besides = "" if may(visit.reader.kind, LIBRARIAN) else "allow"
    rows, total = await visit.services.audit.page_of(sought, (number - 1) * PAGE, PAGE, besides)
    people = await visit.services.desk.readers.many({e.by for e in rows})
    return shown(
        visit,
        "audit",
        items=[(e, named(people.get(e.by)), _difference(e.before, e.after)) for e in rows],
        sought=sought,
        roles=ROLE_TEXT,
        number=number,
        pages=pages_of(total),
    )


def _difference(before: Facts, after: Facts | None) -> list[tuple[str, str, str]]:
    """What has changed, in words: name, before, after."""
    if after is None:
        return []
    names = [name for name in dict.fromkeys((*before, *after)) if name != "plan"]
    return [
        (FACTS.get(name, name), _fact(before.get(name)), _fact(after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _fact(value: object) -> str:
    match value:
        case None:
            return "—"
        case bool():
            return "是" if value else "否"
        case _:
            text = STATES.get(str(value), str(value))
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
