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
    """The student number at the sign-on equals one that this service made up for a visitor, so
    the account is another person's."""
