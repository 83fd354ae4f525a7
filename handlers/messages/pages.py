"""The page of a channel, such as 企业微信, on which readers choose kinds of messages."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.rendering import render_page
from handlers.messages import presenter
from handlers.messages.presenter import CHOICE_PAGES
from handlers.texts.deliveries import CHANNEL_WORDS
from models.messages.entities import Template
from models.messages.service import MessageService

_CHANNELS: Final = {path: channel for channel, path in CHOICE_PAGES.items()}


async def choices(visit: PageRequest) -> web.StreamResponse:
    channel = _CHANNELS[visit.request.path]
    chosen = await visit[MessageService].choices(channel, visit.reader.id)
    return render_page(
        visit.request,
        "messages/choices.html",
        reader=visit.reader,
        channel=CHANNEL_WORDS[channel].name,
        kinds=presenter.kinds(chosen),
        done=visit.request.query.get("done", ""),
    )


async def choose(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Stores the reader's choice, ticked in the form, of kinds of messages for this channel."""
    path, messages = visit.request.path, visit[MessageService]
    choices = await messages.choices(_CHANNELS[path], visit.reader.id)
    changes = choices.changed_to(ticked(form))
    await messages.choose(_CHANNELS[path], visit.reader.id, changes)
    return redirect(f"{path}?done=saved")


def ticked(form: Form) -> set[Template]:
    return {template for template in Template if form_text(form, template.value)}
