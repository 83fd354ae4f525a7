"""Answers to a WeChat conversation: once each, and no more than WeChat accepts."""

from __future__ import annotations

import asyncio
from datetime import datetime

from models.feedback.entities import MOST_IN_CONVERSATION
from models.feedback.repository import FeedbackRepository
from notify.conversations import Conversations
from tests.race.stage import EIGHT, Stage, guarded


class Unguarded(FeedbackRepository):
    """The control: permits every send."""

    async def begin_push(self, id: str, count: int, now: datetime) -> bool:
        return True

    async def take_message(self, id: str, now: datetime) -> bool:
        return True


class Phone:
    """The stand-in for WeChat; records the arrived texts."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def send(self, openid: str, text: str) -> int:
        self.heard.append(text)
        await asyncio.sleep(0)
        return 0


@guarded
async def test_an_answer_sent_by_two_staff_members_is_pushed_once(
    stage: Stage, guard: bool
) -> None:
    """Two staff members press 发送 with the same words, or one of them twice."""
    feedback = FeedbackRepository(stage.db, stage.cipher)
    id = await feedback.add(None, "k", "开门吗？", EIGHT, "mini", "o-1")
    assert id is not None
    answered = await feedback.answer(id, "照常开放。", EIGHT)
    assert answered is not None
    phone, repository = Phone(), FeedbackRepository if guard else Unguarded
    desks = [
        Conversations(repository(stage.db, stage.cipher), {"mini": phone.send}) for _ in range(2)
    ]
    await asyncio.gather(*(desk.answer(answered, EIGHT) for desk in desks))
    assert phone.heard == ["照常开放。"] * (1 if guard else 2)


@guarded
async def test_at_most_five_answers_follow_one_incoming_message(stage: Stage, guard: bool) -> None:
    feedback = (FeedbackRepository if guard else Unguarded)(stage.db, stage.cipher)
    id = await feedback.add(None, "k", "开门吗？", EIGHT, "mini", "o-1")
    assert id is not None
    phone = Phone()
    desk = Conversations(feedback, {"mini": phone.send})
    tries = 2 * MOST_IN_CONVERSATION
    await asyncio.gather(
        *(desk.acknowledge(id, "mini", "o-1", "已收到", EIGHT) for _ in range(tries))
    )
    assert len(phone.heard) == (MOST_IN_CONVERSATION if guard else tries)
