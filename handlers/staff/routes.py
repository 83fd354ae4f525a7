"""The routes of the console: what is going on in the library, and helping readers.

A viewer may look; who decides must be a librarian. Roles are enforced on the server.
"""

from __future__ import annotations

from aiohttp import web

from handlers.staff.affected_bookings import affected_bookings, resolve_affected_bookings
from handlers.staff.audit_log import audit_log
from handlers.staff.canned_answers import (
    add_canned_answer,
    canned_answers,
    change_canned_answer,
)
from handlers.staff.code_sharing import code_sharing
from handlers.staff.dashboard import dashboard
from handlers.staff.deliveries import deliveries, retry
from handlers.staff.devices import add_device, change_presence_sources, devices, rotate_key
from handlers.staff.exports import as_csv, as_xlsx
from handlers.staff.faults import close_fault, faults
from handlers.staff.feedback import feedback, reader_feedback, reply, set_note
from handlers.staff.floor_plans import (
    LARGEST_PLAN,
    add_area,
    change_plan,
    export_plan,
    plan,
    plan_before,
    plans,
)
from handlers.staff.notices import (
    LARGEST_NOTICE,
    add_notice,
    change_notice,
    new_notice,
    notice,
    notices,
    withdraw_notice,
)
from handlers.staff.opening_hours import change_opening, opening_hours
from handlers.staff.patrol import patrol
from handlers.staff.permissions import staff_form, staff_page
from handlers.staff.policy import change_policy, policy
from handlers.staff.readers import (
    book,
    reader,
    readers,
    reveal_number,
    set_accommodation,
    suspend,
    unbind,
)
from handlers.staff.reservations import (
    act_for_reader,
    reject_report,
    reports,
    reservation,
    resolve_report,
)
from handlers.staff.seat_history import look_up_seat, seat_history
from handlers.staff.seat_labels import seat_labels
from handlers.staff.seat_outages import set_outage
from handlers.staff.seat_statistics import seat_statistics
from handlers.staff.statistics import statistics
from handlers.staff.statistics_files import (
    seats_csv,
    seats_xlsx,
    statistics_csv,
    statistics_xlsx,
)
from handlers.staff.violations import appeals, decide_appeal, waive, waive_all
from handlers.staff.visitors import (
    add_visitor,
    answer_binding,
    change_visit,
    reveal_activation_code,
)
from models.identity.roles import Role


