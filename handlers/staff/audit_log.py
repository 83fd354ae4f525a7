from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.staff.layout import PAGE, page_number, pages_of, reader_label, render
from handlers.texts.console import BETWEEN, STORED_REASONS, few_seats
from handlers.texts.console_labels import (
    AUDIT_KIND_TEXT,
    FACTS,
    PROGRAM_TEXT,
    ROLE_TEXT,
    SCOPE_TEXT,
    SOURCE_TEXT,
    STATES,
    TARGET_TEXT,
    YES_NO,
)
from handlers.texts.errors import text_of
from languages.text import Language, _, joined
from models.identity.api_tokens import ACTOR_PREFIX
from models.identity.roles import Role
from models.library.entities import AreaId, Catalog, KioskId, PresenceSource, SeatId, VenueId
from models.library.rooms import RoomId
from models.readers.staff.readers import StaffReaders
from models.staff.api_tokens import StaffApiTokens
from models.staff.audit import DONE, AuditAction, AuditEntry, AuditKind, AuditQuery, JsonObject
from models.staff.audit_log import AuditLog

_LONGEST: Final = 60
"""At most this many characters of a changed value are shown in the list."""
_PAGES: Final[Mapping[str, str]] = {
    "reservation": "/console/reservations/",
    "reader": "/console/readers/",
    "notice": "/console/notices/",
    "group": "/console/groups/",
}
"""The path, without the id, of the console page on an audit entry's target, by kind of target."""
_FACTS: Final = {**FACTS, **{scope.value: text for scope, text in SCOPE_TEXT.items()}}
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{24}")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*")


async def audit_log(visit: PageRequest) -> web.StreamResponse:
    """Audit entries, latest first. Look-ups are among them only if the query asks for these."""
    query, number = visit.request.query, page_number(visit)
    names = {"actor_id": "by", "action": "action", "reader": "reader", "target": "target"}
    sought = AuditQuery(
        **{field: query.get(name, "") for field, name in names.items()},
        kind="" if query.get("action") else query.get("kind", AuditKind.CHANGE.value),
    )
    # A viewer does not learn which reader has an accommodation.
    decides = visit.may(Role.LIBRARIAN)
    rows, total = await visit[AuditLog].page_of(
        sought, (number - 1) * PAGE, PAGE, "" if decides else AuditAction.SET_ACCOMMODATION
    )
    people = await visit[StaffReaders].many({e.actor_id for e in rows})
    programs = await _programs(visit, rows)
    return render(
        visit,
        "audit_log",
        items=[
            (
                e,
                programs.get(e.actor_id) or reader_label(people.get(e.actor_id)),
                PROGRAM_TEXT if e.actor_id in programs else ROLE_TEXT[e.role],
                _difference(visit, e.before, e.after),
                *_target(visit, e.target),
                text_of(e.outcome, {}) if e.outcome not in ("", DONE) else "",
                STORED_REASONS.get(e.reason, e.reason),
            )
            for e in rows
        ],
        sought=sought,
        kinds=AUDIT_KIND_TEXT,
        number=number,
        pages=pages_of(total),
    )


async def _programs(visit: PageRequest, rows: Sequence[AuditEntry]) -> Mapping[str, str]:
    """The names of the programs that have caused some of the entries, by actor id."""
    ids = {e.actor_id for e in rows if e.actor_id.startswith(ACTOR_PREFIX)}
    if not ids:
        return {}
    names = {token.actor_id: token.name for token in await visit[StaffApiTokens].all()}
    return {id: names.get(id, PROGRAM_TEXT) for id in ids}


def _target(visit: PageRequest, target: str) -> tuple[str, str]:
    """An audit entry's target in words, and the path of its console page (empty if it has none)."""
    kind, _colon, id = target.partition(":")
    catalog = visit[REFERENCE].catalog
    if kind == "area":
        return _area_name(catalog, id), f"/console/plans/{id}"
    words, where = TARGET_TEXT.get(kind, kind), _PAGES.get(kind, "")
    if kind == "violation":
        booking, _colon, event = id.partition(":")
        event = _("{kind} {name}", kind=words, name=STATES.get(event, event))
        return event, _PAGES["reservation"] + booking
    if kind == "kiosk":
        kiosk = {**catalog.retired_kiosks, **catalog.kiosks}.get(KioskId(id))
        id = kiosk.name if kiosk is not None else id
    elif kind == "venue":
        id = _venue_name(catalog, id)
    elif kind == "room" and (room := visit[REFERENCE].rooms.get(RoomId(id))) is not None:
        id = room.name
    elif kind == "seat":
        seat, _blank, when = id.partition(" ")
        id = catalog.label_of(SeatId(seat))
        id = _("{kind} {name}", kind=id, name=when) if when else id
    elif _OBJECT_ID.fullmatch(id):
        id = id if where else ""
    named = words if where or not id else _("{kind} {name}", kind=words, name=id)
    return named, where + id if where and id else ""


def _area_name(catalog: Catalog, id: str) -> str:
    area = catalog.areas.get(AreaId(id))
    return catalog.area_name(area) if area is not None else id


def _venue_name(catalog: Catalog, id: str) -> str:
    venue = catalog.venues.get(VenueId(id))
    return venue.name if venue is not None else id


def _difference(
    visit: PageRequest, before: JsonObject, after: JsonObject | None
) -> list[tuple[str, str, str]]:
    """The fields that an audit entry changed: name, old value and new value of each, in words."""
    if after is None:
        return []
    names = [name for name in dict.fromkeys((*before, *after)) if name != "plan"]

    catalog, language = visit[REFERENCE].catalog, language_of(visit.request)

    def said(name: str, values: JsonObject) -> str:
        return _fact(language, _named(catalog, name, values.get(name)))

    return [
        (_FACTS.get(name, name), said(name, before), said(name, after))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _named(catalog: Catalog, name: str, value: object) -> object:
    """The value of the field ``name`` of an audit entry, with ids replaced by names."""
    if not isinstance(value, str):
        return value
    match name:
        case "role":
            return ROLE_TEXT.get(value, value)
        case "venue" | "venues":
            return joined((_venue_name(catalog, id) for id in value.split(", ")), BETWEEN["names"])
        case "reserved_areas":
            return joined((_area_name(catalog, id) for id in value.split(", ")), BETWEEN["names"])
        case "reserved_seats":
            return few_seats([catalog.label_of(SeatId(id)) for id in value.split(", ")])
        case "seat":
            return catalog.label_of(SeatId(value))
        case _:
            return value


def _fact(language: Language, value: object) -> str:
    match value:
        case None:
            return "—"
        case bool():
            return YES_NO[value]
        case list():
            sources = (SOURCE_TEXT[PresenceSource(source)] for source in value)
            return joined(sources, BETWEEN["names"])
        case _:
            text = str(language.say(STATES.get(str(value), value)))
            if _INSTANT.fullmatch(text):
                return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
