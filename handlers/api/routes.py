"""Every operation of the API on one screen. OpenAPI is made from this table, so it cannot drift."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.api import identity, kiosks, notices, records, reservations, seats
from handlers.api import schemas as s
from handlers.api.contract import Route, Who, handler
from models import errors as e
from notify.wechat.errors import CodeInvalid, WeChatUnavailable, WeChatUserBlocked

PREFIX: Final = "/api/v1"

_TIMES = (e.InThePast, e.OutsideHorizon, e.NotOpenYet, e.Closed, e.OffGrid, e.TooShort, e.TooLong)
_BOOK = (e.NotFound, e.SeatTaken, e.OwnOverlap, e.Suspended, e.SeatDisabled, *_TIMES)
_KEY = (e.IdempotencyKeyReused, e.InProgress)
_OWN = (e.NotFound, e.WrongState, *_KEY)
_SCAN = (
    e.QrInvalid,
    e.QrExpired,
    e.QrUsed,
    e.TooEarly,
    e.TooLate,
    e.WrongVenue,
    e.OtherInUse,
    e.TooManyAttempts,
)
_DAY = (e.InThePast, e.OutsideHorizon)

ROUTES: Final = (
    Route(
        "POST",
        "/wx/login",
        identity.wx_login,
        Who.ANYONE,
        s.LoginOut,
        "Exchange a wx.login code for a token",
        body=s.WxLogin,
        errors=(CodeInvalid, WeChatUserBlocked, WeChatUnavailable),
    ),
    Route(
        "POST",
        "/bindings",
        identity.bind,
        Who.WX_USER,
        s.BindingOut,
        "Bind the WeChat user to the reader who showed the activation code",
        status=201,
        body=s.Bind,
        errors=(
            e.ActivationCodeInvalid,
            e.AlreadyBound,
            e.ReaderBoundElsewhere,
            e.TooManyAttempts,
        ),
    ),
    Route(
        "DELETE",
        "/bindings/current",
        identity.unbind,
        Who.READER,
        None,
        "Unbind the reader's WeChat user",
        status=204,
    ),
    Route(
        "POST",
        "/activation-codes",
        identity.activation_code,
        Who.WEB_READER,
        s.ActivationCodeOut,
        "The reader's live activation code, or a new one",
        status=201,
        body=s.NewActivationCode,
        body_optional=True,
    ),
    Route("GET", "/me", identity.me, Who.SESSION, s.MeOut, "Who I am and what I have"),
    Route(
        "POST",
        "/subscriptions",
        identity.subscribe,
        Who.READER,
        s.SubscriptionsOut,
        "Report what the reader answered to wx.requestSubscribeMessage",
        body=s.Subscribe,
        errors=(e.UnknownTemplate,),
    ),
    Route("DELETE", "/sessions/current", identity.log_out, Who.READER, None, "Log out", status=204),
    Route(
        "GET",
        "/messages",
        records.messages,
        Who.READER,
        s.MessagesOut,
        "What the reader was told, the newest first",
        query=s.MessagesQuery,
    ),
    Route(
        "POST",
        "/messages/read",
        records.mark_read,
        Who.READER,
        None,
        "Mark messages as read",
        status=204,
        body=s.MarkRead,
    ),
    Route(
        "GET", "/venues", seats.venues, Who.SESSION, s.VenuesOut, "Venues and their bookable days"
    ),
    Route(
        "GET",
        "/notices",
        notices.listed,
        Who.SESSION,
        s.NoticesOut,
        "What the library tells everybody",
        query=s.PageQuery,
    ),
    Route(
        "GET",
        "/notices/{id}",
        notices.one,
        Who.SESSION,
        s.NoticeDetail,
        "One notice",
        errors=(e.NotFound,),
    ),
    Route(
        "GET",
        "/areas",
        seats.areas,
        Who.READER,
        s.AreasOut,
        "Areas with their free seats",
        query=s.AreasQuery,
        errors=(*_DAY, e.FilterOff),
    ),
    Route(
        "GET",
        "/areas/{id}/map",
        seats.plan,
        Who.READER,
        s.MapOut,
        "The plan of an area",
        query=s.WindowQuery,
        errors=(e.NotFound, *_DAY),
    ),
    Route(
        "GET",
        "/areas/{id}/events",
        seats.events,
        Who.READER,
        s.SeatEvent,
        "The plan as it changes: Server-Sent Events `seat`, and `version` after them",
        query=s.WindowQuery,
        stream=True,
        errors=(e.NotFound, *_DAY),
    ),
    Route(
        "GET",
        "/seats/{id}",
        seats.seat_day,
        Who.READER,
        s.SeatDayOut,
        "A seat and its day",
        query=s.SeatDayQuery,
        errors=(e.NotFound, *_DAY),
    ),
    Route(
        "GET",
        "/seats/{id}/times",
        seats.seat_times,
        Who.READER,
        s.TimesOut,
        "Free starts of a seat; with a start, its free ends",
        query=s.TimesQuery,
        errors=(e.NotFound, e.OffGrid, *_DAY),
    ),
    Route(
        "POST",
        "/reservations",
        reservations.make,
        Who.READER,
        s.ReservationOut,
        "Reserve a seat",
        status=201,
        body=s.Reserve,
        idempotent=True,
        books=True,
        errors=(*_BOOK, e.DailyLimit, *_KEY),
    ),
    Route(
        "GET",
        "/reservations",
        reservations.listed,
        Who.READER,
        s.ReservationsOut,
        "The reader's reservations, the newest first",
        query=s.ReservationsQuery,
    ),
    Route(
        "GET",
        "/reservations/{id}",
        reservations.one,
        Who.READER,
        s.ReservationDetail,
        "One of the reader's reservations with its history",
        errors=(e.NotFound,),
    ),
    Route(
        "POST",
        "/reservations/{id}/cancel",
        reservations.cancel,
        Who.READER,
        s.ReservationOut,
        "Cancel before check-in",
        idempotent=True,
        errors=_OWN,
    ),
    Route(
        "POST",
        "/reservations/{id}/change",
        reservations.change,
        Who.READER,
        s.ReservationOut,
        "Another seat or time, all or nothing",
        body=s.Change,
        idempotent=True,
        books=True,
        errors=(*_OWN, *_BOOK),
    ),
    Route(
        "POST",
        "/reservations/{id}/check-in",
        reservations.check_in,
        Who.READER,
        s.ReservationOut,
        "Check in by the kiosk's code; while away, return",
        body=s.Scanned,
        idempotent=True,
        errors=(*_OWN, *_SCAN),
    ),
    Route(
        "POST",
        "/reservations/{id}/leave",
        reservations.leave,
        Who.READER,
        s.ReservationOut,
        "Leave for a while",
        idempotent=True,
        errors=_OWN,
    ),
    Route(
        "POST",
        "/reservations/{id}/return",
        reservations.come_back,
        Who.READER,
        s.ReservationOut,
        "Return by the kiosk's code",
        body=s.Scanned,
        idempotent=True,
        errors=(*_OWN, *_SCAN),
    ),
    Route(
        "GET",
        "/reservations/{id}/extensions",
        reservations.extensions,
        Who.READER,
        s.EndsOut,
        "The later ends that are possible now",
        errors=(e.NotFound,),
    ),
    Route(
        "POST",
        "/reservations/{id}/extend",
        reservations.extend,
        Who.READER,
        s.ReservationOut,
        "Stay longer",
        body=s.Extend,
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
        ),
    ),
    Route(
        "POST",
        "/reservations/{id}/finish",
        reservations.finish,
        Who.READER,
        s.ReservationOut,
        "Give the seat back",
        idempotent=True,
        errors=_OWN,
    ),
    Route(
        "GET",
        "/violations",
        records.violations,
        Who.READER,
        s.ViolationsOut,
        "The reader's violations and where they stand",
        query=s.PageQuery,
    ),
    Route(
        "GET",
        "/kiosks/{id}/code",
        kiosks.code,
        Who.KIOSK,
        s.KioskCodeOut,
        "The code that the kiosk shows now",
        errors=(e.NotFound,),
    ),
)


def api_routes() -> list[web.RouteDef]:
    return [
        web.route(route.method, PREFIX + route.path, handler(route), name=_name(route))
        for route in ROUTES
    ]


def _name(route: Route) -> str:
    return f"{route.operation.__module__.rsplit('.', 1)[1]}.{route.operation.__name__}"
