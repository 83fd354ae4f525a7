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
from handlers.api.contract import Route, Who, delete, get, handler, post
from models import errors as e
from notify.wechat.errors import CodeInvalid, WeChatUnavailable, WeChatUserBlocked

PREFIX: Final = "/api/v1"

_TIMES = (e.InThePast, e.OutsideHorizon, e.NotOpenYet, e.Closed, e.OffGrid, e.TooShort, e.TooLong)
_ALLOWED = (e.Suspended, e.NotAdmitted)
_SEAT = (e.SeatDisabled, e.SeatKept)
_BOOK = (e.NotFound, e.SeatTaken, e.OwnOverlap, *_ALLOWED, *_SEAT, *_TIMES)
_OWN = (e.NotFound, e.WrongState)
_KEY = (e.IdempotencyKeyReused, e.InProgress)
_SCAN = (e.QrInvalid, e.QrExpired, e.QrUsed, e.TooLate, e.WrongVenue, e.TooManyAttempts)
_DAY = (e.InThePast, e.OutsideHorizon)

ROUTES: Final = (
    post(
        "/wx/login",
        identity.wx_login,
        "Exchange a wx.login code for a token",
        Who.ANYONE,
        signs_in=True,
        errors=(CodeInvalid, WeChatUserBlocked, WeChatUnavailable),
    ),
    post(
        "/bindings",
        identity.bind,
        "Bind the WeChat user to the reader who showed the activation code",
        Who.WX_USER,
        answer=s.BindingOut,
        accepted=s.BindingRequestOut,
        status=201,
        errors=(e.ActivationCodeInvalid, e.AlreadyBound, e.ReaderBoundElsewhere, e.TooManyAttempts),
    ),
    post(
        "/bindings/preview",
        identity.preview,
        "Whom a scanned activation code would bind",
        Who.WX_USER,
        errors=(e.ActivationCodeInvalid, e.AlreadyBound),
    ),
    get(
        "/binding-requests/current",
        identity.binding_state,
        "What has become of the WeChat user's latest binding request",
        Who.WX_USER,
    ),
    post(
        "/binding-requests/{id}/confirm",
        identity.confirm_binding,
        "是我: bind the WeChat user who waits",
        Who.WEB_READER,
        errors=(e.BindingRequestOver, e.AlreadyBound, e.ReaderBoundElsewhere),
    ),
    post(
        "/binding-requests/{id}/refuse",
        identity.refuse_binding,
        "不是我: bind nobody, and end the activation code",
        Who.WEB_READER,
        errors=(e.BindingRequestOver,),
    ),
    delete("/bindings/current", identity.unbind, "Unbind the reader's WeChat user"),
    post(
        "/activation-codes",
        identity.activation_code,
        "The reader's live activation code, or a new one",
        Who.WEB_READER,
        status=201,
        body_optional=True,
    ),
    get("/me", identity.me, "Who I am and what I have", Who.SESSION),
    post(
        "/subscriptions",
        identity.subscribe,
        "Report what the reader answered to wx.requestSubscribeMessage",
        errors=(e.UnknownTemplate,),
    ),
    delete("/sessions/current", identity.log_out, "Log out"),
    get("/messages", records.messages, "What the reader was told, the newest first"),
    post("/messages/read", records.mark_read, "Mark messages as read"),
    get("/venues", seats.venues, "Venues and their bookable days", Who.SESSION),
    get(
        "/notices",
        notices.listed,
        "What the library tells everybody",
        Who.SESSION,
        errors=(e.NotAllowed,),
    ),
    get(
        "/notices/{id}",
        notices.one,
        "One notice",
        Who.SESSION,
        errors=(e.NotAllowed, e.NotFound),
    ),
    get(
        "/areas",
        seats.areas,
        "Areas with their free seats",
        answer=s.AreasOut,
        errors=(*_DAY, e.FilterOff),
    ),
    get(
        "/areas/{id}/map",
        seats.plan,
        "The plan of an area",
        answer=s.MapOut,
        errors=(e.NotFound, *_DAY),
    ),
    get(
        "/areas/{id}/events",
        seats.events,
        "The plan as it changes: Server-Sent Events `seat`, and `version` after them",
        answer=s.SeatEvent,
        stream=True,
        errors=(e.NotFound, *_DAY),
    ),
    get("/seats/{id}", seats.seat_day, "A seat and its day", errors=(e.NotFound, *_DAY)),
    get(
        "/seats/{id}/times",
        seats.seat_times,
        "Free starts of a seat; with a start, its free ends",
        errors=(e.NotFound, e.OffGrid, *_DAY),
    ),
    post(
        "/reservations",
        reservations.make,
        "Reserve a seat",
        status=201,
        idempotent=True,
        books=True,
        errors=(*_BOOK, e.DailyLimit),
    ),
    get("/reservations", reservations.listed, "The reader's reservations, the newest first"),
    get(
        "/reservations/{id}",
        reservations.one,
        "One of the reader's reservations with its history",
        errors=(e.NotFound,),
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
        errors=(*_OWN, *_SCAN, e.TooEarly, e.OtherInUse),
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
        errors=(e.NotFound,),
    ),
    post(
        "/reservations/{id}/extend",
        reservations.extend,
        "Stay longer",
        idempotent=True,
        errors=(
            *_OWN,
            e.SeatTaken,
            e.OwnOverlap,
            e.TooLong,
            e.TooEarly,
            e.TooOften,
            e.OffGrid,
            e.Closed,
            e.SeatDisabled,
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
        errors=(e.NotFound, e.NothingToConfirm),
    ),
    get("/violations", records.violations, "The reader's violations and where they stand"),
    post(
        "/waits",
        waits.join,
        "Wait for a seat of an area in a time in which nothing fitting is free",
        status=201,
        errors=(
            e.NotFound,
            *_ALLOWED,
            *_TIMES,
            e.FilterOff,
            e.OwnOverlap,
            e.DailyLimit,
            e.SeatFree,
            e.AlreadyWaiting,
        ),
    ),
    get("/waits", waits.listed, "The reader's places in lines, the newest first"),
    delete(
        "/waits/{id}",
        waits.leave,
        "Give a place up; a seat that is held passes on",
        errors=(e.NotFound,),
    ),
    post(
        "/reservations/{id}/accept",
        waits.accept,
        "Take the seat that is held",
        errors=(*_OWN, *_ALLOWED, *_SEAT, e.DailyLimit, e.Closed),
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
        errors=(*_OWN, e.TooEarly, e.TooLate),
    ),
    post(
        "/seats/{id}/report",
        reservations.doubt,
        "Say that nobody sits on a seat that is shown in use",
        errors=(e.NotFound, e.NotInUse, e.WrongState, e.TooManyAttempts),
    ),
    get(
        "/desk/reports",
        desk.reports,
        "Seats that somebody else has taken, the longest waiting first",
        Who.VIEWER,
    ),
    get(
        "/desk/relays",
        desk.relays,
        "Check-ins by a code that may have been passed on, the newest first",
        Who.VIEWER,
    ),
    post(
        "/desk/reports/{id}/resolve",
        desk.resolve,
        "The seat of this reservation is free again",
        Who.LIBRARIAN,
        errors=_OWN,
    ),
    post(
        "/violations/{id}/appeal",
        records.appeal,
        "Say why it was no violation",
        errors=(e.NotFound, e.NothingToAppeal),
    ),
    get("/desk/appeals", desk.appeals, "Appeals that wait, the oldest first", Who.VIEWER),
    post(
        "/desk/appeals/{id}",
        desk.settle,
        "Answer the appeal against this violation; granted, it is waived",
        Who.LIBRARIAN,
        errors=_OWN,
    ),
    post(
        "/desk/violations/{id}/waive",
        desk.waive,
        "Let a violation go; a suspension that no longer holds ends",
        Who.LIBRARIAN,
        errors=(e.NotFound,),
    ),
    post(
        "/desk/violations/waive",
        desk.waive_all,
        "Let all violations of an interval go",
        Who.LIBRARIAN,
    ),
    get(
        "/gate-records", gates.records, "The reader's passages through the gates, the newest first"
    ),
    post(
        "/gate/events",
        gates.events,
        "Passages that a gate reports, signed",
        Who.GATE,
        first=gates.signed,
    ),
    post(
        "/kiosks/{id}/touch",
        kiosks.touch,
        "A card at a seat kiosk signs its reader in for a moment",
        Who.KIOSK,
        status=201,
        errors=(e.NotFound, e.CardUnknown, e.TooManyAttempts),
    ),
    post(
        "/kiosks/{id}/check-in",
        kiosks.check_in,
        "Check in or return at the kiosk that the reader touched with a card",
        errors=(*_OWN, *_KEY, e.TooEarly, e.TooLate, e.WrongVenue, e.OtherInUse, e.QrUsed),
    ),
    get(
        "/kiosks/{id}/code",
        kiosks.code,
        "The code that the kiosk shows now",
        Who.KIOSK,
        errors=(e.NotFound,),
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


def _name(route: Route) -> str:
    return f"{route.operation.__module__.rsplit('.', 1)[1]}.{route.operation.__name__}"