def console_routes() -> list[web.RouteDef]:
    """All pages and forms of the console."""
    return [
        web.get("/console", staff_page(dashboard)),
        web.get("/console/seats", staff_page(patrol)),
        web.post("/console/seats/{id}/outage", staff_form(set_outage)),
        web.get("/console/faults", staff_page(faults)),
        web.post("/console/faults/{id}/close", staff_form(close_fault)),
        web.get("/console/reports", staff_page(reports)),
        web.post("/console/reports/{id}/resolve", staff_form(resolve_report)),
        web.post("/console/reports/{id}/reject", staff_form(reject_report)),
        web.get("/console/reservations/{id}", staff_page(reservation)),
        web.post("/console/reservations/{id}/{verb}", staff_form(act_for_reader)),
        web.get("/console/readers", staff_page(readers)),
        web.get("/console/readers/{id}", staff_page(reader)),
        web.post("/console/readers/visitors", staff_form(add_visitor)),
        web.post("/console/readers/{id}/number", staff_form(reveal_number)),
        web.post("/console/readers/{id}/unbind", staff_form(unbind)),
        web.post("/console/readers/{id}/book", staff_form(book)),
        web.post("/console/readers/{id}/suspend", staff_form(suspend)),
        web.post("/console/readers/{id}/allow", staff_form(set_accommodation)),
        web.post("/console/readers/{id}/stay", staff_form(change_visit)),
        web.post("/console/readers/{id}/code", staff_form(reveal_activation_code)),
        web.post("/console/readers/{id}/binding", staff_form(answer_binding)),
        web.get("/console/seat-history", staff_page(seat_history, Role.LIBRARIAN)),
        web.post("/console/seat-history", staff_form(look_up_seat)),
        web.get("/console/appeals", staff_page(appeals)),
        web.post("/console/appeals/{id}", staff_form(decide_appeal)),
        web.post("/console/violations/waive", staff_form(waive_all)),
        web.post("/console/violations/{id}/waive", staff_form(waive)),
        *_feedback_routes(),
        web.get("/console/calendar", staff_page(opening_hours)),
        web.post("/console/calendar", staff_form(change_opening, Role.ADMINISTRATOR)),
        *_plan_routes(),
        *_device_routes(),
        web.get("/console/audit/{id}/plan.json", staff_page(plan_before)),
        web.get("/console/affected-bookings", staff_page(affected_bookings)),
        web.post(
            "/console/affected-bookings", staff_form(resolve_affected_bookings, Role.ADMINISTRATOR)
        ),
        web.get("/console/rules", staff_page(policy)),
        web.post("/console/rules", staff_form(change_policy, Role.ADMINISTRATOR)),
        web.get("/console/notices", staff_page(notices)),
        web.get("/console/notices/new", staff_page(new_notice, Role.LIBRARIAN)),
        web.get("/console/notices/{id}", staff_page(notice)),
        web.post("/console/notices", staff_form(add_notice, max_bytes=LARGEST_NOTICE)),
        web.post("/console/notices/{id}", staff_form(change_notice, max_bytes=LARGEST_NOTICE)),
        web.post("/console/notices/{id}/withdraw", staff_form(withdraw_notice)),
        web.get("/console/code-sharing", staff_page(code_sharing)),
        web.get("/console/deliveries", staff_page(deliveries)),
        web.post("/console/deliveries/retry", staff_form(retry)),
        *_statistics_routes(),
        web.get("/console/audit", staff_page(audit_log)),
    ]


def _plan_routes() -> list[web.RouteDef]:
    return [
        web.get("/console/plans", staff_page(plans)),
        web.post("/console/plans", staff_form(add_area, Role.ADMINISTRATOR)),
        web.get("/console/plans/{id}.json", staff_page(export_plan)),
        web.get("/console/plans/{id}", staff_page(plan)),
        web.get("/console/plans/{id}/labels", staff_page(seat_labels, Role.ADMINISTRATOR)),
        web.post(
            "/console/plans/{id}", staff_form(change_plan, max_bytes=LARGEST_PLAN, multipart=True)
        ),
    ]


def _device_routes() -> list[web.RouteDef]:
    return [
        web.get("/console/devices", staff_page(devices)),
        web.post("/console/devices", staff_form(add_device, Role.ADMINISTRATOR)),
        web.post(
            "/console/devices/venues/{id}", staff_form(change_presence_sources, Role.ADMINISTRATOR)
        ),
        web.post("/console/devices/{kind}/{id}/key", staff_form(rotate_key, Role.ADMINISTRATOR)),
    ]


def _statistics_routes() -> list[web.RouteDef]:
    return [
        web.get("/console/statistics", staff_page(statistics)),
        web.get("/console/statistics.csv", staff_page(statistics_csv)),
        web.get("/console/statistics.xlsx", staff_page(statistics_xlsx)),
        web.get("/console/statistics/seats", staff_page(seat_statistics)),
        web.get("/console/statistics/seats.csv", staff_page(seats_csv)),
        web.get("/console/statistics/seats.xlsx", staff_page(seats_xlsx)),
        web.get("/console/bookings.csv", staff_page(as_csv)),
        web.get("/console/bookings.xlsx", staff_page(as_xlsx)),
    ]


def _feedback_routes() -> list[web.RouteDef]:
    return [
        web.get("/console/questions", staff_page(feedback)),
        web.post("/console/questions/{id}", staff_form(reply)),
        web.post("/console/questions/{id}/note", staff_form(set_note)),
        web.get("/console/readers/{id}/questions", staff_page(reader_feedback)),
        web.get("/console/canned-answers", staff_page(canned_answers)),
        web.post("/console/canned-answers", staff_form(add_canned_answer)),
        web.post("/console/canned-answers/{id}", staff_form(change_canned_answer)),
    ]
