"""Why a card is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class CardTaken(Conflict):
    """The card is somebody else's."""

    code = "card_taken"


class CardUnknown(RuleViolation):
    """No reader has this card."""

    code = "card_unknown"
