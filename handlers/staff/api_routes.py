"""Operations of the API: what the staff see and decide."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import Access, get, post
from handlers.http.error_groups import OWN_RESERVATION
from handlers.staff import api
from models.kernel.errors import NotFound

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
