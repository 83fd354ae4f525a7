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
    """Names of the claims with a person's data; empty for those that the provider withholds."""

    number: str
    name: str = "name"
    kind: str = ""
    email: str = ""
    groups: str = ""

    @property
    def released(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.number, self.name, self.kind, self.email, self.groups)))


def are_complete(claims: Mapping[str, Any], names: ClaimNames) -> bool:
    return all(_claim(claims, name) is not None for name in names.released)


def read_claims(claims: Mapping[str, Any], names: ClaimNames) -> ExternalIdentity:
    """The person whom the claims identify. Raises: EntryRefused without a valid account number."""
    number = _number(_claim(claims, names.number))
    if not number or len(number) > _LONGEST_NUMBER or not number.isprintable():
        raise EntryRefused()
    verified = claims.get("email_verified") is not False
    groups = values_of(_claim(claims, names.groups))
    attributes = {name: texts for name, value in claims.items() if (texts := values_of(value))}
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
    """The values of a claim, as text. Texts, integers and booleans are returned. Values of other
    types, empty texts and overlong texts are left out."""
    listed = value if isinstance(value, list) else [value]
    texts = []
    for item in listed[:_MOST_VALUES]:
        if isinstance(item, bool):
            texts.append("true" if item else "false")
        elif isinstance(item, str | int):
            texts.append(str(item))
    return tuple(text for text in texts if 0 < len(text) <= _LONGEST_VALUE and _is_whole(text))


def _is_whole(text: str) -> bool:
    """False for a text with a lone surrogate, which JSON can hold but MongoDB cannot."""
    return text.encode(errors="ignore").decode() == text


def _number(value: object) -> str:
    """The account number in a claim's value; empty if the value has none or lists several."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def _first(claims: Mapping[str, Any], name: str) -> str:
    return next(iter(values_of(_claim(claims, name))), "").strip()


def _claim(claims: Mapping[str, Any], name: str) -> object:
    """The value of the claim with this name; None if it is missing. A dotted name also finds
    nested values: ``realm_access.roles`` is ``roles`` within ``realm_access``."""
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
