"""Operations of the API: what the staff see and decide."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import Access, get, post
from handlers.reservations import staff_api as api_reservations
from handlers.staff import api
from handlers.statistics import staff_api as api_statistics
from models.check_in.errors import CheckedInElsewhere
from models.identity.api_tokens import Scope
from models.kernel.errors import NotFound, TooManyAttempts
from models.reservations.errors import BOOKING, OWN_RESERVATION, DailyLimit, TooEarly, TooLate

_WRITE: Final = Scope.RESERVATIONS_WRITE

ROUTES: Final = (
    get(
        "/staff/reports",
        api.list_reports,
        "Seats that somebody else has taken, the longest waiting first",
        Access.VIEWER,
    ),
    get(
        "/staff/code-sharing",
        api.list_code_sharing,
        "Check-ins by a code that may have been passed on, the newest first",
        Access.VIEWER,
    ),
    post(
        "/staff/reports/{id}/resolve",
        api.resolve_report,
        "The seat of this reservation is free again",
        Access.LIBRARIAN,
        errors=OWN_RESERVATION,
        audited=True,
    ),
    post(
        "/staff/reports/{id}/reject",
        api.reject_report,
        "Nobody else sits on the seat of this reservation: its deadlines run again",
        Access.LIBRARIAN,
        errors=OWN_RESERVATION,
        audited=True,
    ),
    get(
        "/staff/patrol",
        api.list_patrol,
        "Seats in use that may be empty, whose readers no push has reached",
        Access.VIEWER,
    ),
    get(
        "/staff/reservations",
        api_reservations.list_reservations,
        "A day's reservations, in the order in which they were made",
        Access.LIBRARIAN,
        scope=Scope.RESERVATIONS_READ,
        errors=(NotFound,),
        audited=True,
    ),
    get(
        "/staff/reservations/{id}",
        api_reservations.get_reservation,
        "One reservation",
        Access.LIBRARIAN,
        scope=Scope.RESERVATIONS_READ,
        errors=(NotFound,),
        audited=True,
    ),
    post(
        "/staff/reservations",
        api_reservations.book,
        "Reserve a seat in a reader's place",
        Access.LIBRARIAN,
        scope=_WRITE,
        status=201,
        idempotent=True,
        errors=(*BOOKING, DailyLimit, TooManyAttempts),
        audited=True,
    ),
    post(
        "/staff/reservations/{id}/check-in",
        api_reservations.check_in,
        "The reader was seen there: check them in, or back from a leave",
        Access.LIBRARIAN,
        scope=_WRITE,
        idempotent=True,
        errors=(*OWN_RESERVATION, TooEarly, TooLate, CheckedInElsewhere),
        audited=True,
    ),
    post(
        "/staff/reservations/{id}/leave",
        api_reservations.leave,
        "The reader leaves for a while",
        Access.LIBRARIAN,
        scope=_WRITE,
        idempotent=True,
        errors=OWN_RESERVATION,
        audited=True,
    ),
    post(
        "/staff/reservations/{id}/finish",
        api_reservations.finish,
        "The reader has left for good: the seat is free",
        Access.LIBRARIAN,
        scope=_WRITE,
        idempotent=True,
        errors=OWN_RESERVATION,
        audited=True,
    ),
    post(
        "/staff/reservations/{id}/cancel",
        api_reservations.cancel,
        "Cancel before the check-in",
        Access.LIBRARIAN,
        scope=_WRITE,
        idempotent=True,
        errors=OWN_RESERVATION,
        audited=True,
    ),
    get(
        "/staff/statistics",
        api_statistics.statistics,
        "What was counted of each day and area",
        Access.VIEWER,
        scope=Scope.STATISTICS_READ,
    ),
    get("/staff/appeals", api.list_appeals, "Appeals that wait, the oldest first", Access.VIEWER),
    post(
        "/staff/appeals/{id}",
        api.decide_appeal,
        "Answer the appeal against this violation; granted, it is waived",
        Access.LIBRARIAN,
        errors=OWN_RESERVATION,
        audited=True,
    ),
    post(
        "/staff/violations/{id}/waive",
        api.waive,
        "Let a violation go; a suspension that no longer holds ends",
        Access.LIBRARIAN,
        errors=(NotFound,),
        audited=True,
    ),
    post(
        "/staff/violations/waive",
        api.waive_all,
        "Let all violations of an interval go",
        Access.LIBRARIAN,
        audited=True,
    ),
)
