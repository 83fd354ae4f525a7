from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[Class]) -> type[Class]:
    """Makes ``cls`` a dataclass with slots, frozen only for the type checker. A class frozen at
    run time takes four times as long to instantiate (a reservation: 3.1, not 0.8 µs), and a
    booking creates dozens of objects. Other classes use ``@dataclass(frozen=True, slots=True)``."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
