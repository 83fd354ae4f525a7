"""When the library is open, from and until a day: a new version of the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from models.booking.desk import Desk
from models.kernel.errors import NotFound
from models.policy.entities import OpeningRule, Policy
from models.policy.errors import RulesChanged

DATED_PRIORITY: Final = 10
"""The priority of what has dates: it stands above the usual hours."""


def add_opening_rule(policy: Policy, rule: OpeningRule) -> Policy:
    """The next version, with that rule too. Later ones of one priority decide."""
    return replace(policy, version=policy.version + 1, opening=(*policy.opening, rule))


def remove_opening_rule(policy: Policy, number: int) -> Policy:
    """The next version, without that rule. Raises: NotFound, for a usual one as well."""
    if not 0 <= number < len(policy.opening) or policy.opening[number].last is None:
        raise NotFound()
    kept = policy.opening[:number] + policy.opening[number + 1 :]
    return replace(policy, version=policy.version + 1, opening=kept)


async def publish(desk: Desk, new: Policy, now: datetime) -> None:
    """Let ``new`` stand from now on. Raises: RulesChanged, where somebody else was first."""
    if not await desk.policies.add(new, now):
        raise RulesChanged()
    await desk.refresh()
