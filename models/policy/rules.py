from __future__ import annotations

from collections.abc import Collection, Iterable

from models.policy.entities import Policy
from models.policy.errors import FilterOff


def may_filter(features: Iterable[str], policy: Policy, own: Collection[str]) -> None:
    """``own``: the library's own features by which readers may filter. Raises: FilterOff if one
    of the features is neither among these nor allowed by the policy."""
    for mark in features:
        if mark not in own and not policy.allows_filter(mark):
            raise FilterOff(filter=mark)
