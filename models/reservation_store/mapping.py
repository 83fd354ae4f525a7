from __future__ import annotations

from datetime import date

from models.kernel.request_id import REQUEST_ID
from models.library.entities import AreaId, SeatId, VenueId
from models.reservations.deadlines import due_at
from models.reservations.entities import (
    GateAssistance,
    HistoryEntry,
    IdempotentResult,
    OccupiedReport,
    OutboxEvent,
    OutboxEventKind,
    Reservation,
)
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.state_machine import LIVE, ReservationState
from models.storage.mongo import Document


def to_document(r: Reservation) -> Document:
    # Fields of indexes and of the change stream come first: for each of them the server reads the
    # document field by field from its beginning.
    return {
        "_id": r.id,
        "live": r.state in LIVE,
        "state": r.state.value,
        "day": r.date.isoformat(),
        "seat": r.seat_id,
        "reader": r.reader_id,
        "start": r.start,
        "end": r.end,
        "rev": r.rev,
        "available_from": r.available_from,
        "due_at": due_at(r),
        "created_at": r.created_at,
        "check_in_until": r.check_in_until,
        "return_by": r.return_by,
        "remind_at": r.remind_at,
        "held_until": r.held_until,
        "presence_due_at": r.presence_due_at,
        "patrol_at": r.patrol_at,
        "carry_over_at": r.carry_over_at,
        "report": _report_document(r.report),
        "outbox": [outbox_document(n, r.change) for n in r.outbox],
        "claims": list(r.claims),
        "change": r.change,
        "venue": r.venue_id,
        "area": r.area_id,
        "placed_at": r.placed_at,
        "check_in_from": r.check_in_from,
        "policy": r.policy_version,
        "penalty_waived": r.penalty_waived,
        "checked_in_at": r.checked_in_at,
        "left_at": r.left_at,
        "returned_at": r.returned_at,
        "ended_at": r.ended_at,
        "extensions": r.extensions,
        "last_kiosk_code": r.last_kiosk_code,
        "gate_assistance": _assisted_document(r.gate_assistance),
        "presence": _presence_document(r.presence),
        "wait": r.waitlist_entry_id,
        "idempotency_results": [
            {"key": p.key, "digest": p.digest, "at": p.at} for p in r.idempotency_results
        ],
        "history": [{"at": e.at, "event": e.event, "by": e.by, "via": e.via} for e in r.history],
        **({"season": r.season_id} if r.season_id is not None else {}),
    }


def to_new_document(r: Reservation, writer: str) -> Document:
    return {"_id": r.id, "writer": writer, **to_document(r)}


def changed_fields(old: Reservation, new: Reservation) -> Document:
    """The document's fields in which ``new`` differs from ``old``, with their new values. The
    outbox is left out, since its events are appended by a separate operator."""
    before, after = to_document(old), to_document(new)
    return {
        name: value
        for name, value in after.items()
        if name not in ("_id", "change", "outbox") and value != before[name]
    }


def _report_document(r: OccupiedReport | None) -> Document | None:
    if r is None:
        return None
    return {"kind": r.kind, "at": r.at, "seat": r.seat_id, "open": r.open, "desk": r.desk}


def _report(d: Document | None) -> OccupiedReport | None:
    return (
        OccupiedReport(d["kind"], d["at"], SeatId(d["seat"]), d["open"], d["desk"]) if d else None
    )


def _presence_document(p: PresenceProof | None) -> Document | None:
    if p is None:
        return None
    seat: Document = {"seat": p.seat_id} if p.seat_id is not None else {}
    return {"method": p.method.value, "at": p.at} | seat


def _presence(d: Document) -> PresenceProof | None:
    proof = d.get("presence")
    if proof is None:
        # Documents from before proofs were stored: the check-in was the proof.
        if "presence" in d or d["checked_in_at"] is None:
            return None
        proof = {"method": PresenceMethod.KIOSK_CODE.value, "at": d["checked_in_at"]}
    method = PresenceMethod(proof["method"])
    return PresenceProof(d["reader"], VenueId(d["venue"]), method, proof["at"], proof.get("seat"))


def _assisted_document(a: GateAssistance | None) -> Document | None:
    return {"kind": a.kind, "at": a.at, "confirmed_at": a.confirmed_at} if a else None


def _assisted(d: Document | None) -> GateAssistance | None:
    return GateAssistance(d["kind"], d["at"], d["confirmed_at"]) if d else None


def outbox_document(notice: OutboxEvent, change: str | None) -> Document:
    """An outbox event's document. An event without a request id gets the current request's id."""
    return {
        "seq": notice.seq,
        "change": change,
        "event": notice.event.value,
        "at": notice.at,
        "facts": dict(notice.facts),
        "request": notice.request_id or REQUEST_ID.get(),
    }


def from_document(d: Document) -> Reservation:
    return Reservation(
        id=d["_id"],
        rev=d["rev"],
        change=d.get("change"),
        reader_id=d["reader"],
        venue_id=VenueId(d["venue"]),
        area_id=AreaId(d["area"]),
        seat_id=SeatId(d["seat"]),
        date=date.fromisoformat(d["day"]),
        start=d["start"],
        end=d["end"],
        state=ReservationState(d["state"]),
        created_at=d["created_at"],
        placed_at=d["placed_at"],
        check_in_from=d["check_in_from"],
        check_in_until=d["check_in_until"],
        policy_version=d["policy"],
        claims=tuple(d["claims"]),
        penalty_waived=d["penalty_waived"],
        available_from=d["available_from"],
        checked_in_at=d["checked_in_at"],
        left_at=d["left_at"],
        return_by=d["return_by"],
        returned_at=d["returned_at"],
        ended_at=d["ended_at"],
        extensions=d["extensions"],
        remind_at=d["remind_at"],
        carry_over_at=d["carry_over_at"],
        last_kiosk_code=d["last_kiosk_code"],
        gate_assistance=_assisted(d.get("gate_assistance")),  # older documents lack these fields
        report=_report(d.get("report")),
        presence=_presence(d),
        presence_due_at=d.get("presence_due_at"),
        patrol_at=d.get("patrol_at"),
        waitlist_entry_id=d.get("wait"),
        season_id=d.get("season"),
        held_until=d.get("held_until"),
        idempotency_results=tuple(
            IdempotentResult(p["key"], p["digest"], p["at"]) for p in d["idempotency_results"]
        ),
        history=tuple(HistoryEntry(e["at"], e["event"], e["by"], e["via"]) for e in d["history"]),
        outbox=tuple(_notice(n) for n in d["outbox"]),
    )


def _notice(d: Document) -> OutboxEvent:
    kind = OutboxEventKind(d["event"])
    # Events from before request ids were stored have none.
    return OutboxEvent(d["seq"], kind, d["at"], d["facts"], d.get("change"), d.get("request", ""))
