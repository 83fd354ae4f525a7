"""激活码, 签到, 我的, and the rules in words."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bind.account_binding import link
from handlers.http.forms import Form
from handlers.http.openapi import VERSION
from handlers.http.pages import PageRequest, form_text, redirect, render_page
from handlers.http.qr import svg
from handlers.reservations.pages import kiosks_of
from handlers.seat_map.pages import current_of
from handlers.services import SERVICES
from models.library.entities import KioskId
from models.violations.service import violation_count
from notify.templates import TITLES

_MESSAGES: Final = 20


async def activation(visit: PageRequest) -> web.StreamResponse:
    """The six digits and the QR code: the same ones after a reload. Where a WeChat user waits for
    the reader's answer, the question. Once bound, the way to let go again."""
    services, reader = visit.services, visit.reader
    bound = await services.bindings.is_bound(reader.id)
    code = (
        None if bound else await services.bindings.get_or_create_code(reader.id, False, visit.now)
    )
    return render_page(
        visit.request,
        "accounts/activation.html",
        reader=reader,
        bound=bound,
        code=code,
        qr=svg(link(services.public_base_url, code.secret)) if code else "",
        done=visit.request.query.get("done", ""),
    )


async def activation_state(visit: PageRequest) -> web.StreamResponse:
    """What the page with the digits asks while it waits: it loads again where this has changed."""
    bindings, reader_id = visit.services.bindings, visit.reader.id
    bound = await bindings.is_bound(reader_id)
    request = None if bound else await bindings.request_for(reader_id, visit.now)
    return web.json_response(
        {"bound": bound, "request": request.id if request else ""},
        headers={"Cache-Control": "no-store"},
    )


async def confirm_binding(visit: PageRequest, _: Form) -> web.StreamResponse:
    """是我."""
    await visit.services.bindings.confirm(visit.reader.id, visit.id, visit.now)
    return redirect("/activation")


async def refuse_binding(visit: PageRequest, _: Form) -> web.StreamResponse:
    """不是我."""
    await visit.services.bindings.refuse(visit.reader.id, visit.id, visit.now)
    return redirect("/activation?done=refused")


async def scanned(request: web.Request) -> web.StreamResponse:
    """The QR code before a camera that is not the mini-program's: where to scan it instead. It says
    nothing about the code."""
    return render_page(request, "accounts/bind.html")


async def new_activation(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit.services.bindings.get_or_create_code(visit.reader.id, True, visit.now)
    return redirect("/activation")


async def unbind(visit: PageRequest, _: Form) -> web.StreamResponse:
    """The reader has another phone, or another WeChat."""
    await visit.services.bindings.unbind(visit.reader.id)
    return redirect("/activation")


async def entry_code(request: web.Request) -> web.StreamResponse:
    """The mini-program's code for the page with the digits (``web``) or for a kiosk. A stranger may
    see it: it says nothing but where the mini-program is."""
    services, place = request.app[SERVICES], request.match_info["place"]
    if place != "web" and KioskId(place) not in services.desk.library.kiosks:
        raise web.HTTPNotFound
    picture = await services.entry_codes.image("web" if place == "web" else f"k={place}")
    kind = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
    return web.Response(
        body=picture,
        content_type=kind,
        headers={"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"},
    )


async def check_in(visit: PageRequest) -> web.StreamResponse:
    return render_page(
        visit.request,
        "check_in/check_in.html",
        reader=visit.reader,
        current=await current_of(visit),
        kiosks=kiosks_of(visit),
    )


async def me(visit: PageRequest) -> web.StreamResponse:
    services, reader = visit.services, visit.reader
    messages, _ = await services.messages.page_of(reader.id, False, 0, _MESSAGES)
    return render_page(
        visit.request,
        "accounts/me.html",
        reader=reader,
        bound=await services.bindings.is_bound(reader.id),
        messages=messages,
        subscriptions=[
            (TITLES[template], left)
            for template, left in (await services.credits.remaining(reader.id)).items()
        ],
        version=VERSION,
        standing=await violation_count(services.desk, reader.id, visit.now),
        suspended_until=visit.suspended_until,
    )


async def read(visit: PageRequest, form: Form) -> web.StreamResponse:
    ids = [id for id in form_text(form, "ids").split(" ") if id][:100]
    await visit.services.messages.mark_read(visit.reader.id, ids)
    return redirect("/me")


async def sign_out(visit: PageRequest) -> web.StreamResponse:
    return render_page(visit.request, "accounts/sign_out.html", reader=visit.reader)
