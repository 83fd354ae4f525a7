from __future__ import annotations


class AnotherTicketWaits(Exception):
    """The reader already has a ticket for the same day, from a different request."""
