"""门禁: what gates report, and what a reader sees of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from aiohttp import web

from bind import gate_signatures
from handlers.gates import presenter, schemas
from handlers.http import schemas as http_schemas
from handlers.http.endpoint import ApiRequest
from models.booking.desk import Desk
from models.gates import service as gates_service
from models.gates.entities import CLOCK_OFF, LATE_AFTER, Direction, GateEvent, GateId
from models.kernel.ids import ReaderId
from models.readers.entities import normalise_student_no

log = logging.getLogger(__name__)
_CLOCK: Final = web.RequestKey("gate_clock", timedelta)
_AHEAD: Final = timedelta(minutes=5)
"""As far as a gate's clock may be ahead."""


async def signed(call: ApiRequest) -> None:
    """Is it the gate? Raises: Unauthenticated."""
    headers, gate = call.request.headers, call.request.headers.get("X-Gate-Id", "")
    off = gate_signatures.verify(
        await call.services.desk.gates.key(gate),
        headers.get("X-Gate-Timestamp", ""),
        headers.get("X-Gate-Signature", ""),
        call.body,
        call.now,
    )
    if abs(off) > CLOCK_OFF:
        log.warning("gate_clock_off", extra={"gate": gate, "seconds": off.total_seconds()})
    call.request[_CLOCK] = off


async def events(call: ApiRequest, body: schemas.GateEvents) -> schemas.GateEventsOut:
    """Take in a batch, each event judged alone: one that cannot be read holds up no other."""
    desk, gate = call.services.desk, GateId(call.request.headers["X-Gate-Id"])
    taken = await take_in(desk, gate, body.events, call.now)
    told = min(body.complete_until, call.now) if body.complete_until else None
    await desk.gates.heard(gate, call.now, told, call.request[_CLOCK])
    call.services.nudge()
    rejected = [
        schemas.RejectedOut(_id_of(body.events[place]), code) for place, code in taken.rejected
    ]
    return schemas.GateEventsOut(taken.accepted, taken.duplicates, rejected)


@dataclass(frozen=True, slots=True)
class TakenIn:
    """``rejected``: (place in the batch, code)."""

    accepted: int
    duplicates: int
    rejected: list[tuple[int, str]]


async def take_in(desk: Desk, gate: GateId, events: Sequence[Any], now: datetime) -> TakenIn:
    """Passages in the shape of GateEvent, from a gate or a file."""
    rejected: list[tuple[int, str]] = []
    read: list[schemas.GateEvent] = []
    for place, raw in enumerate(events):
        event = _read(raw)
        if event is None:
            rejected.append((place, "malformed"))
        elif event.at > now + _AHEAD:
            rejected.append((place, "in_the_future"))
        else:
            read.append(event)
    known = await desk.readers.by_numbers({normalise_student_no(e.student_no) for e in read})
    passages = [_passage(gate, event, known, now) for event in read]
    accepted, duplicates = await gates_service.ingest(desk, passages, now)
    return TakenIn(accepted, duplicates, rejected)


def _read(raw: Any) -> schemas.GateEvent | None:
    try:
        return msgspec.convert(raw, schemas.GateEvent)
    except msgspec.ValidationError:
        return None


def _id_of(raw: Any) -> str:
    id = raw.get("id") if isinstance(raw, dict) else None
    return id[:64] if isinstance(id, str) else ""


def _passage(
    gate: GateId, event: schemas.GateEvent, known: dict[str, ReaderId], now: datetime
) -> tuple[GateEvent, str]:
    number = normalise_student_no(event.student_no)
    passage = GateEvent(
        id=f"{gate}:{event.id}",
        gate_id=gate,
        reader_id=known.get(number),
        direction=Direction(event.direction),
        method=event.method,
        at=event.at,
        late=now - event.at > LATE_AFTER,
    )
    return passage, number


async def records(
    call: ApiRequest, query: http_schemas.Pagination
) -> http_schemas.Page[schemas.GateRecordOut]:
    desk = call.services.desk
    rows, total = await desk.passages.page_of(call.reader.id, query.offset, query.page_size)
    names = {gate.id: gate.name for gate in await desk.gates.all()}
    items = [presenter.passage(p, names) for p in rows]
    return query.page_of(items, total)
