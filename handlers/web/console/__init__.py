"""The pages of the people who work for the library: what is going on, and helping readers.

A viewer may look; who decides must be a librarian. The server refuses, whatever a page shows.
"""

from __future__ import annotations

from aiohttp import web

from handlers.web.console.audit import audit
from handlers.web.console.calendar import change_opening, opening
from handlers.web.console.deliveries import deliveries, retry
from handlers.web.console.devices import add_device, devices, rotate_key
from handlers.web.console.frame import staff_change, staff_look
from handlers.web.console.misfits import call_off_misfits, misfits
from handlers.web.console.notices import (
    LARGEST_NOTICE,
    add_notice,
    change_notice,
    new_notice,
    notice,
    notices,
    withdraw_notice,
)
from handlers.web.console.patrol import act, patrol, reports, reservation, resolve
from handlers.web.console.plans import (
    LARGEST_PLAN,
    add_area,
    change_plan,
    export,
    plan,
    plan_before,
    plans,
)
from handlers.web.console.questions import questions, reply
from handlers.web.console.readers import (
    add_visitor,
    allow,
    answer_binding,
    book,
    change_stay,
    reader_page,
    readers,
    show_code,
    suspend,
    unbind,
)
from handlers.web.console.relays import relays
from handlers.web.console.rules import change_rules, rules
from handlers.web.console.statistics import as_csv, as_xlsx, usage
from handlers.web.console.today import today
from handlers.web.console.violations import appeals, settle, waive, waive_all
from models.reader import ADMINISTRATOR, LIBRARIAN


def console_routes() -> list[web.RouteDef]:
    return [
        web.get("/console", staff_look(today)),
        web.get("/console/seats", staff_look(patrol)),
        web.get("/console/reports", staff_look(reports)),
        web.post("/console/reports/{id}/resolve", staff_change(resolve)),
        web.get("/console/reservations/{id}", staff_look(reservation)),
        web.post("/console/reservations/{id}/{verb}", staff_change(act)),
        web.get("/console/readers", staff_look(readers)),
        web.get("/console/readers/{id}", staff_look(reader_page)),
        web.post("/console/readers/visitors", staff_change(add_visitor)),
        web.post("/console/readers/{id}/unbind", staff_change(unbind)),
        web.post("/console/readers/{id}/book", staff_change(book)),
        web.post("/console/readers/{id}/suspend", staff_change(suspend)),
        web.post("/console/readers/{id}/allow", staff_change(allow)),
        web.post("/console/readers/{id}/stay", staff_change(change_stay)),
        web.post("/console/readers/{id}/code", staff_change(show_code)),
        web.post("/console/readers/{id}/binding", staff_change(answer_binding)),
        web.get("/console/appeals", staff_look(appeals)),
        web.post("/console/appeals/{id}", staff_change(settle)),
        web.post("/console/violations/waive", staff_change(waive_all)),
        web.post("/console/violations/{id}/waive", staff_change(waive)),
        web.get("/console/questions", staff_look(questions)),
        web.post("/console/questions/{id}", staff_change(reply)),
        web.get("/console/calendar", staff_look(opening)),
        web.post("/console/calendar", staff_change(change_opening, ADMINISTRATOR)),
        web.get("/console/plans", staff_look(plans)),
        web.post("/console/plans", staff_change(add_area, ADMINISTRATOR)),
        web.get("/console/plans/{id}.json", staff_look(export)),
        web.get("/console/plans/{id}", staff_look(plan)),
        web.post(
            "/console/plans/{id}", staff_change(change_plan, max_bytes=LARGEST_PLAN, multipart=True)
        ),
        web.get("/console/audit/{id}/plan.json", staff_look(plan_before)),
        web.get("/console/misfits", staff_look(misfits)),
        web.post("/console/misfits", staff_change(call_off_misfits, ADMINISTRATOR)),
        web.get("/console/rules", staff_look(rules)),
        web.post("/console/rules", staff_change(change_rules, ADMINISTRATOR)),
        web.get("/console/notices", staff_look(notices)),
        web.get("/console/notices/new", staff_look(new_notice, LIBRARIAN)),
        web.get("/console/notices/{id}", staff_look(notice)),
        web.post("/console/notices", staff_change(add_notice, max_bytes=LARGEST_NOTICE)),
        web.post("/console/notices/{id}", staff_change(change_notice, max_bytes=LARGEST_NOTICE)),
        web.post("/console/notices/{id}/withdraw", staff_change(withdraw_notice)),
        web.get("/console/devices", staff_look(devices)),
        web.post("/console/devices", staff_change(add_device, ADMINISTRATOR)),
        web.post("/console/devices/{kind}/{id}/key", staff_change(rotate_key, ADMINISTRATOR)),
        web.get("/console/relays", staff_look(relays)),
        web.get("/console/deliveries", staff_look(deliveries)),
        web.post("/console/deliveries/retry", staff_change(retry)),
        web.get("/console/statistics", staff_look(usage)),
        web.get("/console/bookings.csv", staff_look(as_csv)),
        web.get("/console/bookings.xlsx", staff_look(as_xlsx)),
        web.get("/console/audit", staff_look(audit)),
    ]
