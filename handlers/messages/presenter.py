from __future__ import annotations

from collections.abc import Collection
from typing import Final

from handlers.messages import schemas
from handlers.messages.schemas import MessageKind
from handlers.texts.deliveries import CHANNEL_WORDS
from handlers.texts.pages import ANSWER_KIND
from models.kernel.zone import Zone
from models.messages.entities import Channel, KindChoices, Message, Template
from notify.templates import TITLES
from notify.templates.in_app import INVITED, JOINED, ROOM
from notify.templates.season_news import SEASON, season_page

CHOICE_PAGES: Final = {
    channel: f"/me/{channel.value}"
    for channel in Channel
    if channel not in (Channel.WECHAT, Channel.EMAIL)
}
"""The path of the page on which readers choose kinds of messages, by channel. WeChat and mail
are missing, because they have pages of their own."""
_ANSWER_PAGES: Final = {
    "answer": "/contact",
    "appeal": "/reservations/violations",
    "waived": "/reservations/violations",
}
"""The path of the page that an answer of the staff speaks of, by the end of the message's id."""
_TITLES: Final = {**TITLES, Template.ANSWER: ANSWER_KIND}


def message(zone: Zone, m: Message) -> schemas.MessageOut:
    out = schemas.MessageOut(
        m.id, m.template.value, m.title, m.text, zone.local(m.at), m.read, m.reservation_id
    )
    if _end(m) == INVITED and m.reservation_id is not None:
        out.reservation_id, out.invitation = None, m.reservation_id
    if _end(m) == ROOM:
        out.room_booking_id = _room_booking(m)
    if SEASON in m.facts:
        out.season_id = str(m.facts[SEASON])
    return out


def _room_booking(m: Message) -> str:
    """The booking of a study room of which such a message speaks: its id begins with that."""
    return m.id.partition(":")[0]


def _end(m: Message) -> str:
    """The last part of the message's id, which some messages have as their kind."""
    return m.id.rpartition(":")[2]


def page_of(m: Message) -> str:
    """The path of the page that the message speaks of; empty if there is none."""
    end = _end(m)
    if page := season_page(m):
        return page
    if end == INVITED:
        return f"/together/{m.reservation_id}"
    if end == ROOM:
        return f"/room-bookings/{_room_booking(m)}"
    if m.template is Template.ANSWER and end != JOINED:
        return _ANSWER_PAGES.get(end, "")
    if m.template is Template.SUSPENDED:
        return "/reservations/violations"
    return f"/reservations/{m.reservation_id}" if m.reservation_id else "/reservations"


def title_of(template: Template) -> str:
    return _TITLES[template]


def kinds(choices: KindChoices) -> list[MessageKind]:
    return [
        MessageKind(template.value, title_of(template), choices.wants(template))
        for template in Template
    ]


def choice_pages(used: Collection[Channel]) -> list[tuple[str, str]]:
    """For each used channel, the path of the page to choose messages, and the channel's name."""
    pages = CHOICE_PAGES.items()
    return [(path, CHANNEL_WORDS[channel].name) for channel, path in pages if channel in used]
