"""The library's answer to what a reader wrote: a message in the app."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from models.errors import NotFound, WrongState
from models.message import Message, Template
from models.store.feedback import Feedbacks
from models.store.messages import Messages

TITLE: Final = "服务台回复"


async def answer(
    feedbacks: Feedbacks, messages: Messages, id: str, text: str, now: datetime
) -> None:
    """Answer the reader's question and tell them so. The same answer again tells nobody twice, and
    mends one that was kept but not told.

    Raises: NotFound; WrongState where another answer was given already.
    """
    found = await feedbacks.answer(id, text, now)
    if found is None:
        raise NotFound()
    if found.answer != text or found.answered_at is None:
        raise WrongState(state="answered")
    message = Message(
        id=f"{found.id}:answer",
        reader_id=found.reader_id,
        template=Template.ANSWER,
        title=TITLE,
        text=f"您问：{found.text}\n\n答复：{found.answer}",
        at=found.answered_at,
        facts={},
    )
    await messages.add([message], unasked={message.id})
