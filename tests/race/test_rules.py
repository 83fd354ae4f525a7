"""Two administrators change the rules at once; two ends meet at one entry of the audit log."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, time

import pytest

from models.audit import Entry
from models.booking import calendar
from models.errors import RulesChanged
from models.policy import OpeningRule, Policy
from models.store.audit import Audit, Sought
from models.store.catalogue import Policies
from tests.race.stage import Stage, clock

guarded = pytest.mark.parametrize("guard", [True, False], ids=["guarded", "control"])


class LookFirst(Policies):
    """The control: look whether the number is free, then write."""

    async def add(self, policy: Policy, now: datetime) -> bool:
        if await self.newest() != policy.version - 1:
            return False
        await asyncio.sleep(0)
        await self._all.delete_one({"_id": policy.version})
        await self.put(policy, now)
        return True


@guarded
async def test_the_next_version_of_the_rules_is_one(stage: Stage, guard: bool) -> None:
    policy = stage.desk.policy
    await stage.desk.policies.put(policy, clock(8))
    closures = [
        OpeningRule(None, None, date(2026, 10, n), date(2026, 10, n), reason=f"检修{n}")
        for n in range(1, 9)
    ]
    workers = [await stage.worker() for _ in closures]

    async def publish(n: int) -> bool:
        worker = workers[n]
        if not guard:
            worker.policies = LookFirst(stage.db)
        try:
            await calendar.publish(worker, calendar.with_rule(policy, closures[n]), clock(9))
        except RulesChanged:
            return False
        return True

    published = await asyncio.gather(*(publish(n) for n in range(len(closures))))
    newest = await stage.desk.policies.newest()
    assert newest == policy.version + 1
    if guard:
        assert published.count(True) == 1
        kept = await stage.desk.policies.get(newest)
        assert kept is not None and kept.opening[-1] == closures[published.index(True)]
    else:
        assert published.count(True) > 1, "one of them was overwritten without a word"


class EndedAnew(Audit):
    """The control: an entry is written whether it has ended or not."""

    async def end(self, entry: str, outcome: str, after: object) -> None:
        await self._all.update_one({"_id": entry}, {"$set": {"outcome": outcome, "after": after}})


@guarded
async def test_an_entry_of_the_log_ends_once(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    audit = (Audit if guard else EndedAnew)(stage.db)
    begun = Entry("", clock(8), reader.id, "librarian", "waive", "x:1", None, "", {}, None, "")
    entry = await audit.begin(begun)
    await audit.end(entry, "done", {"waived": True})
    await audit.end(entry, "wrong_state", None)
    ((kept,), _) = await audit.page_of(Sought(), 0, 1)
    assert kept.outcome == ("done" if guard else "wrong_state")


def test_a_dated_rule_stands_above_the_usual_hours_and_falls_away() -> None:
    usual = Policy()
    closed = OpeningRule(
        None, None, date(2026, 10, 1), date(2026, 10, 7), reason="国庆", priority=calendar.SPECIAL
    )
    late = replace(closed, opens=time(9), closes=time(12), first=date(2026, 10, 7))
    policy = calendar.with_rule(calendar.with_rule(usual, closed), late)
    venue = "library"
    found = {
        day: policy.open_day(date(2026, 10, day), venue, None).hours  # type: ignore[arg-type]
        for day in (1, 6, 7, 8)
    }
    assert found[1] is None and found[6] is None
    assert found[7] is not None and found[8] is not None
    assert (found[8].end - found[8].start).seconds == 15.5 * 3600
    assert (found[7].end - found[7].start).seconds == 3 * 3600
    assert calendar.without_rule(policy, 1).opening == (usual.opening[0], late)
