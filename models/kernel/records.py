"""Classes whose objects are made for each request and are never changed afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[Class]) -> type[Class]:
    """The class as a dataclass with slots that the type checker takes for a frozen one.

    A booking makes such objects by the dozen, and one that is frozen at run time as well takes more
    than three times as long to make (measured: a reservation 3.1 instead of 0.8 µs). All other
    classes are ``@dataclass(frozen=True, slots=True)``.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
