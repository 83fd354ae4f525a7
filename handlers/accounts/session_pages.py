"""已登录的设备: the reader's sessions, ending them, and staying signed in."""

from __future__ import annotations

from aiohttp import web

from handlers.accounts.presenter import session_name
from handlers.accounts.sessions import end_session, end_sessions
from handlers.http.cookies import give_session_cookie
from handlers.http.forms import Form
from handlers.http.keys import SESSIONS, SITE
from handlers.http.pages import PageRequest, redirect
from handlers.http.rendering import render_page
from models.identity.entities import SessionKind


async def devices(visit: PageRequest) -> web.StreamResponse:
    """The reader's sessions, the current one first."""
    own = visit.principal.session
    live = await visit[SESSIONS].live_of(visit.reader.id, visit.now)
    live.sort(key=lambda session: session.id != own.id)
    return render_page(
        visit.request,
        "accounts/devices.html",
        reader=visit.reader,
        items=[(s, session_name(s), s.id == own.id) for s in live],
        keeps=own.kind is SessionKind.WEB and own.is_kept,
        done=visit.request.query.get("done", ""),
    )


async def end(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Ends the session whose id is in the URL. If the URL has ``others`` in place of an id, ends
    all sessions of the reader but the current one."""
    if visit.id == "others":
        await end_sessions(visit[SESSIONS], visit.principal, visit.now)
    else:
        await end_session(visit[SESSIONS], visit.principal, visit.id, visit.now)
    return redirect("/me/devices?done=1")


async def keep(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Keeps this session signed in for a month; its staff rights still end at the usual time."""
    until = await visit[SESSIONS].keep(visit.principal.session)
    response = redirect("/me/devices?done=1")
    token = visit.request.cookies[visit[SITE].session_cookie]
    give_session_cookie(visit.request, response, token, visit.now, until)
    return response
