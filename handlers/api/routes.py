"""Every operation of the API on one screen. OpenAPI is made from this table, so it cannot drift."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.api import (
    desk,
    gates,
    identity,
    kiosks,
    notices,
    records,
    reservations,
    seats,
    waits,
)
from handlers.api import schemas as s
from handlers.api.contract import Access, Endpoint, delete, get, handler, post
from models.check_in import errors as check_in_errors
from models.identity import errors as identity_errors
from models.kernel import errors as kernel_errors
from models.kiosks import errors as kiosks_errors
from models.messages import errors as messages_errors
from models.policy import errors as policy_errors
from models.readers import errors as readers_errors
from models.reservations import errors as reservations_errors
from models.seat_reports import errors as seat_reports_errors
from models.violations import errors as violations_errors
from models.waitlist import errors as waitlist_errors
from notify.wechat.errors import CodeInvalid, WeChatUnavailable, WeChatUserBlocked

PREFIX: Final = "/api/v1"

_TIMES = (
    reservations_errors.StartInPast,
    reservations_errors.BeyondBookingWindow,
    reservations_errors.BookingWindowNotOpen,
    reservations_errors.Closed,
    reservations_errors.NotATimeStep,
    reservations_errors.TooShort,
    reservations_errors.TooLong,
)
_ALLOWED = (reservations_errors.Suspended, reservations_errors.OutsideVisitDates)
_SEAT = (reservations_errors.SeatDisabled, reservations_errors.AccessibleSeatOnly)
_BOOK = (
    kernel_errors.NotFound,
    reservations_errors.SeatTaken,
    reservations_errors.OverlapsOwnBooking,
    *_ALLOWED,
    *_SEAT,
    *_TIMES,
)
_OWN = (kernel_errors.NotFound, reservations_errors.InvalidState)
_KEY = (reservations_errors.IdempotencyKeyReused, reservations_errors.RequestInProgress)
_SCAN = (
    kiosks_errors.QrInvalid,
    check_in_errors.QrExpired,
    check_in_errors.QrUsed,
    reservations_errors.TooLate,
    check_in_errors.WrongVenue,
    kernel_errors.TooManyAttempts,
)
_DAY = (reservations_errors.StartInPast, reservations_errors.BeyondBookingWindow)

ROUTES: Final = (
    post(
        "/wx/login",
        identity.wx_login,
        "Exchange a wx.login code for a token",
        Access.ANYONE,
        signs_in=True,
        errors=(CodeInvalid, WeChatUserBlocked, WeChatUnavailable),
    ),
    post(
        "/bindings",
        identity.bind,
        "Bind the WeChat user to the reader who showed the activation code",
        Access.WX_USER,
        answer=s.BindingOut,
        accepted=s.BindingRequestOut,
        status=201,
        errors=(
            identity_errors.ActivationCodeInvalid,
            identity_errors.AlreadyBound,
            identity_errors.ReaderBoundElsewhere,
            kernel_errors.TooManyAttempts,
        ),
    ),
    post(
        "/bindings/preview",
        identity.preview,
        "Whom a scanned activation code would bind",
        Access.WX_USER,
        errors=(identity_errors.ActivationCodeInvalid, identity_errors.AlreadyBound),
    ),
    get(
        "/binding-requests/current",
        identity.binding_state,
        "What has become of the WeChat user's latest binding request",
        Access.WX_USER,
    ),
    post(
        "/binding-requests/{id}/confirm",
        identity.confirm_binding,
        "是我: bind the WeChat user who waits",
        Access.WEB_READER,
        errors=(
            identity_errors.BindingRequestOver,
            identity_errors.AlreadyBound,
            identity_errors.ReaderBoundElsewhere,
        ),
    ),
    post(
        "/binding-requests/{id}/refuse",
        identity.refuse_binding,
        "不是我: bind nobody, and end the activation code",
        Access.WEB_READER,
        errors=(identity_errors.BindingRequestOver,),
    ),
    delete("/bindings/current", identity.unbind, "Unbind the reader's WeChat user"),
    post(
        "/activation-codes",
        identity.activation_code,
        "The reader's live activation code, or a new one",
        Access.WEB_READER,
        status=201,
        body_optional=True,
    ),
    get("/me", identity.me, "Who I am and what I have", Access.SESSION),
    post(
        "/subscriptions",
        identity.subscribe,
        "Report what the reader answered to wx.requestSubscribeMessage",
        errors=(messages_errors.UnknownTemplate,),
    ),
    delete("/sessions/current", identity.log_out, "Log out"),
    get("/messages", records.messages, "What the reader was told, the newest first"),
    post("/messages/read", records.mark_read, "Mark messages as read"),
    get("/venues", seats.venues, "Venues and their bookable days", Access.SESSION),
    get(
        "/notices",
        notices.listed,
        "What the library tells everybody",
        Access.SESSION,
        errors=(kernel_errors.NotAllowed,),
    ),
    get(
        "/notices/{id}",
        notices.one,
        "One notice",
        Access.SESSION,
        errors=(kernel_errors.NotAllowed, kernel_errors.NotFound),
    ),
    get(
        "/areas",
        seats.areas,
        "Areas with their free seats",
        answer=s.AreasOut,
        errors=(*_DAY, policy_errors.FilterDisabled),
    ),
    get(
        "/areas/{id}/map",
        seats.plan,
        "The plan of an area",
        answer=s.SeatMapOut,
        errors=(kernel_errors.NotFound, *_DAY),
    ),
    get(
        "/areas/{id}/events",
        seats.events,
        "The plan as it changes: Server-Sent Events `seat`, and `version` after them",
        answer=s.SeatEvent,
        stream=True,
        errors=(kernel_errors.NotFound, *_DAY),
    ),
    get(
        "/seats/{id}", seats.seat_day, "A seat and its day", errors=(kernel_errors.NotFound, *_DAY)
    ),
    get(
        "/seats/{id}/times",
        seats.seat_times,
        "Free starts of a seat; with a start, its free ends",
        errors=(kernel_errors.NotFound, reservations_errors.NotATimeStep, *_DAY),
    ),
    post(
        "/reservations",
        reservations.make,
        "Reserve a seat",
        status=201,
        idempotent=True,
        books=True,
        errors=(*_BOOK, reservations_errors.DailyLimit),
    ),
    get("/reservations", reservations.listed, "The reader's reservations, the newest first"),
    get(
        "/reservations/{id}",
        reservations.one,
        "One of the reader's reservations with its history",
        errors=(kernel_errors.NotFound,),
    ),
    post(
        "/reservations/{id}/cancel",
        reservations.cancel,
        "Cancel before check-in",
        idempotent=True,
        errors=_OWN,
    ),
    post(
        "/reservations/{id}/change",
        reservations.change,
        "Another seat or time, all or nothing",
        idempotent=True,
        books=True,
        errors=(*_OWN, *_BOOK),
    ),
    post(
        "/reservations/{id}/check-in",
        reservations.check_in,
        "Check in by the kiosk's code; while away, return",
        idempotent=True,
        errors=(*_OWN, *_SCAN, reservations_errors.TooEarly, check_in_errors.CheckedInElsewhere),
    ),
    post(
        "/reservations/{id}/leave",
        reservations.leave,
        "Leave for a while",
        idempotent=True,
        errors=_OWN,
    ),
    post(
        "/reservations/{id}/return",
        reservations.come_back,
        "Return by the kiosk's code",
        idempotent=True,
        errors=(*_OWN, *_SCAN),
    ),
    get(
        "/reservations/{id}/extensions",
        reservations.extensions,
        "The later ends that are possible now",
        errors=(kernel_errors.NotFound,),
    ),
    post(
        "/reservations/{id}/extend",
        reservations.extend,
        "Stay longer",
        idempotent=True,
        errors=(
            *_OWN,
            reservations_errors.SeatTaken,
            reservations_errors.OverlapsOwnBooking,
            reservations_errors.TooLong,
            reservations_errors.TooEarly,
            check_in_errors.RenewalLimitReached,
            reservations_errors.NotATimeStep,
            reservations_errors.Closed,
            reservations_errors.SeatDisabled,
        ),
    ),
    post(
        "/reservations/{id}/finish",
        reservations.finish,
        "Give the seat back",
        idempotent=True,
        errors=_OWN,
    ),
    post(
        "/reservations/{id}/confirm",
        reservations.confirm,
        "Confirm what a gate did on the reader's behalf",
        idempotent=True,
        errors=(kernel_errors.NotFound, check_in_errors.NothingToConfirm),
    ),
    get("/violations", records.violations, "The reader's violations and where they stand"),
    post(
        "/waitlist",
        waits.join,
        "Wait for a seat of an area in a time in which nothing fitting is free",
        status=201,
        errors=(
            kernel_errors.NotFound,
            *_ALLOWED,
            *_TIMES,
            policy_errors.FilterDisabled,
            reservations_errors.OverlapsOwnBooking,
            reservations_errors.DailyLimit,
            waitlist_errors.SeatAvailable,
            waitlist_errors.AlreadyWaiting,
        ),
    ),
    get("/waitlist", waits.listed, "The reader's places in lines, the newest first"),
    delete(
        "/waitlist/{id}",
        waits.leave,
        "Give a place up; a seat that is held passes on",
        errors=(kernel_errors.NotFound,),
    ),
    post(
        "/reservations/{id}/accept",
        waits.accept,
        "Take the seat that is held",
        errors=(
            *_OWN,
            *_ALLOWED,
            *_SEAT,
            reservations_errors.DailyLimit,
            reservations_errors.Closed,
        ),
    ),
    post(
        "/reservations/{id}/decline",
        waits.decline,
        "Not this seat: it passes on, and the reader waits on",
        errors=_OWN,
    ),
    post(
        "/reservations/{id}/report",
        reservations.report,
        "Say that the seat is taken by somebody else",
        idempotent=True,
        errors=(*_OWN, reservations_errors.TooEarly, reservations_errors.TooLate),
    ),
    post(
        "/seats/{id}/report",
        reservations.doubt,
        "Say that nobody sits on a seat that is shown in use",
        errors=(
            kernel_errors.NotFound,
            seat_reports_errors.SeatNotInUse,
            reservations_errors.InvalidState,
            kernel_errors.TooManyAttempts,
        ),
    ),
    get(
        "/staff/reports",
        desk.reports,
        "Seats that somebody else has taken, the longest waiting first",
        Access.VIEWER,
    ),
    get(
        "/staff/relays",
        desk.relays,
        "Check-ins by a code that may have been passed on, the newest first",
        Access.VIEWER,
    ),
    post(
        "/staff/reports/{id}/resolve",
        desk.resolve,
        "The seat of this reservation is free again",
        Access.LIBRARIAN,
        errors=_OWN,
    ),
    post(
        "/violations/{id}/appeal",
        records.appeal,
        "Say why it was no violation",
        errors=(kernel_errors.NotFound, violations_errors.NothingToAppeal),
    ),
    get("/staff/appeals", desk.appeals, "Appeals that wait, the oldest first", Access.VIEWER),
    post(
        "/staff/appeals/{id}",
        desk.settle,
        "Answer the appeal against this violation; granted, it is waived",
        Access.LIBRARIAN,
        errors=_OWN,
    ),
    post(
        "/staff/violations/{id}/waive",
        desk.waive,
        "Let a violation go; a suspension that no longer holds ends",
        Access.LIBRARIAN,
        errors=(kernel_errors.NotFound,),
    ),
    post(
        "/staff/violations/waive",
        desk.waive_all,
        "Let all violations of an interval go",
        Access.LIBRARIAN,
    ),
    get(
        "/gate-records", gates.records, "The reader's passages through the gates, the newest first"
    ),
    post(
        "/gate/events",
        gates.events,
        "Passages that a gate reports, signed",
        Access.GATE,
        first=gates.signed,
    ),
    post(
        "/kiosks/{id}/touch",
        kiosks.touch,
        "A card at a seat kiosk signs its reader in for a moment",
        Access.KIOSK,
        status=201,
        errors=(kernel_errors.NotFound, readers_errors.CardUnknown, kernel_errors.TooManyAttempts),
    ),
    post(
        "/kiosks/{id}/check-in",
        kiosks.check_in,
        "Check in or return at the kiosk that the reader touched with a card",
        errors=(
            *_OWN,
            *_KEY,
            reservations_errors.TooEarly,
            reservations_errors.TooLate,
            check_in_errors.WrongVenue,
            check_in_errors.CheckedInElsewhere,
            check_in_errors.QrUsed,
        ),
    ),
    get(
        "/kiosks/{id}/code",
        kiosks.code,
        "The code that the kiosk shows now",
        Access.KIOSK,
        errors=(kernel_errors.NotFound,),
    ),
)


WECHAT_ONLY: Final = frozenset(
    PREFIX + path
    for path in (
        "/wx/login",
        "/bindings",
        "/bindings/preview",
        "/bindings/current",
        "/binding-requests/current",
        "/binding-requests/{id}/confirm",
        "/binding-requests/{id}/refuse",
        "/activation-codes",
        "/subscriptions",
    )
)
"""Served only where the library has a mini-program."""


def api_routes() -> list[web.RouteDef]:
    return [
        web.route(route.method, PREFIX + route.path, handler(route), name=_name(route))
        for route in ROUTES
    ]


def _name(route: Endpoint) -> str:
    return f"{route.operation.__module__.rsplit('.', 1)[1]}.{route.operation.__name__}"
