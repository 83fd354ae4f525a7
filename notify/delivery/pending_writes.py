"""The results of attempts (`outcomes`) and the deliveries returned to the queue (`given_up`)
that are not written yet, gathered for one write."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.messages.entities import Delivery, DeliveryResult


@dataclass(slots=True)
class PendingWrites:
    outcomes: list[DeliveryResult] = field(default_factory=list)
    given_up: list[Delivery] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.given_up)
