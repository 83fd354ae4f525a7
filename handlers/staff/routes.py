"""The pages of the people who work for the library: what is going on, and helping readers.

A viewer may look; who decides must be a librarian. The server refuses, whatever a page shows.
"""

from __future__ import annotations

from aiohttp import web

from handlers.staff.affected_bookings import call_off_misfits, misfits
from handlers.staff.audit_log import audit
from handlers.staff.code_sharing import relays
from handlers.staff.dashboard import today
from handlers.staff.deliveries import deliveries, retry
from handlers.staff.devices import add_device, devices, rotate_key
from handlers.staff.exports import as_csv, as_xlsx
from handlers.staff.feedback import questions, reply
from handlers.staff.floor_plans import (
    LARGEST_PLAN,
    add_area,
    change_plan,
    export,
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
from handlers.staff.opening_hours import change_opening, opening
from handlers.staff.patrol import patrol
from handlers.staff.permissions import staff_form, staff_page
from handlers.staff.policy import change_rules, rules
from handlers.staff.readers import allow, book, reader_page, readers, suspend, unbind
from handlers.staff.reservations import act, reports, reservation, resolve
from handlers.staff.statistics import usage
from handlers.staff.violations import appeals, settle, waive, waive_all
from handlers.staff.visitors import add_visitor, answer_binding, change_stay, show_code
from models.identity.roles import ADMINISTRATOR, LIBRARIAN


def console_routes() -> list[web.RouteDef]:
    return [
        web.get("/console", staff_page(today)),
        web.get("/console/seats", staff_page(patrol)),
        web.get("/console/reports", staff_page(reports)),
        web.post("/console/reports/{id}/resolve", staff_form(resolve)),
        web.get("/console/reservations/{id}", staff_page(reservation)),
        web.post("/console/reservations/{id}/{verb}", staff_form(act)),
        web.get("/console/readers", staff_page(readers)),
        web.get("/console/readers/{id}", staff_page(reader_page)),
        web.post("/console/readers/visitors", staff_form(add_visitor)),
        web.post("/console/readers/{id}/unbind", staff_form(unbind)),
        web.post("/console/readers/{id}/book", staff_form(book)),
        web.post("/console/readers/{id}/suspend", staff_form(suspend)),
        web.post("/console/readers/{id}/allow", staff_form(allow)),
        web.post("/console/readers/{id}/stay", staff_form(change_stay)),
        web.post("/console/readers/{id}/code", staff_form(show_code)),
        web.post("/console/readers/{id}/binding", staff_form(answer_binding)),
        web.get("/console/appeals", staff_page(appeals)),
        web.post("/console/appeals/{id}", staff_form(settle)),
        web.post("/console/violations/waive", staff_form(waive_all)),
        web.post("/console/violations/{id}/waive", staff_form(waive)),
        web.get("/console/questions", staff_page(questions)),
        web.post("/console/questions/{id}", staff_form(reply)),
        web.get("/console/calendar", staff_page(opening)),
        web.post("/console/calendar", staff_form(change_opening, ADMINISTRATOR)),
        web.get("/console/plans", staff_page(plans)),
        web.post("/console/plans", staff_form(add_area, ADMINISTRATOR)),
        web.get("/console/plans/{id}.json", staff_page(export)),
        web.get("/console/plans/{id}", staff_page(plan)),
        web.post(
            "/console/plans/{id}", staff_form(change_plan, max_bytes=LARGEST_PLAN, multipart=True)
        ),
        web.get("/console/audit/{id}/plan.json", staff_page(plan_before)),
        web.get("/console/misfits", staff_page(misfits)),
        web.post("/console/misfits", staff_form(call_off_misfits, ADMINISTRATOR)),
        web.get("/console/rules", staff_page(rules)),
        web.post("/console/rules", staff_form(change_rules, ADMINISTRATOR)),
        web.get("/console/notices", staff_page(notices)),
        web.get("/console/notices/new", staff_page(new_notice, LIBRARIAN)),
        web.get("/console/notices/{id}", staff_page(notice)),
        web.post("/console/notices", staff_form(add_notice, max_bytes=LARGEST_NOTICE)),
        web.post("/console/notices/{id}", staff_form(change_notice, max_bytes=LARGEST_NOTICE)),
        web.post("/console/notices/{id}/withdraw", staff_form(withdraw_notice)),
        web.get("/console/devices", staff_page(devices)),
        web.post("/console/devices", staff_form(add_device, ADMINISTRATOR)),
        web.post("/console/devices/{kind}/{id}/key", staff_form(rotate_key, ADMINISTRATOR)),
        web.get("/console/relays", staff_page(relays)),
        web.get("/console/deliveries", staff_page(deliveries)),
        web.post("/console/deliveries/retry", staff_form(retry)),
        web.get("/console/statistics", staff_page(usage)),
        web.get("/console/bookings.csv", staff_page(as_csv)),
        web.get("/console/bookings.xlsx", staff_page(as_xlsx)),
        web.get("/console/audit", staff_page(audit)),
    ]
