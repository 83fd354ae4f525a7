"""企业微信通知: which messages go there."""

from __future__ import annotations

from aiohttp import web

from handlers import keys
from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.rendering import render_page
from handlers.messages import presenter
from models.messages.entities import Channel, Template


async def wecom_settings(visit: PageRequest) -> web.StreamResponse:
    """The page with all kinds of messages."""
    choices = await visit[keys.MESSAGES].choices(Channel.WECOM, visit.reader.id)
    return render_page(
        visit.request,
        "messages/wecom.html",
        reader=visit.reader,
        kinds=presenter.kinds(choices),
        done=visit.request.query.get("done", ""),
    )


async def choose_for_wecom(visit: PageRequest, form: Form) -> web.StreamResponse:
    """What goes to 企业微信: the boxes that are ticked."""
    choices = {template: bool(form_text(form, template.value)) for template in Template}
    await visit[keys.MESSAGES].choose(Channel.WECOM, visit.reader.id, choices)
    return redirect("/me/wecom?done=saved")
