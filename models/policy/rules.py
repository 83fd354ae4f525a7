"""Which filters the policy allows."""

from __future__ import annotations

from collections.abc import Iterable

from models.policy.entities import Policy
from models.policy.errors import FilterOff


def may_filter(wanted: Iterable[str], policy: Policy) -> None:
    """Whether seats may be looked for by these marks. Raises: FilterOff."""
    for mark in wanted:
        if not policy.allows_filter(mark):
            raise FilterOff(filter=mark)
