"""What became of deliveries and is not written yet: it gathers, so that one write is for many."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.messages.entities import Delivery, DeliveryResult


@dataclass(slots=True)
class PendingWrites:
    """What is to be written: outcomes, and claims let go of."""

    outcomes: list[DeliveryResult] = field(default_factory=list)
    given_up: list[Delivery] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.given_up)
