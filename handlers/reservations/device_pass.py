"""The pass: the facts of a reservation that a browser keeps for the time without a network."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from handlers.http.keys import REFERENCE
from handlers.http.offline import DEVICE
from handlers.http.pages import PageRequest
from handlers.http.presenting import area_of_seat
from handlers.reservations.schemas import ReservationOut
from handlers.texts.labels import day_text
from handlers.texts.pages import PASS_TEXT, seat_no_text
from languages.text import joined
from models.library.entities import CheckInWay
from notify.templates.rendering import SCAN_BY, later_clock

_STATES: Final = ("reserved", "in_use", "away")


def keep_pass(visit: PageRequest, r: ReservationOut | None, *, current: bool) -> None:
    """Makes the page tell its browser how the pass stands, if its reader stays signed in there.
    ``current``: whether the reservation, or that there is none, is the reader's pass now; if not,
    it is one of several."""
    copy = visit.request.get(DEVICE)
    if copy is None or not copy.session:
        return
    copy.is_known = True
    if r is not None and r.state in _STATES and r.end > visit.now:
        copy.facts = _facts(visit, r) | {"current": current}
    elif r is not None and not current:
        copy.facts = {"id": r.id}


def _facts(visit: PageRequest, r: ReservationOut) -> dict[str, Any]:
    catalog, now = visit[REFERENCE].catalog, visit.zone.local(visit.now)
    times = f"{r.start:%H:%M}–", later_clock(r.start, r.end)
    return {
        "id": r.id,
        "seat": seat_no_text(r.seat.no),
        "place": area_of_seat(r.seat, catalog),
        "time": joined((day_text(r.date), " ", *times)),
        "start": int(r.start.timestamp() * 1000),
        "end": int(r.end.timestamp() * 1000),
        "state": r.state,
        "state_text": r.state_text,
        "by": _deadline(r, now),
        "as_of": joined((day_text(now.date()), " ", f"{now:%H:%M}")),
    }


def _deadline(r: ReservationOut, now: datetime) -> str:
    """The next thing that the reader must do, with its time. Texts without a network are read
    later than they are written, so none counts from now."""
    if r.state == "away" and r.return_by is not None:
        return PASS_TEXT["away"].format(clock=later_clock(now, r.return_by))
    if r.presence_due_at is not None:
        return PASS_TEXT["presence"].format(clock=later_clock(now, r.presence_due_at))
    if r.state == "in_use":
        return PASS_TEXT["in_use"].format(clock=later_clock(r.start, r.end))
    if r.reported:
        return PASS_TEXT["reported"]
    return PASS_TEXT["reserved"].format(
        since=f"{r.check_in_from:%H:%M}",
        until=later_clock(r.check_in_from, r.check_in_until),
        check_in_by=SCAN_BY[CheckInWay(r.check_in_by)],
    )
