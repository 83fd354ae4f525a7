"""Every page on one screen."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.security import BOOKINGS
from handlers.web import account, contact, kiosk, notices, reservations, seats
from handlers.web.assets import asset_routes
from handlers.web.console import console_routes
from handlers.web.login import login_routes, welcome
from handlers.web.pages import change, look

WECHAT_ONLY: Final = frozenset(
    {
        "/activation",
        "/activation/state",
        "/activation/{id}/confirm",
        "/activation/{id}/refuse",
        "/bind",
        "/mini-code/{place}",
        "/unbind",
        "/console/readers/{id}/code",
        "/console/readers/{id}/binding",
        "/console/readers/{id}/unbind",
        "/console/deliveries",
        "/console/deliveries/retry",
    }
)
"""Served only where the library has a mini-program."""


def web_routes() -> list[web.RouteDef]:
    return [
        *asset_routes(),
        *login_routes(),
        *console_routes(),
        web.get("/", look(seats.areas, welcome)),
        web.get("/areas/{id}", look(seats.plan)),
        web.get("/reserve", look(seats.nowhere)),
        web.post("/reserve", change(seats.book, BOOKINGS)),
        web.get("/reservations", look(reservations.listed)),
        web.get("/reservations/violations", look(reservations.violations)),
        web.get("/reservations/violations/{id}/appeal", look(reservations.appeal_form)),
        web.post("/reservations/violations/{id}/appeal", change(reservations.appeal)),
        web.get("/reservations/gates", look(reservations.gate_records)),
        web.get("/reservations/{id}", look(reservations.one)),
        web.get("/reservations/{id}/{verb}", look(reservations.question)),
        web.post("/reservations/{id}/change", change(seats.change, BOOKINGS)),
        web.post("/reservations/{id}/{verb}", change(reservations.answer)),
        web.get("/activation", look(account.activation)),
        web.get("/activation/state", look(account.activation_state)),
        web.post("/activation", change(account.new_activation)),
        web.post("/activation/{id}/confirm", change(account.confirm_binding)),
        web.post("/activation/{id}/refuse", change(account.refuse_binding)),
        web.get("/bind", account.scanned),
        web.get("/mini-code/{place}", account.entry_code),
        web.post("/unbind", change(account.unbind)),
        web.get("/check-in", look(account.check_in)),
        web.get("/me", look(account.me)),
        web.post("/me/read", change(account.read)),
        web.get("/notices", look(notices.listed)),
        web.get("/notices/{id}", look(notices.one)),
        web.get("/rules", look(account.rules)),
        web.post("/waits", change(reservations.join)),
        web.post("/waits/{id}/leave", change(reservations.unwait)),
        web.get("/seats/{id}/report", look(seats.doubt_form)),
        web.post("/seats/{id}/report", change(seats.doubt)),
        web.get("/contact", look(contact.shown)),
        web.post("/contact", change(contact.send)),
        web.get("/logout", look(account.sign_out)),
        web.get("/kiosk/{id}", kiosk.screen),
        web.get("/k/{id}", kiosk.scanned),
        web.get("/k/{id}/check-in", look(kiosk.arrived)),
        web.post("/k/{id}/check-in", change(kiosk.check_in)),
    ]
