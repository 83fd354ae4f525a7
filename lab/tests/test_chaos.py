"""Parts of the service break one after the other under load, and every promise is kept.

The real service on two hosts, three members behind proxies, Redis, and a stand-in for WeChat:
``scripts/chaos`` with quick elections and few readers. Its controls are ``test_rollback`` (step by
step, with reads that must lose) and ``test_chaos_judge.py`` (planted harm).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from lab.chaos.faults import faults
from lab.chaos.rig import rig
from lab.chaos.trial import DEADLINE, SHORT, all_harm, table, trial

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


@pytest.mark.timeout(600)
async def test_all_promises_are_kept_whatever_breaks(tmp_path: Path) -> None:
    async with rig(tmp_path, SHORT.workers) as running:
        history = await trial(running, faults(running), [FAULTS], SHORT, seed=1)
        harm = all_harm(history)
    assert harm == [], "\n".join([table(history, harm), *(str(one) for one in harm)])
    # The faults had an effect: during these four only a repetition succeeded.
    assert sorted(fault.name for fault in history.faults) == sorted(FAULTS)
    again = {history.fault_of(o) for o in history.operations if o.attempts > 1 and o.promise}
    assert {"primary-isolated", "answers-lost", "primary-paused", DEADLINE} <= again
    assert len(history.probes) >= SHORT.readers and len(history.stored) > 100
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
