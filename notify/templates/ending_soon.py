"""The message sent twenty minutes before the end of a stay."""

from __future__ import annotations

from typing import Final

from languages.text import _
from models.messages.entities import Template
from notify.templates.rendering import (
    SEAT_FACTS,
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    clock,
    seat_facts,
)


def render(m: MessageContext) -> RenderedMessage:
    return RenderedMessage(
        # A renewal depends on other bookings and the closing time: the text promises none.
        _(
            "{seat} 将于 {end} 到时。如需继续使用，请在 {end} 前查看能否“续约”；"
            "离开时请带走个人物品。",
            seat=m.seat,
            end=clock(m.end),
        ),
        {
            **seat_facts(m),
            "end": m.end,
            "extend_until": m.end,
            "tip": "如需继续请及时查看能否续约",
        },
        not_after=m.end,
    )


MESSAGE: Final = MessageTemplate(
    Template.ENDING_SOON,
    _("座位即将到时"),
    (
        *SEAT_FACTS,
        "end",
        "extend_until",
        "tip",
    ),
    render,
)
