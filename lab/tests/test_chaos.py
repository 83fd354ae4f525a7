"""Parts of the service break one after the other under load, and every promise is kept.

The real service on two hosts, three members behind proxies, Redis, and a stand-in for WeChat:
``scripts/chaos`` with quick elections and few readers; and with two schools in each process, as
``scripts/prove`` plays it. Its controls are ``test_rollback`` (step by step, with reads that must
lose) and ``test_chaos_judge.py`` (planted harm).
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from lab.chaos.faults import faults
from lab.chaos.rig import rig
from lab.chaos.trial import DEADLINE, SHORT, all_harm, table, trial
from lab.history.judge import crossed, judge
from tests.waiting import patience

FAULTS: Final = (
    "primary-isolated",
    "answers-lost",
    "primary-paused",
    "hosts-restarted",
    "applications-cut-off",
    "redis-killed",
    "redis-hanging",
    "redis-emptied",
    "wechat-away",
    "mail-away",
    DEADLINE,
)
"""``DEADLINE`` kills the primary shortly before a check-in deadline."""
IN_COMMON: Final = ("history-lost", "worker-killed", "host-killed")
"""Faults of the parts that schools of one process share."""


@pytest.mark.timeout(600)
async def test_all_promises_are_kept_whatever_breaks(tmp_path: Path) -> None:
    async with rig(tmp_path, SHORT.workers) as running:
        (history,) = await trial(
            running.set, running.libraries, faults(running), [FAULTS], SHORT, seed=1
        )
        harm = all_harm(history)
    assert harm == [], "\n".join([table(history, harm), *(str(one) for one in harm)])
    # The faults had an effect: during these four only a repetition succeeded.
    assert sorted(fault.name for fault in history.faults) == sorted(FAULTS)
    again = {history.fault_of(o) for o in history.operations if o.attempts > 1 and o.promise}
    assert {"primary-isolated", "answers-lost", "primary-paused", DEADLINE} <= again
    assert len(history.probes) >= SHORT.readers and len(history.stored) > 100
    assert any(any(party.seats.values()) for party in history.parties), "friends came"
    assert {o.verb for o in history.room_operations if o.promise} == {
        *("book", "confirm", "withdraw", "approve", "decline", "check_in", "finish", "cancel")
    }
    cards = {m.card for m in history.messages if (m.way, m.state) == ("wecom", "sent")}
    assert history.taken is not None and cards
    for count, kind in ((0, "untold"), (99, "repeated")):
        changed = replace(history, taken={**history.taken, min(cards): count})
        assert {found.kind for found in judge(changed)} == {kind}, "it would have been found"
    assert {o.verb for o in history.operations if o.promise} - {"accept"} == {
        *(
            "reserve",
            "change",
            "cancel",
            "check_in",
            "leave",
            "return",
            "extend",
            "shorten",
            "finish",
        )
    }


@pytest.mark.timeout(600)
async def test_schools_in_one_process_keep_their_promises_apart(tmp_path: Path) -> None:
    half = replace(SHORT, readers=12, seats=10, patience_s=patience(SHORT.patience_s))
    async with rig(tmp_path, SHORT.workers, ("east", "west")) as running:
        histories = await trial(
            running.set, running.libraries, faults(running), [IN_COMMON], half, seed=1
        )
        for history in histories:
            harm = all_harm(history)
            assert harm == [], "\n".join([table(history, harm), *(str(one) for one in harm)])
    assert crossed(histories) == []
    logs = "".join((tmp_path / f"{name}.log").read_text() for name in ("first", "second"))
    assert "common_change_stream_refused" not in logs
    assert re.search(r"change_stream_broken.*OperationFailure", logs), "the history was lost"
    east, west = histories
    for history in histories:
        assert len(history.stored) > 50 and len(history.answered_ids.keys()) > 50
        assert {r.id for r in history.stored} & history.answered_ids.keys()
    # Both have used seats of the same names, and a crossing would have been found.
    assert {r.seat for r in east.stored} & {r.seat for r in west.stored}
    west.answered_ids[east.stored[0].id] = east.stored[0].since
    assert [harm.kind for harm in crossed(histories)] == ["crossed"]
