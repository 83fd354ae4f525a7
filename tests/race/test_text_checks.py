"""Two checkers of one text, and a text that changes during its check."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from models.kernel.ids import ReaderId
from models.text_checks.entities import TextVerdict
from models.text_checks.repository import TextCheckRepository, due_check
from notify.delivery.circuit_breaker import CircuitState
from notify.wechat.text_check_answers import TextCheckAnswer
from notify.wechat.text_checks import TextChecker
from tests.race.stage import ById, Stage, clock, guarded


class Open:
    """Replaces the pause of the checks: there is none."""

    def real_now(self) -> datetime:
        return clock(9)

    async def state(self, _: datetime) -> CircuitState:
        return CircuitState.CLOSED

    async def heard(self, *_: object) -> None:
        pass

    async def give_back(self) -> None:
        pass


class WeChat:
    """The stand-in answers once all callers have asked, each one differently; ``meanwhile`` runs
    before."""

    def __init__(self, parties: int, meanwhile: Any = None) -> None:
        self._all = asyncio.Barrier(parties)
        self._verdicts = iter((TextVerdict.RISKY, TextVerdict.PASS))
        self._meanwhile = meanwhile
        self.asked: list[str] = []

    async def check_text(self, _: str, content: str) -> TextCheckAnswer:
        self.asked.append(content)
        await self._all.wait()
        if self._meanwhile is not None:
            await self._meanwhile()
        return TextCheckAnswer(next(self._verdicts), 0)


async def openids_of(readers: Any) -> dict[ReaderId, str]:
    return {reader: f"o-{reader}" for reader in readers}


def checker(stage: Stage, wechat: WeChat, guard: bool) -> TextChecker:
    """One of several checking processes."""
    texts = TextCheckRepository(stage.db, stage.cipher)
    if not guard:
        bare: Any = {name: (ById(all_), own) for name, (all_, own) in texts._texts.items()}
        texts._texts = bare
    breaker: Any = Open()
    return TextChecker(texts, wechat, openids_of, breaker)


async def stored(stage: Stage) -> tuple[str, TextVerdict]:
    """The text and its verdict."""
    (question,) = await stage.stored.feedback.waiting(2)
    return question.text, question.verdict


@guarded
async def test_a_text_checked_twice_keeps_its_first_verdict(stage: Stage, guard: bool) -> None:
    """The lease expired: two workers send the same text, and WeChat's verdicts differ. The verdict
    that staff may have seen is kept."""
    reader = await stage.reader()
    await stage.stored.feedback.add(reader.id, "k", "插座不通电", clock(8))
    wechat = WeChat(2)
    done = await asyncio.gather(*(checker(stage, wechat, guard).run(clock(9)) for _ in range(2)))
    assert wechat.asked == ["插座不通电"] * 2
    assert sorted(done) == ([0, 1] if guard else [1, 1])


@guarded
async def test_a_verdict_is_not_stored_for_a_text_changed_during_its_check(
    stage: Stage, guard: bool
) -> None:
    """The changed text is checked itself."""
    reader = await stage.reader()
    await stage.stored.feedback.add(reader.id, "k", "从前的一句", clock(8))

    async def rewrite() -> None:
        sealed = stage.stored.feedback._texts.seal("text", "现在的一句")
        change = {"text": sealed, "check": due_check(clock(8))}
        await stage.db["feedback"].update_one({}, {"$set": change})

    job = checker(stage, wechat := WeChat(1, rewrite), guard)
    done = await job.run(clock(9))
    if not guard:
        assert (await stored(stage), done) == (("现在的一句", TextVerdict.RISKY), 1)
        return
    assert (await stored(stage), done) == (("现在的一句", TextVerdict.UNCHECKED), 0)
    wechat._meanwhile = None
    assert await job.run(clock(9)) == 1 and wechat.asked == ["从前的一句", "现在的一句"]
    assert await stored(stage) == ("现在的一句", TextVerdict.PASS)
    assert await job.run(clock(9)) == 0, "once"
