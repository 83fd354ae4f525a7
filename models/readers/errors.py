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
    """A sign-on's student number equals the generated number of a visitor, a different person."""
