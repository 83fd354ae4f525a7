"""The library's answers, to a question or an appeal: messages in the app."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from models.feedback.repository import FeedbackRepository
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.messages.entities import Message, Template
from models.messages.repository import Messages
from models.reservations.errors import InvalidState
from models.storage.mongo import new_id
from models.violations.entities import Violation
from notify.templates.rendering import day_clock

TITLE: Final = "服务台回复"
_KINDS: Final = {"no_show": "未按时签到", "away_timeout": "暂离超时"}


async def reply_to_feedback(
    feedbacks: FeedbackRepository, messages: Messages, id: str, text: str, now: datetime
) -> None:
    """Answer the reader's question and tell them so. The same answer again tells nobody twice, and
    mends one that was kept but not told.

    Raises: NotFound; InvalidState where another answer was given already.
    """
    found = await feedbacks.answer(id, text, now)
    if found is None:
        raise NotFound()
    if found.answer != text or found.answered_at is None:
        raise InvalidState(state="answered")
    if found.reader_id is None:
        return  # a follower whom nobody here knows: the desk answers in the account's console
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


async def notify_appeal_decided(messages: Messages, v: Violation, now: datetime) -> None:
    """What became of the reader's appeal. Told once."""
    assert v.appeal is not None
    outcome = "已免除" if v.appeal.granted else "未予免除"
    text = f"您对{_describe(v)}的申诉{outcome}。答复：{v.appeal.answer}"
    await _send_once(messages, v, f"{v.reservation_id}:appeal", "申诉结果", text, now)


async def notify_waived(messages: Messages, v: Violation, now: datetime) -> None:
    """The library let a violation go by itself. Told once."""
    reason = v.waiver.reason if v.waiver else ""
    text = f"{_describe(v)}已由图书馆免除，原因：{reason}"
    await _send_once(messages, v, f"{v.reservation_id}:waived", "违约免除", text, now)


async def notify_suspension_changed(
    messages: Messages, reader_id: ReaderId, until: datetime | None, reason: str, now: datetime
) -> None:
    """The library has decided about a suspension by itself."""
    text = f"图书馆已解除您的暂停预约，原因：{reason}"
    if until is not None:
        text = f"图书馆已暂停您的预约，至 {day_clock(until)}，已有预约仍然有效。原因：{reason}"
    await _send(messages, reader_id, "暂停预约", text, now)


async def notify_seat_renumbered(
    messages: Messages, reader_id: ReaderId, was: str, label: str, span: str, now: datetime
) -> None:
    """The reader's seat is called otherwise from now on."""
    text = f"您预约的座位改号：{was} 现在是 {label}，{span}，座位没有变。"
    await _send(messages, reader_id, "座位改号", text, now)


async def _send(
    messages: Messages, reader_id: ReaderId, title: str, text: str, now: datetime
) -> None:
    message = Message(
        id=new_id(),
        reader_id=reader_id,
        template=Template.ANSWER,
        title=title,
        text=text,
        at=now,
        facts={},
    )
    await messages.add([message], unasked={message.id})


def _describe(v: Violation) -> str:
    return f"{v.day.month}月{v.day.day}日的违约（{_KINDS.get(v.kind, v.kind)}）"


async def _send_once(
    messages: Messages, v: Violation, id: str, title: str, text: str, now: datetime
) -> None:
    message = Message(
        id=id,
        reader_id=v.reader_id,
        template=Template.ANSWER,
        title=title,
        text=text,
        at=now,
        facts={},
        reservation_id=v.reservation_id,
    )
    await messages.add([message], unasked={id})
