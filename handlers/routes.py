from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.accounts import own_data, session_pages
from handlers.accounts import pages as accounts_pages
from handlers.accounts.back_channel import back_channel_routes
from handlers.accounts.login import login_routes, welcome
from handlers.accounts.second_factor import give_second_factor, second_factor
from handlers.api_routes import Served, api_routes, docs_routes
from handlers.calendar_feed import pages as calendar_pages
from handlers.calendar_feed.feed import PATH as CALENDAR
from handlers.calendar_feed.feed import feed as calendar_feed
from handlers.check_in import action_pages
from handlers.check_in import pages as check_in_pages
from handlers.display import pages as display_pages
from handlers.email_addresses import pages as email_pages
from handlers.fault_reports import pages as fault_reports_pages
from handlers.favourites import pages as favourites_pages
from handlers.feedback import pages as feedback_pages
from handlers.gates import pages as gates_pages
from handlers.http.authentication import BOOKINGS
from handlers.http.forms import Form
from handlers.http.language import choose_language
from handlers.http.logo import logo
from handlers.http.offline import offline_routes
from handlers.http.pages import open_page, reader_form, reader_page
from handlers.http.static_files import asset_routes
from handlers.kiosks import pages as kiosks_pages
from handlers.kiosks import pairing as kiosks_pairing
from handlers.messages import pages as messages_pages
from handlers.messages.presenter import CHOICE_PAGES
from handlers.notices import pages as notices_pages
from handlers.opening_draw import pages as opening_draw_pages
from handlers.parties import pages as parties_pages
from handlers.policy import pages as policy_pages
from handlers.proof import pages as proof_pages
from handlers.reservations import pages as reservations_pages
from handlers.rooms import label_pages as room_label_pages
from handlers.rooms import pages as rooms_pages
from handlers.rooms.pictures import picture as room_picture
from handlers.seasons import pages as seasons_pages
from handlers.seasons.wish_plan import wish_plan
from handlers.seat_labels import pages as seat_labels_pages
from handlers.seat_map import booking_pages
from handlers.seat_map import pages as seat_map_pages
from handlers.seat_reports import pages as seat_reports_pages
from handlers.staff.routes import console_routes
from handlers.violations import pages as violations_pages
from handlers.waitlist import pages as waitlist_pages
from handlers.wechat.callback import PATHS as CALLBACKS
from handlers.wechat.callback import wechat_routes
from models.messages.entities import Channel
from notify.email.unsubscribing import PATH as UNSUBSCRIBE

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
    }
)
"""Pages that exist only if the library has a mini-program."""
_WECHAT_ONLY: Final = WECHAT_ONLY | frozenset(CALLBACKS.values())
MAIL_ONLY: Final = frozenset(
    {
        "/me/email",
        "/me/email/confirm",
        "/me/email/kinds",
        "/me/email/remove",
        "/console/alerts",
        UNSUBSCRIBE,
    }
)
"""Pages that exist only if the library sends mail."""
_DELIVERIES: Final = frozenset({"/console/deliveries", "/console/deliveries/{channel}/retry"})
"""Pages that exist only if the library uses at least one channel for messages."""


