"""TODO docstring."""

from __future__ import annotations

from handlers.api import schemas as s
from models.kernel.time_range import to_local
from models.messages.entities import Message


def message(m: Message) -> s.MessageOut:
    return s.MessageOut(
        m.id, m.template.value, m.title, m.text, to_local(m.at), m.read, m.reservation_id
    )
