"""The ways in that the sign-in page offers, and which of them fail just now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bind.providers.base import ExternalIdentity, SignOnProvider
from bind.providers.oidc import OidcProvider

CAS_ID: Final = "cas"
FAILING_FOR: Final = timedelta(minutes=1)
"""How long the sign-in page says of a sign-on that it has failed, unless it works meanwhile."""


@dataclass(frozen=True, slots=True)
class SignOn:
    """One sign-on. ``name`` is the library's for it, empty for 统一身份认证. ``realm``: where its
    numbers are its own, what they are told apart by; else they are the campus's, and one number is
    one reader whichever way they come."""

    id: str
    provider: SignOnProvider
    name: str = ""
    realm: str = ""

    def attributes(self, user: ExternalIdentity) -> Mapping[str, Sequence[str]] | None:
        """What it tells of a reader. Attributes of a realm begin with its name, so that a rule of
        the library for its own campus's does not hold for somebody else's."""
        if not self.realm or user.attributes is None:
            return user.attributes
        return {f"{self.realm}:{name}": values for name, values in user.attributes.items()}


class SignOns:
    """All of the library's, in the order of the settings."""

    def __init__(self, all: Sequence[SignOn], now: Callable[[], datetime]) -> None:
        """``now`` is the time on the wall."""
        self._all, self._now = {one.id: one for one in all}, now
        self._failed: dict[str, datetime] = {}

    def __iter__(self) -> Iterator[SignOn]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    @property
    def first(self) -> SignOn:
        """The one that is taken where nobody has chosen."""
        return next(iter(self))

    def get(self, id: str) -> SignOn | None:
        return self._all.get(id)

    def oidc(self, id: str) -> OidcProvider | None:
        """The OpenID provider of that id."""
        found = self._all.get(id)
        provider = found.provider if found is not None else None
        return provider if isinstance(provider, OidcProvider) else None

    @property
    def realms(self) -> frozenset[str]:
        """What numbers are told apart by."""
        return frozenset(one.realm for one in self if one.realm)

    def note(self, id: str, *, failed: bool) -> None:
        """Remember whether it gave a usable answer."""
        if failed:
            self._failed[id] = self._now()
        else:
            self._failed.pop(id, None)

    def is_failing(self, id: str) -> bool:
        """Has it failed a moment ago?"""
        at = self._failed.get(id)
        return at is not None and self._now() - at < FAILING_FOR

    async def answers(self) -> bool:
        """Do all of the campus's own give a sign of life? While one does not, its readers cannot
        keep to deadlines."""
        asked: list[Awaitable[bool]] = [one.provider.answers() for one in self if not one.realm]
        return all([await one for one in asked])
