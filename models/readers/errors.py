"""Why a card, or a change of a reader, is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation, Unauthenticated, WrongState


class CardTaken(Conflict):
    """The card is somebody else's."""

    code = "card_taken"


class CardUnknown(RuleViolation):
    """No reader has this card."""

    code = "card_unknown"


class AccommodationChanged(WrongState):
    """Somebody else has changed the reader's accommodation meanwhile."""

    def __init__(self) -> None:
        super().__init__(state="allowance")


class VisitChanged(WrongState):
    """Somebody else has changed the visitor's days meanwhile."""

    def __init__(self) -> None:
        super().__init__(state="stay")


class NumberOfVisitor(Unauthenticated):
    """The number was made here for a visitor: no campus account has it. Signing in is refused."""