def page_routes() -> list[web.RouteDef]:
    return [
        *asset_routes(),
        *offline_routes(),
        web.get("/logo/{name}", logo),
        web.get("/language/{language}", choose_language),
        *login_routes(),
        *back_channel_routes(),
        *console_routes(),
        web.get("/", reader_page(seat_map_pages.areas, welcome)),
        web.get("/areas/{id}", reader_page(seat_map_pages.area)),
        web.get("/reserve", reader_page(seat_map_pages.redirect_to_start)),
        web.post("/reserve", reader_form(booking_pages.book, BOOKINGS, back=booking_pages.plan_of)),
        web.get("/reservations", reader_page(reservations_pages.reservations)),
        web.get("/reservations/violations", reader_page(violations_pages.violations)),
        web.get("/reservations/violations/{id}/appeal", reader_page(violations_pages.appeal_form)),
        web.post("/reservations/violations/{id}/appeal", reader_form(violations_pages.appeal)),
        web.get("/reservations/gates", reader_page(gates_pages.gate_events)),
        web.get("/reservations/{id}", reader_page(reservations_pages.reservation)),
        web.get("/reservations/{id}/calendar.ics", reader_page(calendar_pages.reservation)),
        web.post("/reservations/{id}/party/end", reader_form(parties_pages.end)),
        web.get("/reservations/{id}/{verb}", reader_page(action_pages.confirm_page)),
        web.post(
            "/reservations/{id}/change",
            reader_form(booking_pages.change, BOOKINGS, back=booking_pages.plan_of),
        ),
        web.post("/reservations/{id}/{verb}", reader_form(action_pages.submit_action)),
        *_party_routes(),
        *_room_routes(),
        web.get("/second-factor", reader_page(second_factor, patient=True)),
        web.post("/second-factor", reader_form(give_second_factor)),
        web.get("/activation", reader_page(accounts_pages.activation)),
        web.get("/activation/state", reader_page(accounts_pages.activation_state)),
        web.post("/activation", reader_form(accounts_pages.new_activation)),
        web.post("/activation/{id}/confirm", reader_form(accounts_pages.confirm_binding)),
        web.post("/activation/{id}/refuse", reader_form(accounts_pages.refuse_binding)),
        web.get("/bind", accounts_pages.binding_link),
        web.get("/mini-code/{place}", accounts_pages.mini_program_code),
        web.post("/unbind", reader_form(accounts_pages.unbind)),
        web.get("/check-in", reader_page(check_in_pages.check_in)),
        web.post("/check-in", reader_form(check_in_pages.typed)),
        *_own_routes(),
        web.get("/notices", reader_page(notices_pages.notices)),
        web.get("/notices/{id}", reader_page(notices_pages.notice)),
        web.get("/about/proof", open_page(proof_pages.proof)),
        web.get("/rules", reader_page(policy_pages.rules)),
        web.get("/draws", open_page(opening_draw_pages.draws)),
        web.get("/draws/{id}.json", opening_draw_pages.file),
        *_season_routes(),
        web.post("/waitlist", reader_form(waitlist_pages.join)),
        web.post("/waitlist/{id}/leave", reader_form(waitlist_pages.leave_waitlist)),
        web.get("/seats/{id}/report", reader_page(seat_reports_pages.report_empty_form)),
        web.post("/seats/{id}/report", reader_form(seat_reports_pages.report_empty)),
        web.post("/seats/{id}/favourite", reader_form(favourites_pages.change_favourite)),
        web.get("/seats/{id}/fault", reader_page(fault_reports_pages.fault_form)),
        web.post("/seats/{id}/fault", reader_form(fault_reports_pages.report_fault)),
        web.get("/contact", reader_page(feedback_pages.contact)),
        web.post("/contact", reader_form(feedback_pages.send)),
        web.get("/privacy", open_page(accounts_pages.privacy)),
        web.get("/logout", reader_page(accounts_pages.sign_out)),
        *_place_routes(),
    ]


def _same_page(request: web.Request, _: Form) -> str:
    return request.path_qs


def _page_of(request: web.Request, _: Form) -> str:
    """The page whose form is sent to a path below it."""
    return request.path.rpartition("/")[0]


def _room_routes() -> list[web.RouteDef]:
    return [
        web.get("/rooms", reader_page(rooms_pages.rooms)),
        web.get("/rooms/{id}", reader_page(rooms_pages.room)),
        web.get("/room-pictures/{id}", room_picture),
        web.post("/rooms/{id}", reader_form(rooms_pages.book, BOOKINGS, back=_same_page)),
        web.get("/room-bookings/{id}", reader_page(rooms_pages.booking)),
        web.get("/room-bookings/{id}/calendar.ics", reader_page(calendar_pages.room_booking)),
        web.get("/room-bookings/{id}/{verb}", reader_page(rooms_pages.back_to_page)),
        web.post(
            "/room-bookings/{id}/change",
            reader_form(rooms_pages.change_time, BOOKINGS, back=_page_of),
        ),
        web.post("/room-bookings/{id}/{verb}", reader_form(rooms_pages.change, back=_page_of)),
        web.get("/room-invitations/{id}", reader_page(rooms_pages.invitation)),
        web.get("/room-invitations/{id}/{verb}", reader_page(rooms_pages.back_to_page)),
        web.post(
            "/room-invitations/{id}/{verb}",
            reader_form(rooms_pages.answer_invitation, back=_page_of),
        ),
    ]


def _season_routes() -> list[web.RouteDef]:
    return [
        web.get("/seasons", open_page(seasons_pages.seasons)),
        web.get("/seasons/{id}.json", seasons_pages.file),
        web.get("/seasons/{id}", reader_page(seasons_pages.season, seasons_pages.season_in_public)),
        web.post("/seasons/{id}", reader_form(seasons_pages.apply, back=_same_page)),
        web.get("/seasons/{id}/plan", reader_page(wish_plan)),
        *(
            web.post(f"/seasons/{{id}}/{path}", reader_form(form, back=_page_of))
            for path, form in (
                ("withdraw", seasons_pages.withdraw),
                ("give-up", seasons_pages.give_up),
                ("swap", seasons_pages.ask_to_swap),
                ("no-swap", seasons_pages.withdraw_swap),
                ("swapped", seasons_pages.accept_swap),
            )
        ),
    ]


