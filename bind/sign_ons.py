"""The sign-ons that the sign-in page offers, and which of them have just failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bind.providers.base import ExternalIdentity, SignOnProvider
from bind.providers.oidc import OidcProvider

CAS_ID: Final = "cas"
FAILING_FOR: Final = timedelta(minutes=1)
"""How long the sign-in page reports a failed sign-on, unless the sign-on works again earlier."""


@dataclass(frozen=True, slots=True)
class SignOn:
    """One way to sign in. ``name``: its name on the sign-in page; empty for 统一身份认证.

    ``realm``: the namespace of its account numbers; empty for the campus's namespace, so that all
    sign-ons without a realm share their readers.
    """

    id: str
    provider: SignOnProvider
    name: str = ""
    realm: str = ""

    def attributes(self, user: ExternalIdentity) -> Mapping[str, Sequence[str]] | None:
        """The attributes that the provider released about a reader, or None. A realm is put
        before their names, so that no rule for the campus's attributes applies to them."""
        if not self.realm or user.attributes is None:
            return user.attributes
        return {f"{self.realm}:{name}": values for name, values in user.attributes.items()}


class SignOns:
    """All sign-ons of the library, in the order of the settings."""

    def __init__(self, all: Sequence[SignOn], now: Callable[[], datetime]) -> None:
        self._all, self._now = {one.id: one for one in all}, now
        self._failed: dict[str, datetime] = {}

    def __iter__(self) -> Iterator[SignOn]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    @property
    def first(self) -> SignOn:
        """The default sign-on, the first in the settings."""
        return next(iter(self))

    def get(self, id: str) -> SignOn | None:
        return self._all.get(id)

    def oidc(self, id: str) -> OidcProvider | None:
        """The OpenID provider with this id; None if there is no sign-on of this id and kind."""
        sign_on = self._all.get(id)
        provider = sign_on.provider if sign_on is not None else None
        return provider if isinstance(provider, OidcProvider) else None

    @property
    def realms(self) -> frozenset[str]:
        return frozenset(one.realm for one in self if one.realm)

    def note(self, id: str, *, failed: bool) -> None:
        """Records whether the sign-on gave a usable response."""
        if failed:
            self._failed[id] = self._now()
        else:
            self._failed.pop(id, None)

    def is_failing(self, id: str) -> bool:
        """True if the sign-on has failed within ``FAILING_FOR``."""
        at = self._failed.get(id)
        return at is not None and self._now() - at < FAILING_FOR

    async def answers(self) -> bool:
        """True if every sign-on of the campus responds. Sign-ons with a realm are not called."""
        checks: list[Awaitable[bool]] = [one.provider.answers() for one in self if not one.realm]
        return all([await one for one in checks])
