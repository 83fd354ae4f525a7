from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from handlers.http.schemas import Id, Pagination, Request, Response


class Subscribe(Request):
    results: Annotated[
        dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=40)]],
        Meta(max_length=10, description="template → the answer of wx.requestSubscribeMessage"),
    ]


class SubscriptionsOut(Response):
    """The reader's consents to WeChat messages. ``subscriptions``: how many messages of each
    template may still be sent. ``long_term``: the templates for which one consent allows all
    messages (长期订阅); their number is 1 with that consent, else 0."""

    subscriptions: dict[str, int]
    long_term: list[str]


class MessagesQuery(Pagination):
    unread: bool = False


class MessageOut(Response):
    """A message. ``reservation_id``: the reader's reservation that it speaks of, or null.
    ``invitation``: the invitation by which to accept a seat that is held for the reader,
    ``room_booking_id``: the booking of a study room that it speaks of, ``season_id``: the season;
    these three are absent in other messages."""

    id: str
    template: str
    title: str
    text: str
    at: datetime
    read: bool
    reservation_id: str | None
    invitation: str | UnsetType = UNSET
    room_booking_id: str | UnsetType = UNSET
    season_id: str | UnsetType = UNSET


class MarkRead(Request):
    ids: Annotated[list[Id], Meta(max_length=100)]


class MessageKind(Response):
    """A kind of messages. ``on``: whether the reader has chosen it for the channel."""

    template: str
    title: str
    on: bool