def _party_routes() -> list[web.RouteDef]:
    return [
        web.get("/together", reader_page(parties_pages.choose)),
        web.post("/together", reader_form(parties_pages.begin, BOOKINGS, back=_same_page)),
        web.get("/together/{id}", reader_page(parties_pages.invitation)),
        web.post("/together/{id}", reader_form(parties_pages.accept, BOOKINGS, back=_same_page)),
    ]


def _own_routes() -> list[web.RouteDef]:
    return [
        web.get("/me", reader_page(accounts_pages.me)),
        web.get("/me/data", reader_page(own_data.own_data)),
        web.get("/me/data.json", reader_page(own_data.download)),
        web.get("/me/erase", reader_page(own_data.ask)),
        web.post("/me/erase", reader_form(own_data.erase)),
        web.get("/me/calendar", reader_page(calendar_pages.show)),
        web.post("/me/calendar", reader_form(calendar_pages.issue)),
        web.post("/me/calendar/off", reader_form(calendar_pages.revoke)),
        web.get(CALENDAR, calendar_feed),
        web.post("/me/language", reader_form(accounts_pages.choose_language)),
        web.post("/me/theme", reader_form(accounts_pages.choose_theme)),
        web.post("/me/read", reader_form(accounts_pages.mark_messages_read)),
        *(web.get(path, reader_page(messages_pages.choices)) for path in CHOICE_PAGES.values()),
        *(web.post(path, reader_form(messages_pages.choose)) for path in CHOICE_PAGES.values()),
        web.get("/me/email", reader_page(email_pages.settings)),
        web.post("/me/email", reader_form(email_pages.request_code, patient=True)),
        web.post("/me/email/confirm", reader_form(email_pages.confirm)),
        web.post("/me/email/kinds", reader_form(email_pages.choose)),
        web.post("/me/email/remove", reader_form(email_pages.remove)),
        web.get(UNSUBSCRIBE, email_pages.unsubscribe_question),
        web.post(UNSUBSCRIBE, email_pages.unsubscribe),
        web.get("/me/devices", reader_page(session_pages.devices)),
        web.post("/me/devices/keep", reader_form(session_pages.keep)),
        web.post("/me/devices/{id}/end", reader_form(session_pages.end)),
    ]


def _place_routes() -> list[web.RouteDef]:
    return [
        web.get("/display/{id}", display_pages.display),
        web.get("/display/{id}/board", display_pages.board),
        web.get("/display/{id}/rooms/{room}", display_pages.door),
        web.get("/display/{id}/rooms/{room}/board", display_pages.door_board),
        web.get("/kiosk", kiosks_pairing.page),
        web.get("/kiosk/{id}", kiosks_pages.screen),
        web.get("/k/{id}", kiosks_pages.scanned),
        web.get("/k/{id}/check-in", reader_page(kiosks_pages.check_in_form)),
        web.post("/k/{id}/check-in", reader_form(kiosks_pages.check_in)),
        web.post("/k/{id}/report", reader_form(kiosks_pages.report)),
        web.get("/s/room/{id}", room_label_pages.scanned),
        web.get("/s/room/{id}/check-in", reader_page(room_label_pages.check_in_form)),
        web.post("/s/room/{id}/check-in", reader_form(room_label_pages.check_in)),
        web.get("/s/{id}", seat_labels_pages.scanned),
        web.get("/s/{id}/check-in", reader_page(seat_labels_pages.check_in_form)),
        web.post("/s/{id}/check-in", reader_form(seat_labels_pages.check_in)),
        web.post("/s/{id}/report", reader_form(seat_labels_pages.report)),
    ]


def all_routes(served: Served) -> list[web.RouteDef]:
    """The routes of all pages and API operations that exist with the channels of ``served``."""
    absent = frozenset[str]() if served.wechat else _WECHAT_ONLY
    absent |= frozenset[str]() if Channel.EMAIL in served.channels else MAIL_ONLY
    absent |= {path for channel, path in CHOICE_PAGES.items() if channel not in served.channels}
    absent |= frozenset[str]() if served.channels else _DELIVERIES
    routes = [*api_routes(), *docs_routes(served), *wechat_routes(), *page_routes()]
    return [r for r in routes if r.path not in absent and served.has(r.path)]
