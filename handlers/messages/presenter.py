"""From a message to the API's shape."""

from __future__ import annotations

from typing import Final

from handlers.messages import schemas
from handlers.messages.schemas import MessageKind
from handlers.texts.pages import ANSWER_KIND
from models.kernel.time_range import to_local
from models.messages.entities import KindChoices, Message, Template
from notify.templates import TITLES

_TITLES: Final = {**TITLES, Template.ANSWER: ANSWER_KIND}


def message(m: Message) -> schemas.MessageOut:
    return schemas.MessageOut(
        m.id, m.template.value, m.title, m.text, to_local(m.at), m.read, m.reservation_id
    )


def title_of(template: Template) -> str:
    """What messages of this kind are called."""
    return _TITLES[template]


def kinds(choices: KindChoices) -> list[MessageKind]:
    """All kinds in the order of a stay, with whether they are wanted."""
    return [
        MessageKind(template.value, title_of(template), choices.wants(template))
        for template in Template
    ]
