from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation, Unauthenticated, WrongState


class CardTaken(Conflict):
    """The card belongs to another reader."""

    code = "card_taken"


class CardUnknown(RuleViolation):
    code = "card_unknown"


class AccommodationChanged(WrongState):
    def __init__(self) -> None:
        super().__init__(state="allowance")


class VisitChanged(WrongState):
    def __init__(self) -> None:
        super().__init__(state="stay")


class NumberOfVisitor(Unauthenticated):
    """The sign-on's student number equals a visitor's made-up one: another person signs on."""
