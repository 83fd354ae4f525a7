"""When the library is open, from and until a day: a new version of the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from models.kernel.errors import NotFound
from models.policy.entities import OpeningRule, Policy

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
