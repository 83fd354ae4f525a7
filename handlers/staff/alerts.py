from __future__ import annotations

from typing import Any

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.layout import render
from handlers.staff.sent_forms import keep_typed
from handlers.texts.console import WRONG_TEXT
from models.email_addresses.service import EmailAddressService
from models.staff.alert_kinds import AlertKind
from models.staff.alerts import LASTS, MAIL_EVERY, StaffAlerts
from notify.templates.staff_alert import ALERT_KIND_TEXT


async def alerts(visit: PageRequest, **refusal: Any) -> web.StreamResponse:
    """The page on which a staff member chooses the kinds of alerts that they get by mail. The
    page asks a staff member without a mail address to register one."""
    chosen = await visit[StaffAlerts].kinds_of(visit.reader.id)
    return render(
        visit,
        "alerts",
        kinds=[(kind.value, ALERT_KIND_TEXT[kind], kind in chosen) for kind in AlertKind],
        address=await visit[EmailAddressService].of(visit.reader.id),
        days=LASTS.days,
        minutes=MAIL_EVERY.seconds // 60,
        **refusal,
    )


async def choose_alerts(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Stores which alerts the staff member gets by mail. Refused if they have no mail address."""
    kinds = [kind for kind in AlertKind if form_text(form, kind.value)]
    address = await visit[EmailAddressService].of(visit.reader.id)
    if kinds and not address.address:
        keep_typed(visit, form)
        return await alerts(visit, status=422, wrong=WRONG_TEXT["no_address"])
    venues = visit.rights.venues if visit.rights is not None else frozenset()
    await visit[StaffAlerts].choose(visit.reader.id, kinds, venues, visit.now)
    return redirect("/console/alerts?done")
