from __future__ import annotations

from collections.abc import Iterable

from models.policy.entities import Policy
from models.policy.errors import FilterOff


def may_filter(features: Iterable[str], policy: Policy) -> None:
    """Raises: FilterOff if the policy does not allow filtering by one of the features."""
    for mark in features:
        if not policy.allows_filter(mark):
            raise FilterOff(filter=mark)
