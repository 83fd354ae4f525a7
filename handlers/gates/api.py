"""门禁: gates report events, and readers list their own."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from bind import gate_signatures
from handlers.gates import api, presenter
from handlers.gates.parsing import parse_events
from handlers.gates.schemas import GateEvents, GateEventsOut, GateRecordOut, RejectedOut
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import WAKE_JOBS
from handlers.http.schemas import Page, Pagination
from models.gates.entities import CLOCK_OFF, GateId
from models.gates.service import GateService

routes = ApiRoutes()


log = logging.getLogger(__name__)
_CLOCK_SKEW: Final = web.RequestKey("gate_clock_skew", timedelta)


async def verify_signature(call: ApiRequest) -> None:
    """Checks that a known gate has signed the request. Raises: Unauthenticated."""
    headers, gate = call.request.headers, call.request.headers.get("X-Gate-Id", "")
    skew = gate_signatures.verify(
        await call[GateService].key(gate),
        headers.get("X-Gate-Timestamp", ""),
        headers.get("X-Gate-Signature", ""),
        call.body,
        call.now,
    )
    if abs(skew) > CLOCK_OFF:
        log.warning("gate_clock_off", extra={"gate": gate, "seconds": skew.total_seconds()})
    call.request[_CLOCK_SKEW] = skew


@routes.post(
    "/gate/events",
    "Report passages through a gate",
    Access.GATE,
    verify_before_parsing=api.verify_signature,
)
async def report_events(call: ApiRequest, body: GateEvents) -> GateEventsOut:
    """Stores a gate's batch of events, except invalid ones, which the response reports."""
    gates, gate_id = call[GateService], GateId(call.request.headers["X-Gate-Id"])
    await gates.admit(gate_id, call.now)
    taken = await gates.ingest_batch(gate_id, parse_events(body.events), call.now)
    complete_until = min(body.complete_until, call.now) if body.complete_until else None
    await gates.heard(gate_id, call.now, complete_until, call.request[_CLOCK_SKEW])
    call[WAKE_JOBS]()
    rejected = [RejectedOut(_id_of(body.events[place]), code) for place, code in taken.rejected]
    return GateEventsOut(taken.accepted, taken.duplicates, rejected)


def _id_of(raw: Any) -> str:
    id = raw.get("id") if isinstance(raw, dict) else None
    return id[:64] if isinstance(id, str) else ""


@routes.get("/gate-records", "List the reader's passages through gates, newest first")
async def list_own(call: ApiRequest, query: Pagination) -> Page[GateRecordOut]:
    gates = call[GateService]
    rows, total = await gates.page_of(call.reader.id, query.offset, query.page_size)
    names = {gate.id: gate.name for gate in await gates.all()}
    return query.page_of([presenter.passage(call.zone, row, names) for row in rows], total)
