"""Every page on one screen."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.security import BOOKINGS
from handlers.web import account, contact, kiosk, notices, reservations, seats
from handlers.web.assets import asset_routes
from handlers.web.console import console_routes
from handlers.web.login import login_routes, welcome
from handlers.web.pages import reader_form, reader_page

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
        web.get("/", reader_page(seats.areas, welcome)),
        web.get("/areas/{id}", reader_page(seats.plan)),
        web.get("/reserve", reader_page(seats.redirect_to_start)),
        web.post("/reserve", reader_form(seats.book, BOOKINGS)),
        web.get("/reservations", reader_page(reservations.listed)),
        web.get("/reservations/violations", reader_page(reservations.violations)),
        web.get("/reservations/violations/{id}/appeal", reader_page(reservations.appeal_form)),
        web.post("/reservations/violations/{id}/appeal", reader_form(reservations.appeal)),
        web.get("/reservations/gates", reader_page(reservations.gate_records)),
        web.get("/reservations/{id}", reader_page(reservations.one)),
        web.get("/reservations/{id}/{verb}", reader_page(reservations.confirm_page)),
        web.post("/reservations/{id}/change", reader_form(seats.change, BOOKINGS)),
        web.post("/reservations/{id}/{verb}", reader_form(reservations.submit_action)),
        web.get("/activation", reader_page(account.activation)),
        web.get("/activation/state", reader_page(account.activation_state)),
        web.post("/activation", reader_form(account.new_activation)),
        web.post("/activation/{id}/confirm", reader_form(account.confirm_binding)),
        web.post("/activation/{id}/refuse", reader_form(account.refuse_binding)),
        web.get("/bind", account.scanned),
        web.get("/mini-code/{place}", account.entry_code),
        web.post("/unbind", reader_form(account.unbind)),
        web.get("/check-in", reader_page(account.check_in)),
        web.get("/me", reader_page(account.me)),
        web.post("/me/read", reader_form(account.read)),
        web.get("/notices", reader_page(notices.listed)),
        web.get("/notices/{id}", reader_page(notices.one)),
        web.get("/rules", reader_page(account.rules)),
        web.post("/waitlist", reader_form(reservations.join)),
        web.post("/waitlist/{id}/leave", reader_form(reservations.leave_waitlist)),
        web.get("/seats/{id}/report", reader_page(seats.doubt_form)),
        web.post("/seats/{id}/report", reader_form(seats.doubt)),
        web.get("/contact", reader_page(contact.shown)),
        web.post("/contact", reader_form(contact.send)),
        web.get("/logout", reader_page(account.sign_out)),
        web.get("/kiosk/{id}", kiosk.screen),
        web.get("/k/{id}", kiosk.scanned),
        web.get("/k/{id}/check-in", reader_page(kiosk.arrived)),
        web.post("/k/{id}/check-in", reader_form(kiosk.check_in)),
    ]
