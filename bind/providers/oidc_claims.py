"""What the claims of an OpenID provider say about a reader, by the library's names for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bind.providers.base import EntryRefused, ExternalIdentity

_MOST_VALUES: Final = 500
_LONGEST_NUMBER: Final = 64
_LONGEST_VALUE: Final = 500


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """What this provider calls its claims; an empty name stands for "not released"."""

    number: str
    name: str = "name"
    kind: str = ""
    email: str = ""
    groups: str = ""

    @property
    def wanted(self) -> tuple[str, ...]:
        """Those that the library reads."""
        return tuple(filter(None, (self.number, self.name, self.kind, self.email, self.groups)))


def are_complete(claims: Mapping[str, Any], names: ClaimNames) -> bool:
    """Do they hold all that the library reads?"""
    return all(_found(claims, name) is not None for name in names.wanted)


def read_claims(claims: Mapping[str, Any], names: ClaimNames) -> ExternalIdentity:
    """Whom they name. Raises: EntryRefused where they hold no number."""
    number = _number(_found(claims, names.number))
    if not number or len(number) > _LONGEST_NUMBER or not number.isprintable():
        raise EntryRefused()
    verified = claims.get("email_verified") is not False
    groups = values_of(_found(claims, names.groups))
    attributes = {name: found for name, value in claims.items() if (found := values_of(value))}
    if groups:
        attributes[names.groups] = groups
    return ExternalIdentity(
        number,
        _first(claims, names.name),
        _first(claims, names.kind),
        _first(claims, names.email) if verified else "",
        groups,
        attributes=attributes,
    )


def values_of(value: object) -> tuple[str, ...]:
    """A claim's values as text; none of what is no text, number, truth or list of these."""
    listed = value if isinstance(value, list) else [value]
    texts = []
    for item in listed[:_MOST_VALUES]:
        if isinstance(item, bool):
            texts.append("true" if item else "false")
        elif isinstance(item, str | int):
            texts.append(str(item))
    return tuple(text for text in texts if 0 < len(text) <= _LONGEST_VALUE and _is_whole(text))


def _is_whole(text: str) -> bool:
    """JSON can hold half a character, which nothing can store."""
    return text.encode(errors="ignore").decode() == text


def _number(value: object) -> str:
    """An account number; empty for what is none, or several."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def _first(claims: Mapping[str, Any], name: str) -> str:
    return next(iter(values_of(_found(claims, name))), "").strip()


def _found(claims: Mapping[str, Any], name: str) -> object:
    """The claim of that name. Some providers put theirs into one another: ``realm_access.roles``
    is the claim ``roles`` in the claim ``realm_access``. None where there is none."""
    if not name:
        return None
    if name in claims:
        return claims[name]
    inner: object = claims
    for part in name.split("."):
        if not isinstance(inner, Mapping):
            return None
        inner = inner.get(part)
    return inner
