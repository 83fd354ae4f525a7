"""From a message to the API's shape."""

from __future__ import annotations

from handlers.messages import schemas
from models.kernel.time_range import to_local
from models.messages.entities import Message


def message(m: Message) -> schemas.MessageOut:
    return schemas.MessageOut(
        m.id, m.template.value, m.title, m.text, to_local(m.at), m.read, m.reservation_id
    )
