"""Every operation of the API on one screen. OpenAPI is made from this table, so it cannot drift."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.accounts import api, schemas
from handlers.check_in import api as check_in_api
from handlers.gates import api as gates_api
from handlers.http.endpoint import Access, Endpoint, delete, get, handler, post
from handlers.kiosks import api as kiosks_api
from handlers.messages import api as messages_api
from handlers.notices import api as notices_api
from handlers.reservations import api as reservations_api
from handlers.seat_map import api as seat_map_api
from handlers.seat_map import schemas as seat_map_schemas
from handlers.seat_reports import api as seat_reports_api
from handlers.staff import api as staff_api
from handlers.violations import api as violations_api
from handlers.waitlist import api as waitlist_api
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
_OWN = (kernel_errors.NotFound, kernel_errors.InvalidState)
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
        api.wx_login,
        "Exchange a wx.login code for a token",
        Access.ANYONE,
        signs_in=True,
        errors=(CodeInvalid, WeChatUserBlocked, WeChatUnavailable),
    ),
    post(
        "/bindings",
        api.bind,
        "Bind the WeChat user to the reader who showed the activation code",
        Access.WX_USER,
        answer=schemas.BindingOut,
        accepted=schemas.BindingRequestOut,
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
        api.preview,
        "Whom a scanned activation code would bind",
        Access.WX_USER,
        errors=(identity_errors.ActivationCodeInvalid, identity_errors.AlreadyBound),
    ),
    get(
        "/binding-requests/current",
        api.binding_state,
        "What has become of the WeChat user's latest binding request",
        Access.WX_USER,
    ),
    post(
        "/binding-requests/{id}/confirm",
        api.confirm_binding,
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
        api.refuse_binding,
        "不是我: bind nobody, and end the activation code",
        Access.WEB_READER,
        errors=(identity_errors.BindingRequestOver,),
    ),
    delete("/bindings/current", api.unbind, "Unbind the reader's WeChat user"),
    post(
        "/activation-codes",
        api.activation_code,
        "The reader's live activation code, or a new one",
        Access.WEB_READER,
        status=201,
        body_optional=True,
    ),
    get("/me", api.me, "Who I am and what I have", Access.SESSION),
    post(
        "/subscriptions",
        api.subscribe,
        "Report what the reader answered to wx.requestSubscribeMessage",
        errors=(messages_errors.UnknownTemplate,),
    ),
    delete("/sessions/current", api.log_out, "Log out"),
    get("/messages", messages_api.messages, "What the reader was told, the newest first"),
    post("/messages/read", messages_api.mark_read, "Mark messages as read"),
    get("/venues", seat_map_api.venues, "Venues and their bookable days", Access.SESSION),
    get(
        "/notices",
        notices_api.listed,
        "What the library tells everybody",
        Access.SESSION,
        errors=(kernel_errors.NotAllowed,),
    ),
    get(
        "/notices/{id}",
        notices_api.one,
        "One notice",
        Access.SESSION,
        errors=(kernel_errors.NotAllowed, kernel_errors.NotFound),
    ),
    get(
        "/areas",
        seat_map_api.areas,
        "Areas with their free seats",
        answer=seat_map_schemas.AreasOut,
        errors=(*_DAY, policy_errors.FilterDisabled),
    ),
    get(
        "/areas/{id}/map",
        seat_map_api.plan,
        "The plan of an area",
        answer=seat_map_schemas.SeatMapOut,
        errors=(kernel_errors.NotFound, *_DAY),
    ),
    get(
        "/areas/{id}/events",
        seat_map_api.events,
        "The plan as it changes: Server-Sent Events `seat`, and `version` after them",
        answer=seat_map_schemas.SeatEvent,
        stream=True,
        errors=(kernel_errors.NotFound, *_DAY),
    ),
    get(
        "/seats/{id}",
        seat_map_api.seat_day,
        "A seat and its day",
        errors=(kernel_errors.NotFound, *_DAY),
    ),
    get(
        "/seats/{id}/times",
        seat_map_api.seat_times,
        "Free starts of a seat; with a start, its free ends",
        errors=(kernel_errors.NotFound, reservations_errors.NotATimeStep, *_DAY),
    ),
    post(
        "/reservations",
        reservations_api.make,
        "Reserve a seat",
        status=201,
        idempotent=True,
        takes_seat=True,
        errors=(*_BOOK, reservations_errors.DailyLimit),
    ),
    get("/reservations", reservations_api.listed, "The reader's reservations, the newest first"),
    get(
        "/reservations/{id}",
        reservations_api.one,
        "One of the reader's reservations with its history",
        errors=(kernel_errors.NotFound,),
    ),
    post(
        "/reservations/{id}/cancel",
        reservations_api.cancel,
        "Cancel before check-in",
        idempotent=True,
        errors=_OWN,
    ),
    post(
        "/reservations/{id}/change",
        reservations_api.change,
        "Another seat or time, all or nothing",
        idempotent=True,
        takes_seat=True,
        errors=(*_OWN, *_BOOK),
    ),
    post(
        "/reservations/{id}/check-in",
        check_in_api.check_in,
        "Check in by the kiosk's code; while away, return",
        idempotent=True,
        errors=(*_OWN, *_SCAN, reservations_errors.TooEarly, check_in_errors.CheckedInElsewhere),
    ),
    post(
        "/reservations/{id}/leave",
        check_in_api.leave,
        "Leave for a while",
        idempotent=True,
        errors=_OWN,
    ),
    post(
        "/reservations/{id}/return",
        check_in_api.come_back,
        "Return by the kiosk's code",
        idempotent=True,
        errors=(*_OWN, *_SCAN),
    ),
    get(
        "/reservations/{id}/extensions",
        check_in_api.extensions,
        "The later ends that are possible now",
        errors=(kernel_errors.NotFound,),
    ),
    post(
        "/reservations/{id}/extend",
        check_in_api.extend,
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
        check_in_api.finish,
        "Give the seat back",
        idempotent=True,
        errors=_OWN,
    ),
    post(
        "/reservations/{id}/confirm",
        check_in_api.confirm,
        "Confirm what a gate did on the reader's behalf",
        idempotent=True,
        errors=(kernel_errors.NotFound, check_in_errors.NothingToConfirm),
    ),
    get("/violations", violations_api.violations, "The reader's violations and where they stand"),
    post(
        "/waitlist",
        waitlist_api.join,
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
    get("/waitlist", waitlist_api.listed, "The reader's places in lines, the newest first"),
    delete(
        "/waitlist/{id}",
        waitlist_api.leave,
        "Give a place up; a seat that is held passes on",
        errors=(kernel_errors.NotFound,),
    ),
    post(
        "/reservations/{id}/accept",
        waitlist_api.accept,
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
        waitlist_api.decline,
        "Not this seat: it passes on, and the reader waits on",
        errors=_OWN,
    ),
    post(
        "/reservations/{id}/report",
        seat_reports_api.report,
        "Say that the seat is taken by somebody else",
        idempotent=True,
        errors=(*_OWN, reservations_errors.TooEarly, reservations_errors.TooLate),
    ),
    post(
        "/seats/{id}/report",
        seat_reports_api.doubt,
        "Say that nobody sits on a seat that is shown in use",
        errors=(
            kernel_errors.NotFound,
            seat_reports_errors.SeatNotInUse,
            kernel_errors.InvalidState,
            kernel_errors.TooManyAttempts,
        ),
    ),
    get(
        "/staff/reports",
        staff_api.reports,
        "Seats that somebody else has taken, the longest waiting first",
        Access.VIEWER,
    ),
    get(
        "/staff/relays",
        staff_api.relays,
        "Check-ins by a code that may have been passed on, the newest first",
        Access.VIEWER,
    ),
    post(
        "/staff/reports/{id}/resolve",
        staff_api.resolve,
        "The seat of this reservation is free again",
        Access.LIBRARIAN,
        errors=_OWN,
    ),
    post(
        "/violations/{id}/appeal",
        violations_api.appeal,
        "Say why it was no violation",
        errors=(kernel_errors.NotFound, violations_errors.NothingToAppeal),
    ),
    get("/staff/appeals", staff_api.appeals, "Appeals that wait, the oldest first", Access.VIEWER),
    post(
        "/staff/appeals/{id}",
        staff_api.settle,
        "Answer the appeal against this violation; granted, it is waived",
        Access.LIBRARIAN,
        errors=_OWN,
    ),
    post(
        "/staff/violations/{id}/waive",
        staff_api.waive,
        "Let a violation go; a suspension that no longer holds ends",
        Access.LIBRARIAN,
        errors=(kernel_errors.NotFound,),
    ),
    post(
        "/staff/violations/waive",
        staff_api.waive_all,
        "Let all violations of an interval go",
        Access.LIBRARIAN,
    ),
    get(
        "/gate-records",
        gates_api.records,
        "The reader's passages through the gates, the newest first",
    ),
    post(
        "/gate/events",
        gates_api.events,
        "Passages that a gate reports, signed",
        Access.GATE,
        verify_before_parsing=gates_api.signed,
    ),
    post(
        "/kiosks/{id}/touch",
        kiosks_api.touch,
        "A card at a seat kiosk signs its reader in for a moment",
        Access.KIOSK,
        status=201,
        errors=(kernel_errors.NotFound, readers_errors.CardUnknown, kernel_errors.TooManyAttempts),
    ),
    post(
        "/kiosks/{id}/check-in",
        kiosks_api.check_in,
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
        kiosks_api.code,
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
    """Feature and function: ``reservations.create``."""
    return f"{route.operation.__module__.split('.')[1]}.{route.operation.__name__}"
