"""What the library tells a reader in the app: replies, decisions, changes of a seat's number."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from models.feedback.entities import Feedback
from models.kernel.ids import ReaderId, ReservationId
from models.messages.entities import Message, Template
from models.messages.repository import MessageRepository
from models.storage.mongo import new_id
from models.violations.entities import Violation
from notify.templates.rendering import day_clock, span

_KINDS: Final = {"no_show": "未按时签到", "away_timeout": "暂离超时"}


class InAppNotifier:
    """Implements ``ReaderNotifier``: messages that are not sent to WeChat."""

    def __init__(self, messages: MessageRepository) -> None:
        self._messages = messages

    async def feedback_answered(self, feedback: Feedback) -> None:
        """The reply to what the reader wrote. Told once."""
        if feedback.reader_id is None or feedback.answered_at is None:
            return  # a follower whom nobody here knows: the reply is given in the account's console
        text = f"您问：{feedback.text}\n\n答复：{feedback.answer}"
        await self._send(
            f"{feedback.id}:answer", feedback.reader_id, "服务台回复", text, feedback.answered_at
        )

    async def appeal_decided(self, violation: Violation, now: datetime) -> None:
        """What became of the reader's appeal. Told once."""
        assert violation.appeal is not None
        outcome = "已免除" if violation.appeal.granted else "未予免除"
        text = f"您对{_describe(violation)}的申诉{outcome}。答复：{violation.appeal.answer}"
        await self._about(violation, "appeal", "申诉结果", text, now)

    async def violation_waived(self, violation: Violation, now: datetime) -> None:
        """The library has waived a violation unasked. Told once."""
        reason = violation.waiver.reason if violation.waiver else ""
        text = f"{_describe(violation)}已由图书馆免除，原因：{reason}"
        await self._about(violation, "waived", "违约免除", text, now)

    async def suspension_changed(
        self, reader_id: ReaderId, until: datetime | None, reason: str, now: datetime
    ) -> None:
        """The staff have set or ended a suspension."""
        text = f"图书馆已解除您的暂停预约，原因：{reason}"
        if until is not None:
            text = f"图书馆已暂停您的预约，至 {day_clock(until)}，已有预约仍然有效。原因：{reason}"
        await self._send(new_id(), reader_id, "暂停预约", text, now)

    async def seat_renumbered(
        self,
        reader_id: ReaderId,
        was: str,
        label: str,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> None:
        """The reader's seat has another number from now on."""
        text = f"您预约的座位改号：{was}号 现在是 {label}，{span(start, end)}，座位没有变。"
        await self._send(new_id(), reader_id, "座位改号", text, now)

    async def _about(self, v: Violation, kind: str, title: str, text: str, now: datetime) -> None:
        id = f"{v.reservation_id}:{kind}"
        await self._send(id, v.reader_id, title, text, now, reservation_id=v.reservation_id)

    async def _send(
        self,
        id: str,
        reader_id: ReaderId,
        title: str,
        text: str,
        at: datetime,
        reservation_id: ReservationId | None = None,
    ) -> None:
        message = Message(
            id=id,
            reader_id=reader_id,
            template=Template.ANSWER,
            title=title,
            text=text,
            at=at,
            facts={},
            reservation_id=reservation_id,
        )
        await self._messages.add([message], unasked={id})


def _describe(v: Violation) -> str:
    return f"{v.day.month}月{v.day.day}日的违约（{_KINDS.get(v.kind, v.kind)}）"
